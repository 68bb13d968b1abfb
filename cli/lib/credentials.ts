/**
 * Credentials as the AWS CLI finds them: keys of the environment, its web identity, the profile, this machine. Which of them
 * a profile means is decided here, because the SDK tries the next source where one fails, and then says only that there
 * are no credentials.
 */
import { fromIni, fromNodeProviderChain, fromTemporaryCredentials, fromTokenFile } from '@aws-sdk/credential-providers';
import { externalDataInterceptor } from '@smithy/core/config';
import { withoutAbsent } from '../../lambdas/poller/core/task';
import { PermanentFailure } from '../../lambdas/poller/errors';
import { type Profile, profileFiles, readProfiles, readSsoSessions, textOf } from './profiles';
import { shellWord } from './words';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}
type Provider = () => Promise<Credentials>;

/** No credentials can be had until a person does what the message says. */
export class NoCredentials extends PermanentFailure {}

export interface CredentialOptions {
  /** Of the STS clients that assume roles. */
  readonly sts: NonNullable<Parameters<typeof fromTemporaryCredentials>[0]['clientConfig']>;
  /** Asks a person for a code; undefined where there is none to ask. */
  readonly ask: (question: string) => Promise<string | undefined>;
}

/** The SDK warns of profile and keys that are both set. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** One for all clients, so that a role is assumed, a program run and a person asked once. */
export function credentialsOf(environment: NodeJS.ProcessEnv, options: CredentialOptions): Provider {
  let read: Provider | undefined;
  let kept: Credentials | undefined;
  let pending: Promise<Credentials> | undefined;
  const renew = async () => {
    try {
      read ??= sourceOf(environment, options);
      kept = await read();
      return kept;
    } catch (error) {
      throw explained(error as Error, environment);
    } finally {
      pending = undefined;
    }
  };
  return async () => {
    if (kept && !expiresSoon(kept)) return kept;
    pending ??= renew();
    return pending;
  };
}

const expiresSoon = ({ expiration }: Credentials) =>
  expiration !== undefined && expiration.getTime() - Date.now() < 5 * 60_000;

function sourceOf(environment: NodeJS.ProcessEnv, options: CredentialOptions): Provider {
  const keys = keysOf('The environment', {
    aws_access_key_id: environment.AWS_ACCESS_KEY_ID,
    aws_secret_access_key: environment.AWS_SECRET_ACCESS_KEY,
    aws_session_token: environment.AWS_SESSION_TOKEN,
  });
  if (keys) return keys;
  const { AWS_WEB_IDENTITY_TOKEN_FILE: webIdentityTokenFile, AWS_ROLE_ARN: roleArn } = environment;
  if (webIdentityTokenFile && roleArn) {
    const roleSessionName = environment.AWS_ROLE_SESSION_NAME;
    return webIdentity({ webIdentityTokenFile, roleArn, ...(roleSessionName && { roleSessionName }) }, options);
  }
  return profileSource(environment.AWS_PROFILE || 'default', environment, options);
}

function profileSource(
  name: string,
  environment: NodeJS.ProcessEnv,
  options: CredentialOptions,
  visited: readonly string[] = [],
): Provider {
  const profiles = readProfiles(environment);
  const profile = profiles.get(name) ?? {};
  const { role_arn: RoleArn, source_profile: source, web_identity_token_file: webIdentityTokenFile } = profile;
  const keys = keysOf(`The profile ${shellWord(name)}`, profile);
  const assumesRole = RoleArn !== undefined && (source ?? profile.credential_source) !== undefined;
  if (keys && (visited.length > 0 || !assumesRole)) return keys;
  if (RoleArn && source) {
    if (!profiles.has(source))
      throw new NoCredentials(
        `The profile ${shellWord(name)} names ${shellWord(source)} as its source_profile, and there is no such profile in ${profileFiles(environment).join(' or ')}.`,
      );
    if (visited.includes(source))
      throw new NoCredentials(
        `The source_profile of ${shellWord(source)} leads back to it (${[...visited, name, source].map(shellWord).join(', ')}): let one of them name a profile with credentials of its own.`,
      );
    const masterCredentials = profileSource(source, environment, options, [...visited, name]);
    return assumedRole({ ...profile, role_arn: RoleArn }, masterCredentials, name, options);
  }
  if (RoleArn && webIdentityTokenFile) return webIdentity({ webIdentityTokenFile, roleArn: RoleArn }, options);
  if (profile.sso_session && !readSsoSessions(environment).includes(profile.sso_session))
    throw new NoCredentials(
      `The profile ${shellWord(name)} names the sso-session ${shellWord(profile.sso_session)}, and there is no such section in ${profileFiles(environment)[0]}.`,
    );
  return sdkSource(name, profile, environment, options);
}

function assumedRole(
  profile: Profile & { readonly role_arn: string },
  masterCredentials: Provider,
  name: string,
  { sts, ask }: CredentialOptions,
): Provider {
  return fromTemporaryCredentials({
    masterCredentials,
    params: withoutAbsent({
      RoleArn: profile.role_arn,
      RoleSessionName: profile.role_session_name,
      ExternalId: profile.external_id,
      DurationSeconds: profile.duration_seconds ? Number(profile.duration_seconds) : undefined,
      SerialNumber: profile.mfa_serial,
    }),
    async mfaCodeProvider(serial) {
      const code = await ask(`MFA code for ${serial}: `);
      if (code) return code;
      throw new NoCredentials(
        `The profile ${shellWord(name)} needs an MFA code (mfa_serial ${serial}): run this at a terminal and type it in, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to those of a session.`,
      );
    },
    clientConfig: sts,
    logger: silent,
  });
}

const webIdentity = (of: Parameters<typeof fromTokenFile>[0], { sts }: CredentialOptions): Provider =>
  fromTokenFile({ ...of, clientConfig: sts, logger: silent });

/** What the SDK has to find: a sign-in, a program, or else this machine's role. */
function sdkSource(
  name: string,
  profile: Profile,
  environment: NodeJS.ProcessEnv,
  { sts }: CredentialOptions,
): Provider {
  const [configFilepath, filepath] = profileFiles(environment);
  const { region, requestHandler } = sts;
  const init = withoutAbsent({
    configFilepath,
    filepath,
    logger: silent,
    ignoreCache: true,
    clientConfig: withoutAbsent({ requestHandler }),
    parentClientConfig: withoutAbsent({ region }),
    profile: environment.AWS_PROFILE && nameForSdk(name, [configFilepath, filepath]),
  });
  const says = ['credential_process', 'credential_source', 'login_session', 'sso_session', 'sso_start_url'];
  return says.some(key => profile[key] !== undefined) ? fromIni(init) : fromNodeProviderChain(init);
}

/** The SDK does not read names with spaces, so it gets files in which they have none. */
function nameForSdk(name: string, [config, credentials]: readonly [string, string]): string {
  if (!/\s/.test(name)) return name;
  const intercept = (file: string, header: RegExp) => {
    const text = textOf(file).replaceAll(header, (_, before, spaced, after) => `${before}${joined(spaced)}${after}`);
    externalDataInterceptor.interceptFile(file, text);
  };
  intercept(config, /(?<=^\s*)(\[\s*profile\s+)["']([^"'\]]+)["'](\s*\])/gm);
  intercept(credentials, /(?<=^\s*)(\[\s*)([^\]]*?\S)(\s*\])/gm);
  return joined(name);
}

const joined = (name: string) => name.replaceAll(/\s+/g, '%20');

/** @throws NoCredentials when half of a key is missing */
function keysOf(whose: string, values: Readonly<Record<string, string | undefined>>): Provider | undefined {
  const {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
  } = values;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (accessKeyId && secretAccessKey)
    return async () => ({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) });
  const [there, missing] = ['aws_access_key_id', 'aws_secret_access_key'];
  throw new NoCredentials(`${whose} has ${accessKeyId ? there : missing} without ${accessKeyId ? missing : there}.`);
}

/** The same error, or in words what a person can do about it. */
function explained(error: NodeJS.ErrnoException, { AWS_PROFILE: profile }: NodeJS.ProcessEnv): Error {
  const { name, message, code, path } = error;
  const because = (sentence: string) => new NoCredentials(sentence, { cause: error });
  if (path !== undefined && ['ENOENT', 'EACCES', 'EISDIR'].includes(code ?? ''))
    return because(
      `The web identity token file ${path} can't be read (${code}): AWS_WEB_IDENTITY_TOKEN_FILE or the profile names it.`,
    );
  if (/MultiFactorAuthentication failed/.test(message))
    return because('AWS does not accept the MFA code: wait for the next one and try again.');
  if (name !== 'CredentialsProviderError' && name !== 'TokenProviderError') return error;
  const ofProfile = profile ? ` --profile ${shellWord(profile)}` : '';
  if (/aws sso login|Token is expired/.test(message))
    return because(`The sign-in of the profile is over: run aws sso login${ofProfile} and try again.`);
  if (/aws login/.test(message))
    return because(`The sign-in of the profile is over: run aws login${ofProfile} and try again.`);
  const whose = `The profile ${shellWord(profile || 'default')}`;
  // Without the command, which may hold a secret.
  const [, stderr] = /^Command failed: .*\n?([\s\S]*)/.exec(message) ?? [];
  if (stderr !== undefined)
    return because(
      `The credential_process of ${whose.toLowerCase()} failed${quoted(stderr)}. Run it by itself, and put right what it says.`,
    );
  if (!/^Could not load credentials/.test(message)) return because(`${whose} gives no credentials${quoted(message)}.`);
  return because(
    profile
      ? `${whose} gives no credentials: complete it with aws configure${ofProfile}, or name another one with --profile.`
      : 'There are no AWS credentials: name a profile with --profile, set AWS_PROFILE, or run aws configure first.',
  );
}

function quoted(text: string): string {
  const line = text.trim().split('\n').at(-1)?.replace(/\.$/, '').replaceAll('%20', ' ');
  return line ? ` (${line})` : '';
}
