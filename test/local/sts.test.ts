import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { type Sts, startSts } from '../../local/services/sts';
import { clientOf } from './clients';

const RoleArn = 'arn:aws:iam::111122223333:role/team/partner-central-reader';
const RoleSessionName = 'task-poller';
let sts: Sts;
let client: STSClient;
const assume = (input: Partial<AssumeRoleCommandInput> = {}) =>
  client.send(new AssumeRoleCommand({ RoleArn, RoleSessionName, ...input }));

beforeEach(async () => {
  sts = await startSts();
  client = new STSClient(clientOf(sts));
});
afterEach(async () => {
  client.destroy();
  await sts.close();
});

test('assumes a role in a new session each time, with its name in the access key id', async () => {
  const before = Date.now();
  const { Credentials, AssumedRoleUser } = await assume();
  expect(AssumedRoleUser?.Arn).toBe('arn:aws:sts::111122223333:assumed-role/partner-central-reader/task-poller');
  expect(Credentials?.AccessKeyId).toMatch(/^ASIA_partner_central_reader_\d+$/);
  expect(Credentials?.Expiration?.getTime()).toBeGreaterThan(before + 3_598_000);
  expect(Credentials?.Expiration?.getTime()).toBeLessThan(Date.now() + 3_601_000);
  const again = await assume({ DurationSeconds: 900 });
  expect(again.Credentials?.AccessKeyId).not.toBe(Credentials?.AccessKeyId);
  expect(sts.sessions.map(session => session.accessKeyId)).toEqual([
    Credentials?.AccessKeyId,
    again.Credentials?.AccessKeyId,
  ]);
});

test('returns the identity: the caller, or the role of a session', async () => {
  expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: '000000000000',
    Arn: 'arn:aws:sts::000000000000:assumed-role/local/local',
  });
  // The STS client inside the SDK reads its endpoint from the environment only.
  process.env.AWS_ENDPOINT_URL_STS = sts.url;
  try {
    const { credentials } = clientOf(sts);
    const assumed = new STSClient({
      ...clientOf(sts),
      credentials: fromTemporaryCredentials({ masterCredentials: credentials, params: { RoleArn, RoleSessionName } }),
    });
    expect(await assumed.send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '111122223333',
      Arn: 'arn:aws:sts::111122223333:assumed-role/partner-central-reader/task-poller',
      UserId: expect.stringMatching(/^AROA\w{16,}:task-poller$/),
    });
    sts.now = () => Date.now() + 3_600_000;
    await expect(assumed.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: 'ExpiredToken' });
    assumed.destroy();
  } finally {
    delete process.env.AWS_ENDPOINT_URL_STS;
  }
});

test.each<[string, Partial<AssumeRoleCommandInput>]>([
  ['there is no role', { RoleArn: undefined }],
  ['the role is no ARN', { RoleArn: 'partner-central-reader' }],
  ['the role is one of another service', { RoleArn: 'arn:aws:sts::111122223333:assumed-role/a/b' }],
  ['there is no session name', { RoleSessionName: undefined }],
  ['the session name has one character', { RoleSessionName: 'a' }],
  ['the session name has 65 characters', { RoleSessionName: 'a'.repeat(65) }],
  ['the session name has a blank', { RoleSessionName: 'task poller' }],
  ['the session is too short', { DurationSeconds: 899 }],
  ['the session is too long', { DurationSeconds: 43_201 }],
])('fails when %s', async (_name, input) => {
  await expect(assume(input)).rejects.toMatchObject({ name: 'ValidationError', $metadata: { httpStatusCode: 400 } });
  expect(sts.sessions).toEqual([]);
});

test('fails when the role may not be assumed', async () => {
  sts.roles = [RoleArn];
  await assume();
  await expect(assume({ RoleArn: `${RoleArn}-2` })).rejects.toMatchObject({
    name: 'AccessDenied',
    message:
      'User: arn:aws:sts::000000000000:assumed-role/local/local is not authorized to perform: ' +
      `sts:AssumeRole on resource: ${RoleArn}-2`,
    $metadata: { httpStatusCode: 403 },
  });
});

test('faults have the form of STS errors', async () => {
  sts.intercept = () => ({ when: 'before', how: { status: 400, type: 'Throttling', body: { message: 'Rate <x>' } } });
  await expect(assume()).rejects.toMatchObject({ name: 'Throttling', message: 'Rate <x>' });
  expect(sts.calls.of('AssumeRole')).toBe(1);
});
