/** A service fails for now. The run ends early and keeps what it has; the next run continues. */
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

/** A person has to fix something; the message says what. The run fails, so that an alarm fires at once. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/**
 * A service refused a whole request because of its content. What to do depends on the request: a dead cursor, one bad item
 * among many, or our own mistake.
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
 * Whether a request was refused because of its page token. The same request without a token is accepted, so this is a
 * dead cursor and not our mistake.
 */
export const isRefusedToken = (error: unknown): error is RequestRefused =>
  error instanceof RequestRefused && ['ValidationException', 'ResourceNotFoundException'].includes(error.code);

/** A conditional write found another owner of the lease. */
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

/** Error names that mean: the request carries the wrong time. */
const wrongTime = new Set(['RequestExpired', 'RequestInTheFuture', 'RequestTimeTooSkewed']);

/**
 * Whether a signature is refused for its time only. All services use the error name of a wrong signature for that too, so
 * the message decides. The SDK corrects its clock by the answer and retries. If it still fails, the fault is transient or
 * a clock is wrong; no permission is missing.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-troubleshooting.html
 */
const isAboutTime = ({ name, message }: ServiceError) =>
  wrongTime.has(name) || (notAuthorised.has(name) && /signature (?:has )?(?:expired|not yet current)/i.test(message));

/** Throttling with status 400: DynamoDB, STS, and Partner Central by its guide, use 400 for every error. */
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
 * Turns what a client threw, after its own retries, into one of the errors above. The name decides before the status: the
 * service model and the guide of Partner Central disagree about status codes.
 * @param advice what a person should do if access is denied, the resource is missing, or the request is refused
 */
export function sortFailure(thrown: unknown, doing: string, advice: Advice): Error {
  // Sorted already: the role's credentials could not be fetched.
  if (thrown instanceof TransientFailure || thrown instanceof PermanentFailure) return thrown;
  const error = thrown as ServiceError;
  // A truncated answer can't be parsed, and its status says nothing about the request. No `cause`: the parser quotes the
  // text, which may be a task's message and must not be logged.
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
