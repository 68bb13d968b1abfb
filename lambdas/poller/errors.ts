/** Something outside works badly for now. The run ends early, keeps what it has, and the next one goes on. */
export class TransientFailure extends Error {
  override readonly name = 'TransientFailure';
  constructor(
    message: string,
    options?: ErrorOptions,
    /** The service asks for fewer requests. */
    readonly throttled = false,
  ) {
    super(message, options);
  }
}

/** Something has to be put right by a person; the message says what. The run fails, so that an alarm fires at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/**
 * A service refused a request as a whole for what is in it. What follows depends on the request: a dead cursor, one bad
 * item among many, or our own mistake.
 */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  constructor(
    readonly code: string,
    message: string,
    /** Of a ValidationException: why, and which fields. */
    readonly reason: string | undefined,
    readonly errorList: unknown,
    /** What a person should do, if nothing else can be done about it. */
    readonly advice: string,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Whether a request that carried a page token was refused for it: the same request without one is taken, so that it is
 * a dead cursor and not our mistake.
 */
export const isRefusedToken = (error: unknown): error is RequestRefused =>
  error instanceof RequestRefused && ['ValidationException', 'ResourceNotFoundException'].includes(error.code);

/** The conditional write found another owner of the lease. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly Reason?: string;
  readonly ErrorList?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const notAuthorised = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'ExpiredTokenException',
  'CredentialsProviderError',
]);

/** Names that say of themselves that the request carries the wrong time. */
const wrongTime = new Set(['RequestExpired', 'RequestInTheFuture', 'RequestTimeTooSkewed']);

/**
 * Whether the signature is refused for its time only. All services use the name of a wrong signature for that too, so
 * the message decides. The SDK corrects its clock by the answer and tries again; what is left is a passing fault, or a
 * clock that is really wrong, and no right that is missing.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-troubleshooting.html
 */
const isAboutTime = ({ name, message }: ServiceError) =>
  wrongTime.has(name) || (notAuthorised.has(name) && /signature (?:has )?(?:expired|not yet current)/i.test(message));

/** Throttling under a status that says "your mistake": DynamoDB, STS, and Partner Central as its guide describes it, use 400 for all. */
export const throttled: ReadonlySet<string> = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'ProvisionedThroughputExceededException',
  'LimitExceededException',
  'RequestThrottled',
]);

export interface Advice {
  readonly denied: string;
  readonly notFound?: string;
  readonly refused: string;
}

/** Advice for PutEvents: a call may be denied as a whole, and so may its entries. */
export const publishingDenied =
  "Let the function's role use events:PutEvents on the event bus, and look at the bus's own policy";

/**
 * Sorts what a client threw, after its own retries, by what we do about it. Branches on the name first: the service
 * model and the guide of Partner Central disagree about status codes.
 * @param advice what a person should do when the service says that we may not, that the thing isn't there, or that it
 *   doesn't take what we ask for
 */
export function sortFailure(thrown: unknown, doing: string, advice: Advice): Error {
  // Sorted already, further in: the credentials for the call could not be had.
  if (thrown instanceof TransientFailure || thrown instanceof PermanentFailure) return thrown;
  const error = thrown as ServiceError;
  // An answer that breaks off can't be read: its status says "your mistake", but nobody knows which. The parser quotes
  // what it stumbles over, and that may be a task's message, which belongs in no log.
  if (error.name === 'SyntaxError') return new TransientFailure(`${doing}: the answer can not be read`);
  const options = { cause: thrown };
  const said = `${doing}: ${error.name}${error.Reason ? ` (${error.Reason})` : ''}: ${error.message}`;
  if (isAboutTime(error)) return new TransientFailure(`${said}. Check the clock of this machine`, options);
  if (notAuthorised.has(error.name)) return new PermanentFailure(`${said}. ${advice.denied}`, options);
  if (error.name === 'ResourceNotFoundException' && advice.notFound !== undefined) {
    return new PermanentFailure(`${said}. ${advice.notFound}`, options);
  }
  const status = error.$metadata?.httpStatusCode;
  const refused = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (error.name === 'ValidationException' || (refused && !throttled.has(error.name))) {
    return new RequestRefused(error.name, said, error.Reason, error.ErrorList, advice.refused, options);
  }
  return new TransientFailure(said, options, throttled.has(error.name) || status === 429);
}
