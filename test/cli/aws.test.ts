/** Account, region and endpoints of SDK clients, from options and environment. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awsOf } from '../../cli/lib/aws';
import type { GlobalOptions } from '../../cli/lib/command';
import { useAccount } from '../../cli/lib/environment';

let folder: string;
let files: Record<string, string>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'profiles-'));
  files = {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    TASK_POLLER_LOCAL: join(folder, 'local.json'),
  };
  writeFileSync(
    files.AWS_CONFIG_FILE as string,
    '[default]\nregion = eu-west-1\n\n[profile "prod"]\nregion=eu-central-1\r\ns3 =\n  region = not-this-one\n',
  );
  writeFileSync(
    files.AWS_SHARED_CREDENTIALS_FILE as string,
    '[prod]\naws_access_key_id = PROD\naws_secret_access_key = secret\n',
  );
  const endpoints = { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:2' };
  writeFileSync(files.TASK_POLLER_LOCAL as string, JSON.stringify({ pid: process.pid, stackName: 'Local', endpoints }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const keys = { AWS_ACCESS_KEY_ID: 'SHELL', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' };

test.each<[string, Partial<GlobalOptions>, Record<string, string>, string, string]>([
  ['keys and region of the shell', {}, { ...keys, AWS_REGION: 'us-east-2' }, 'us-east-2', 'SHELL'],
  ['AWS_DEFAULT_REGION, as in the AWS CLI', {}, { ...keys, AWS_DEFAULT_REGION: 'us-west-1' }, 'us-west-1', 'SHELL'],
  ['the region of the default profile', {}, keys, 'eu-west-1', 'SHELL'],
  ['--profile before keys of the shell', { profile: 'prod' }, keys, 'eu-central-1', 'PROD'],
  ['AWS_PROFILE', {}, { AWS_PROFILE: 'prod' }, 'eu-central-1', 'PROD'],
  [
    '--region before all others',
    { profile: 'prod', region: 'sa-east-1' },
    { AWS_REGION: 'us-east-2' },
    'sa-east-1',
    'PROD',
  ],
  ['--local, whatever else is set', { local: true }, { ...keys, AWS_PROFILE: 'prod' }, 'us-east-1', 'local'],
])('%s', async (_, options, environment, region, accessKeyId) => {
  const given = { ...files, ...environment };
  const account = useAccount({ stack: 'Stack', ...options }, false, given);
  const client = awsOf(account.environment)('STS');
  expect(await client.region()).toBe(region);
  expect(await client.credentials()).toMatchObject({ accessKeyId });
  expect(given).toEqual({ ...files, ...environment });
});

test('uses the endpoint of the service, of all services, or of AWS', () => {
  const all = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:2' };
  expect(awsOf(all)('STS')).toMatchObject({ endpoint: 'http://127.0.0.1:2' });
  expect(awsOf(all)('LAMBDA')).toMatchObject({ endpoint: 'http://127.0.0.1:1' });
  expect(awsOf({})('LAMBDA')).not.toHaveProperty('endpoint');
  expect(awsOf({ ...all, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })('STS')).not.toHaveProperty('endpoint');
});

test("for a local run, the shell's settings are ignored except endpoints", () => {
  const given = { ...files, ...keys, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', PATH: '/bin' };
  const { global, environment } = useAccount({ stack: 'Stack', local: true }, false, given);
  expect(global.stack).toBe('Local');
  expect(environment).toEqual({
    TASK_POLLER_LOCAL: files.TASK_POLLER_LOCAL,
    PATH: '/bin',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:2',
  });
  expect(useAccount({ stack: 'Stack', local: true }, true, given).global.stack).toBe('Stack');
});
