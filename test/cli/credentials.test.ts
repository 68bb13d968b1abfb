/** Credentials like the AWS CLI's, and the messages when there are none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { awsOf } from '../../cli/lib/aws';
import type { GlobalOptions } from '../../cli/lib/command';
import { useAccount } from '../../cli/lib/environment';
import { explain } from '../../cli/lib/explain';
import { readProfiles } from '../../cli/lib/profiles';
import { main } from '../../cli/main';
import { PermanentFailure } from '../../lambdas/poller/errors';
import { startPartnerCentral } from '../../local/services/partner-central';
import { type Sts, startSts } from '../../local/services/sts';
import { openCommandLine } from './command-line';

const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
const files = { AWS_CONFIG_FILE: join(folder, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') };
const role = (name: string) => `arn:aws:iam::111111111111:role/${name}`;
const mfa = 'arn:aws:iam::111111111111:mfa/ops';
const process = (command: string) => `credential_process = ${command}`;
const secret = 'a-secret-that-nobody-may-read';

let sts: Sts;
beforeAll(async () => {
  sts = await startSts();
  writeFileSync(
    files.AWS_SHARED_CREDENTIALS_FILE,
    `[keys]
aws_access_key_id = KEYS
aws_secret_access_key = secret
region = eu-north-1
[half]
aws_access_key_id = HALF
[kept here]
aws_access_key_id = KEPT
aws_secret_access_key = secret
`,
  );
  writeFileSync(
    files.AWS_CONFIG_FILE,
    `[default]
region = us-east-1
[profile keys]
region = eu-west-1
[profile deployer]
role_arn = ${role('deployer')}
source_profile = keys
[profile twice]
role_arn = ${role('twice')}
source_profile = deployer
[profile "of spaces"]
role_arn = ${role('spaces')}
source_profile = kept here
[profile 'spaced program']
${process(`echo '{"Version":1,"AccessKeyId":"SPACED","SecretAccessKey":"secret"}'`)}
[profile unquoted name]
region = us-east-1
[profile own]
role_arn = ${role('own')}
source_profile = own
aws_access_key_id = OWN
aws_secret_access_key = secret
[profile orphan]
role_arn = ${role('orphan')}
source_profile = no body
[profile one]
role_arn = ${role('one')}
source_profile = two
[profile two]
role_arn = ${role('two')}
source_profile = one
[profile coded]
role_arn = ${role('coded')}
source_profile = keys
mfa_serial = ${mfa}
[profile failing program]
[profile failing]
${process(`sh -c 'echo "Log in to the vault first" >&2; exit 3' ${secret}`)}
[profile garbage]
${process(`echo ${secret}`)}
[profile stale]
${process(`echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"B","Expiration":"2020-01-01T00:00:00Z"}'`)}
[profile web]
role_arn = ${role('web')}
web_identity_token_file = ${join(folder, 'no-token')}
[profile signed-in]
sso_session = work
sso_account_id = 111111111111
sso_role_name = ops
[profile lost-session]
sso_session = gone
sso_account_id = 111111111111
sso_role_name = ops
[sso-session work]
sso_region = us-east-1
sso_start_url = https://signin.example.com
[services local]
s3 =
  endpoint_url = http://127.0.0.1:1
[plugins]
cli = nothing
`,
  );
});
afterAll(async () => {
  await sts.close();
  rmSync(folder, { recursive: true });
});

const keys = { AWS_ACCESS_KEY_ID: 'SHELL', AWS_SECRET_ACCESS_KEY: 'secret' };
const given = (environment: Record<string, string>) => ({ ...files, AWS_ENDPOINT_URL_STS: sts.url, ...environment });

function clientOf(options: Partial<GlobalOptions>, environment: Record<string, string>, code?: string) {
  const account = useAccount({ stack: 'Stack', ...options }, false, given(environment));
  return awsOf(account.environment, async () => code)('STS');
}
/** @returns the access key id. For a role, local services put its name into it. */
const keyOf = async (options: Partial<GlobalOptions>, environment: Record<string, string> = {}) =>
  (await clientOf(options, environment).credentials()).accessKeyId.replace(/_\d+$/, '');

test.each<[string, Partial<GlobalOptions>, Record<string, string>, string]>([
  ['keys of the environment win over AWS_PROFILE', {}, { ...keys, AWS_PROFILE: 'keys' }, 'SHELL'],
  ['--profile wins over keys of the environment', { profile: 'keys' }, keys, 'KEYS'],
  ['AWS_PROFILE without keys', {}, { AWS_PROFILE: 'keys' }, 'KEYS'],
  ['AWS_DEFAULT_PROFILE', {}, { AWS_DEFAULT_PROFILE: 'keys' }, 'KEYS'],
  [
    '--profile wins over a web identity of the environment',
    { profile: 'keys' },
    { AWS_WEB_IDENTITY_TOKEN_FILE: '/none', AWS_ROLE_ARN: role('web') },
    'KEYS',
  ],
  ['a role', { profile: 'deployer' }, {}, 'ASIA_deployer'],
  ['a role assumed through another role', { profile: 'twice' }, {}, 'ASIA_twice'],
  ['a role assumed with keys of the same profile', { profile: 'own' }, {}, 'ASIA_own'],
  ['names with spaces, in both files', { profile: 'of spaces' }, {}, 'ASIA_spaces'],
  ['a name with spaces that the SDK reads', { profile: 'spaced program' }, {}, 'SPACED'],
])('%s', async (_, options, environment, expected) => {
  expect(await keyOf(options, environment)).toBe(expected);
});

test('a region in the credentials file wins, as with the AWS CLI', async () => {
  expect(await clientOf({ profile: 'keys' }, {}).region()).toBe('eu-north-1');
});

test('lists profiles only: no sso-session, services, plugins or unquoted names with spaces', () => {
  const names = [...readProfiles(given({})).keys()];
  expect(names).toContain('spaced program');
  expect(names).toContain('kept here');
  expect(names.filter(name => /work|local|plugins|unquoted/.test(name))).toEqual([]);
});

test.each<[string, Partial<GlobalOptions>, Record<string, string>, RegExp]>([
  ['half a key', {}, { AWS_ACCESS_KEY_ID: 'SHELL' }, /^The environment has aws_access_key_id without aws_secret_acc/],
  [
    'half a key in a profile',
    { profile: 'half' },
    {},
    /^The profile half has aws_access_key_id without aws_secret_acc/,
  ],
  [
    'no such source_profile',
    { profile: 'orphan' },
    {},
    /^The profile orphan names 'no body' as its source_profile, and there is no such profile in .*config or /,
  ],
  ['a cycle', { profile: 'one' }, {}, /^The source_profile of one leads back to it \(one, two, one\): let one of them/],
  [
    'a credential_process that fails',
    { profile: 'failing' },
    {},
    /^The credential_process of the profile failing failed \(Log in to the vault first\)\. Run it by itself/,
  ],
  [
    'a credential_process without JSON',
    { profile: 'garbage' },
    {},
    /credentials \(.*credential_process returned invalid JSON\)\.$/,
  ],
  [
    'expired output of a credential_process',
    { profile: 'stale' },
    {},
    /credential_process returned expired credentials\)\.$/,
  ],
  ['a missing token file', { profile: 'web' }, {}, /^The web identity token file .*no-token can't be read \(ENOENT\)/],
  [
    'a missing token file named by the environment',
    {},
    { AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'not-there'), AWS_ROLE_ARN: role('web') },
    /^The web identity token file .*not-there can't be read \(ENOENT\)/,
  ],
  [
    'an unknown sso-session',
    { profile: 'lost-session' },
    {},
    /names the sso-session gone, and there is no such section in .*config\.$/,
  ],
  [
    'no terminal for the MFA code',
    { profile: 'coded' },
    {},
    /^The profile coded needs an MFA code \(mfa_serial .*mfa\/ops\)/,
  ],
])('fails when there is %s: permanently, with advice', async (_, options, environment, message) => {
  const error = await clientOf(options, environment)
    .credentials()
    .catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(PermanentFailure);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain(secret);
});

test('quotes names with spaces in messages', () => {
  const expired = Object.assign(new Error('It is over'), { name: 'ExpiredToken' });
  expect(explain(expired, { AWS_PROFILE: "ops' own" })).toContain("(aws sso login --profile 'ops'\\'' own', for");
  expect(() => clientOf({ profile: 'of nobody' }, {})).toThrow(/^There is no profile 'of nobody' in .*, 'of spaces', /);
});

test('assumes a role once for all clients', async () => {
  const aws = awsOf(useAccount({ stack: 'Stack', profile: 'deployer' }, false, given({})).environment);
  const before = sts.sessions.length;
  const [one, other] = await Promise.all([aws('STS').credentials(), aws('LAMBDA').credentials()]);
  expect(one).toEqual(other);
  expect(sts.sessions.length - before).toBe(1);
});

describe('an MFA code', () => {
  async function doctor(code: string) {
    const stream = () => Object.assign(new PassThrough(), { isTTY: true });
    const streams = { stdin: stream(), stdout: stream(), stderr: stream() };
    let asked = '';
    streams.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('MFA code')) streams.stdin.write(`${code}\r`);
      asked += text;
    });
    const environment = { ...given({}), AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    await main(['doctor', '--profile', 'coded'], streams, environment);
    return { asked, out: String(streams.stdout.read()) };
  }

  test('is read from a terminal once, and not shown', async () => {
    const codes: unknown[] = [];
    sts.intercept = ({ operation, input }) => {
      if (operation === 'AssumeRole') codes.push([input.SerialNumber, input.TokenCode]);
      return undefined;
    };
    const { asked, out } = await doctor('123456');
    expect(codes).toEqual([[mfa, '123456']]);
    expect(asked).toContain(`MFA code for ${mfa}: `);
    expect(asked.split('MFA code')).toHaveLength(2);
    expect(asked).not.toContain('123456');
    expect(out).toContain('ok     credentials: arn:aws:sts::111111111111:assumed-role/coded/');
  });

  test('fails when it is wrong, with a message', async () => {
    const message = 'MultiFactorAuthentication failed with invalid MFA one time pass code.';
    sts.intercept = ({ operation }) =>
      operation === 'AssumeRole'
        ? { when: 'before', how: { status: 403, type: 'AccessDenied', body: { message } } }
        : undefined;
    expect((await doctor('000000')).out).toContain('wrong  credentials: AWS does not accept the MFA code: wait for');
    sts.intercept = undefined;
  });
});

describe('watch', () => {
  const commandLine = openCommandLine();
  let partnerCentral: Awaited<ReturnType<typeof startPartnerCentral>>;
  beforeAll(async () => {
    partnerCentral = await startPartnerCentral();
  });
  afterAll(async () => {
    commandLine.close();
    await partnerCentral.close();
  });
  const watch = (environment: Record<string, string>) =>
    commandLine.run(['watch', '--once', '--keep', mkdtempSync(join(folder, 'watch-'))], {
      ...given(environment),
      AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
    });
  const refused = {
    when: 'before',
    how: { status: 400, type: 'ExpiredTokenException', body: { message: 'Expired' } },
  } as const;

  test('renews a revoked session once', async () => {
    const before = sts.sessions.length;
    const revoked = () => sts.sessions[before]?.accessKeyId;
    partnerCentral.intercept = ({ accessKeyId }) => (accessKeyId === revoked() ? refused : undefined);
    expect((await watch({ AWS_PROFILE: 'deployer' })).code).toBe(0);
    expect(sts.sessions.length - before).toBe(2);

    partnerCentral.intercept = () => refused;
    const { code, err } = await watch({ AWS_PROFILE: 'deployer' });
    expect(code).toBe(1);
    expect(err).toContain('The AWS credentials have expired: get new ones');
    expect(sts.sessions.length - before).toBe(4);
    partnerCentral.intercept = undefined;
  });

  test('fails when the web identity token file is missing, without another poll', async () => {
    const { code, err } = await watch({ AWS_PROFILE: 'web' });
    expect(code).toBe(1);
    expect(err.trim().split('\n').at(-1)).toMatch(/^The web identity token file .*no-token can't be read/);
  });
});
