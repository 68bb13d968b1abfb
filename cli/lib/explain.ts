/** What went wrong with AWS, in one sentence that says what to do. Quotes nothing that could hold a secret. */

import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { throttled } from '../../lambdas/poller/errors';
import { CommandFailure } from './context';
import { NoCredentials } from './credentials';
import { shellWord } from './words';

interface ServiceError extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: { readonly throttling?: boolean };
}

const expired = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'TokenRefreshRequired']);

const notAccepted = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'AuthFailure',
]);

const unreachable = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EPIPE',
  'TimeoutError',
]);

/** @param environment with the region and the profile that were used */
export function explain(thrown: unknown, environment: NodeJS.ProcessEnv): string {
  if (thrown instanceof CommandFailure || thrown instanceof NoCredentials) return thrown.message;
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as ServiceError;
  return (
    known(error, environment) ??
    // The poller's own edges wrap what the service said, with advice for the function's role.
    (error.cause instanceof Error ? known(error.cause, environment) : undefined) ??
    `${error.name === 'Error' ? '' : `${error.name}: `}${error.message || 'Something went wrong'}. DEBUG=1 shows where.`
  );
}

function known(error: ServiceError, environment: NodeJS.ProcessEnv): string | undefined {
  const { name, message, code = '' } = error;
  if (expired.has(name)) return `The AWS credentials have expired: get new ones${whence(environment)} and try again.`;
  if (notAccepted.has(name))
    return `AWS does not accept the credentials (${name}): see whether aws sts get-caller-identity works with them, and whether this machine's clock is right.`;
  if (name === 'AccessDenied' || name === 'AccessDeniedException' || name === 'UnauthorizedOperation')
    return denied(message);
  if (throttled.has(name) || error.$retryable?.throttling || error.$metadata?.httpStatusCode === 429)
    return `AWS throttles the calls of this account (${name}), again and again: try again in some minutes.`;
  if (unreachable.has(code) || unreachable.has(name))
    return `AWS can not be reached (${unreachable.has(code) ? code : name}): check the network, the proxy and the region's name, and try again.`;
  if (/CERT|^UNABLE_TO_VERIFY/.test(code))
    return `The certificate of AWS can not be verified (${code}): if a proxy opens TLS, name the file of its certificate in NODE_EXTRA_CA_CERTS.`;
  if (error.$metadata?.httpStatusCode === 407)
    return 'The proxy wants a name and a password (407): put them into HTTPS_PROXY, as in http://NAME:PASSWORD@HOST:PORT.';
  if ((error.$metadata?.httpStatusCode ?? 0) >= 500)
    return `AWS failed to answer (${name}), again and again: look at the AWS Health Dashboard, and try again in some minutes.`;
  if (error instanceof ConfigurationError)
    return `The function was deployed by another release than this one, or edited by hand: use the release that it was deployed with, or deploy it again. (${error.problems.join('; ')})`;
  return undefined;
}

function whence({ AWS_ACCESS_KEY_ID: key, AWS_PROFILE: profile }: NodeJS.ProcessEnv): string {
  if (key) return ' for AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN,';
  return ` (aws sso login${profile ? ` --profile ${shellWord(profile)}` : ''}, for a profile with SSO)`;
}

function denied(message: string): string {
  const action = /not authorized to perform:? ([\w-]+:\w+)/.exec(message)?.[1];
  const who = /\b(arn:aws[\w-]*:(?:iam|sts)::\d{12}:[\w+=,.@/-]+)/.exec(message)?.[1];
  if (action)
    return `The permission ${action} is missing: allow it to ${who ?? 'who you are'}, or name another --profile.`;
  return `AWS denies the access: ${message}. Allow it, or name another --profile.`;
}
