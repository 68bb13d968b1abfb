/** Messages of failures: one sentence with advice, and an exit code. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { startControlPlane } from '../../local/services/control-plane';
import { type ErrorAnswer, type Fault, startService } from '../../local/services/service';
import { readSynthesized } from '../../local/synthesized';
import { type Ended, openCommandLine } from './command-line';

const commandLine = openCommandLine();
const { template } = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');
const openPlane = () =>
  startControlPlane({ stackName: 'PartnerCentralTaskPoller', template, names: {}, functions: {} });
let plane: Awaited<ReturnType<typeof openPlane>>;
const closing: { close: () => Promise<void> }[] = [];

const secret = 'a-secret-that-nobody-may-read';
const keys = { AWS_ACCESS_KEY_ID: 'AKIALOCAL', AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: secret };
const denied = (action: string) =>
  `User: arn:aws:iam::123456789012:user/ops is not authorized to perform: ${action} on resource: * because no identity-based policy allows the ${action} action`;

const answer = (status: number, type: string, message = type): ErrorAnswer => ({ status, type, body: { message } });
/** CloudFormation's answers, by stack name. */
const faults: Readonly<Record<string, Fault['how']>> = {
  denied: answer(403, 'AccessDenied', denied('cloudformation:ListStackResources')),
  expired: answer(403, 'ExpiredToken', `The security token ${secret} is expired`),
  refused: answer(403, 'InvalidClientTokenId', `The security token ${secret} is invalid`),
  throttled: answer(400, 'Throttling', 'Rate exceeded'),
  broken: answer(500, 'InternalFailure'),
  gone: 'reset',
  hanging: 'hang',
};

beforeAll(async () => {
  plane = await openPlane();
  closing.push(plane);
  plane.cloudFormation.intercept = ({ input }) => {
    const how = faults[String(input.StackName)];
    return how === undefined ? undefined : { when: 'before', how };
  };
});
afterAll(async () => {
  commandLine.close();
  await Promise.all(closing.map(service => service.close()));
});

const here = () => commandLine.announce('here', plane.endpoints);
const onStack = (stack: string) => () => commandLine.run(['status', '--local', '--stack', stack], here());

/** The same, but Lambda refuses. */
async function withoutLambda(): Promise<Ended> {
  const other = await openPlane();
  closing.push(other);
  other.lambda.intercept = () => ({
    when: 'before',
    how: answer(403, 'AccessDeniedException', denied('lambda:GetFunctionConfiguration')),
  });
  return commandLine.run(['list', '--local'], commandLine.announce('no-lambda', other.endpoints));
}

async function withTable(type: string, message: string): Promise<Ended> {
  const settings = { catalog: 'Sandbox' };
  const environment = { TABLE_NAME: 'Gone', EVENT_BUS_NAME: 'Bus', POLLER_SETTINGS: JSON.stringify(settings) };
  const [logicalId = ''] =
    Object.entries(template.Resources).find(([, { Type }]) => Type === 'AWS::Lambda::Function') ?? [];
  const functions = { [logicalId]: { environment, invoke: () => Promise.reject(new Error('Nobody calls it')) } };
  const other = await startControlPlane({ stackName: 'PartnerCentralTaskPoller', template, names: {}, functions });
  const dynamoDb = await startService({
    name: 'dynamodb',
    contentType: 'application/x-amz-json-1.0',
    handle: () => ({ status: 400, body: JSON.stringify({ __type: type, message }) }),
  });
  closing.push(other, dynamoDb);
  const endpoints = { ...other.endpoints, AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url };
  return commandLine.run(['status', '--local', '--json'], commandLine.announce(type, endpoints));
}

const rows: [name: string, run: () => Promise<Ended>, message: RegExp][] = [
  [
    'a permission is missing',
    onStack('denied'),
    /^The permission cloudformation:ListStackResources is missing: allow it to arn:aws:iam::123456789012:user\/ops, or/,
  ],
  [
    'a permission of another service is missing',
    withoutLambda,
    /^The permission lambda:GetFunctionConfiguration is missing/,
  ],
  [
    'a permission of the table is missing',
    () => withTable('AccessDeniedException', denied('dynamodb:Query')),
    /^The permission dynamodb:Query is missing/,
  ],
  [
    'the table is gone',
    () => withTable('ResourceNotFoundException', 'Requested resource not found'),
    /^The table Gone is gone: docs\/runbook\.md says/,
  ],
  [
    'the credentials have expired',
    onStack('expired'),
    /^The AWS credentials have expired: get new ones for AWS_ACCESS_KEY_ID, .* and AWS_SESSION_TOKEN, and try again\.$/,
  ],
  [
    'the credentials are not accepted',
    onStack('refused'),
    /^AWS does not accept the credentials \(InvalidClientTokenId\): see/,
  ],
  [
    'AWS throttles',
    onStack('throttled'),
    /^AWS throttles the calls of this account \(Throttling\).*: try again in some/,
  ],
  ['AWS fails', onStack('broken'), /^AWS failed to answer \(InternalFailure\).* AWS Health Dashboard/],
  ['the connection breaks off', onStack('gone'), /^AWS can not be reached \(ECONNRESET\): check the network/],
  [
    'nothing answers',
    () =>
      commandLine.run(
        ['list', '--local'],
        commandLine.announce('deaf', { ...plane.endpoints, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' }),
      ),
    /^AWS can not be reached \(ECONNREFUSED\): check the network/,
  ],
  [
    'the stack does not exist',
    onStack('Nowhere'),
    /^There is no stack Nowhere in us-east-1\. Name another one with --stack, or another region with --region; npx cdk deploy makes it\.$/,
  ],
  [
    'there is no poller in the stack',
    () => commandLine.run(['list', '--local'], here()),
    /^The stack PartnerCentralTaskPoller in us-east-1 has no task poller in it: name another/,
  ],
  [
    'there are no credentials',
    () => commandLine.run(['status', '--region', 'us-east-1']),
    /^There are no AWS credentials: name a profile with --profile, set AWS_PROFILE, or run aws configure first\.$/,
  ],
  [
    'there is no region',
    () => commandLine.run(['status'], keys),
    /^No region is set: name the stack's region with --region/,
  ],
  [
    'the profile does not exist',
    () =>
      commandLine.run(['status', '--profile', 'prd'], {
        AWS_CONFIG_FILE: commandLine.write(
          'config',
          '[default]\nregion = us-east-1\n[profile prod]\nregion = eu-central-1\n',
        ),
      }),
    /^There is no profile prd in .*config or .*; there are: default, prod\. Name one with --profile\.$/,
  ],
  [
    'a profile has no keys',
    () =>
      commandLine.run(['status'], {
        AWS_PROFILE: 'empty',
        AWS_CONFIG_FILE: commandLine.write('empty', '[profile empty]\nregion = us-east-1\n'),
      }),
    /^The profile empty gives no credentials: complete it with aws configure --profile empty/,
  ],
  [
    'the sign-in of a profile has expired',
    // As a process: the SDK looks for the SSO file by the process's environment.
    () =>
      commandLine.start(['status', '--profile', 'sso'], {
        ...keys, // ignored, because a profile is named
        AWS_CONFIG_FILE: commandLine.write(
          'sso',
          '[profile sso]\nregion = us-east-1\nsso_start_url = https://signin.example.com\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = ops\n',
        ),
      }).ended,
    /^The sign-in of the profile is over: run aws sso login --profile sso and try again\.$/,
  ],
  [
    'there is no local run',
    () => commandLine.run(['status', '--local']),
    /^Nothing runs on this machine: start it with npm start, in another terminal\.$/,
  ],
  [
    'the local run was killed',
    async () => {
      const { pid } = spawnSync('true');
      return commandLine.run(['status', '--local'], commandLine.announce('dead', {}, pid));
    },
    /^Nothing runs on this machine: start it with npm start, in another terminal\.$/,
  ],
];

describe('fails when', () => {
  // All rows run concurrently, because some retry with pauses. Each result is checked in its own test.
  const outcomes = new Map<string, Promise<Ended>>();
  beforeAll(() => {
    for (const [name, run] of rows) outcomes.set(name, run());
  });

  test.each(rows)('%s', async (name, _run, message) => {
    const { code, out, err } = (await outcomes.get(name)) as Ended;
    expect(err.trim()).toMatch(message);
    expect(err.trim()).not.toContain('\n');
    expect(err).not.toContain(secret);
    expect({ code, out }).toEqual({ code: 1, out: '' });
  });
});

test('DEBUG prints the stack of an error', async () => {
  const { code, err } = await commandLine.run(['status', '--local', '--stack', 'denied'], { ...here(), DEBUG: '1' });
  expect(code).toBe(1);
  expect(err).toMatch(/\n {4}at .*\nThe permission/s);
});

test('Ctrl-C ends a waiting command with exit code 130 and no message', async () => {
  const before = plane.cloudFormation.calls.total;
  const { child, ended } = commandLine.start(['list', '--local', '--stack', 'hanging'], here());
  while (plane.cloudFormation.calls.total === before) await sleep(20);
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, out: '', err: '' });
});
