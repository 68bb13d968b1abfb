/** What went wrong with AWS, in one sentence that says what to do. Quotes nothing that could hold a secret. */

import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { throttled } from '../../lambdas/poller/errors';
import { CommandFailure } from './context';

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
  if (thrown instanceof CommandFailure) return thrown.message;
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as ServiceError;
  return (
    known(error, environment) ??
    // The poller's own edges wrap what the service said, with advice for the function's role.
    (error.cause instanceof Error ? known(error.cause, environment) : undefined) ??
    `${error.name === 'Error' ? '' : `${error.name}: `}${error.message || 'Something went wrong'}. DEBUG=1 shows where.`
  );
}

function known(error: ServiceError, { AWS_PROFILE: profile }: NodeJS.ProcessEnv): string | undefined {
  const { name, message, code = '' } = error;
  const login = `aws sso login${profile ? ` --profile ${profile}` : ''}`;
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    if (/\bsso\b|token/i.test(message)) return `The sign-in of the profile is over: run ${login} and try again.`;
    return profile
      ? `The profile ${profile} gives no credentials: complete it with aws configure --profile ${profile}, or name another one with --profile.`
      : 'There are no AWS credentials: name a profile with --profile, set AWS_PROFILE, or run aws configure first.';
  }
  if (expired.has(name))
    return `The AWS credentials have expired: get new ones (${login}, for a profile with SSO) and try again.`;
  if (notAccepted.has(name))
    return `AWS does not accept the credentials (${name}): see whether aws sts get-caller-identity works with them, and whether this machine's clock is right.`;
  if (name === 'AccessDenied' || name === 'AccessDeniedException' || name === 'UnauthorizedOperation')
    return denied(message);
  if (throttled.has(name) || error.$retryable?.throttling || error.$metadata?.httpStatusCode === 429)
    return `AWS throttles the calls of this account (${name}), again and again: try again in some minutes.`;
  if (unreachable.has(code) || unreachable.has(name))
    return `AWS can not be reached (${unreachable.has(code) ? code : name}): check the network, the proxy and the region's name, and try again.`;
  if ((error.$metadata?.httpStatusCode ?? 0) >= 500)
    return `AWS failed to answer (${name}), again and again: look at the AWS Health Dashboard, and try again in some minutes.`;
  if (error instanceof ConfigurationError)
    return `The function was deployed by another release than this one, or edited by hand: use the release that it was deployed with, or deploy it again. (${error.problems.join('; ')})`;
  return undefined;
}

function denied(message: string): string {
  const action = /not authorized to perform:? ([\w-]+:\w+)/.exec(message)?.[1];
  const who = /\b(arn:aws[\w-]*:(?:iam|sts)::\d{12}:[\w+=,.@/-]+)/.exec(message)?.[1];
  if (action)
    return `The permission ${action} is missing: allow it to ${who ?? 'who you are'}, or name another --profile.`;
  return `AWS denies the access: ${message}. Allow it, or name another --profile.`;
}
