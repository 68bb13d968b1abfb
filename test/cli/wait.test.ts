import { startPartnerCentral } from '../../local/services/partner-central';
import { openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
let partnerCentral: Awaited<ReturnType<typeof startPartnerCentral>>;
let store: ReturnType<typeof partnerCentral.store>;
let endpoints: Record<string, string>;
beforeAll(async () => {
  partnerCentral = await startPartnerCentral();
  store = partnerCentral.store('Sandbox');
  endpoints = {
    ...testCredentials,
    AWS_REGION: 'eu-west-1', // Partner Central is in one region only
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  };
});
afterEach(() => {
  Object.assign(partnerCentral, { intercept: undefined, onReply: undefined });
});
afterAll(async () => {
  commandLine.close();
  await partnerCentral.close();
});

const wait = (...args: string[]) => commandLine.run(['wait', ...args], endpoints);

test('a task that completes during the wait: exit code 0', async () => {
  const { taskId } = store.add();
  partnerCentral.calls.reset();
  partnerCentral.onReply = () => void store.end(taskId, 'COMPLETE'); // after the first look-up
  const { code, out, err } = await wait(taskId, '--timeout', '1s');
  expect({ code, err }).toEqual({
    code: 0,
    err: `Waiting for ${taskId} of Sandbox/OpportunityFromEngagement, 1 second at most. Ctrl-C stops it.\n`,
  });
  expect(partnerCentral.calls.total).toBe(2);
  expect(out).toMatch(new RegExp(`^${taskId}  COMPLETE\n(?: {2}.*\n)*? {2}Opportunity +O\\d+\n`));
});

test('as JSON, in another catalog and family, by its ARN', async () => {
  const { taskId } = partnerCentral.store('AWS', 'EngagementFromOpportunity').add({ status: 'COMPLETE' });
  const arn = `arn:aws:partnercentral:us-east-1::catalog/AWS/engagement-from-opportunity-task/${taskId}`;
  const { code, out } = await wait(arn, '--catalog', 'AWS', '--family', 'EngagementFromOpportunity', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    source: 'AWS/EngagementFromOpportunity',
    taskId,
    status: 'COMPLETE',
    taskArn: arn,
    startTime: expect.stringMatching(/Z$/),
    opportunityId: expect.stringMatching(/^O/),
    resourceSnapshotJobId: expect.stringMatching(/^job-/),
    engagementId: expect.stringMatching(/^eng-/),
    engagementInvitationId: expect.stringMatching(/^engi-/),
  });
});

test('fails when the task has failed: exit code 1, reason and advice', async () => {
  const message = 'Not\u001b[2J a\nmember';
  const { taskId } = store.add({ status: 'FAILED', reasonCode: 'EngagementAccessDenied', message });
  const [text, json] = await Promise.all([wait(taskId), wait(taskId, '--json')]);
  expect([text.code, json.code]).toEqual([1, 1]);
  expect(text.out).toContain('  Reason          EngagementAccessDenied (access)\n');
  expect(text.out).toContain('  Message         Not\ufffd[2J a member\n');
  expect(text.out).toContain('  What to do      Check that your company accepted the invitation');
  expect(JSON.parse(json.out)).toMatchObject({
    status: 'FAILED',
    reasonCode: 'EngagementAccessDenied',
    reasonCategory: 'access',
    action: expect.stringContaining('partnercentral:GetEngagement'),
    message,
  });
});

test('fails when it has not ended in time: exit code 3 and the last status', async () => {
  const { taskId } = store.add();
  const [runs, unknown] = await Promise.all([
    wait(taskId, '--timeout', '1s', '--json'),
    wait('task-0000000000000', '--timeout', '1s'),
  ]);
  expect([runs.code, unknown.code]).toEqual([3, 3]);
  expect(JSON.parse(runs.out)).toMatchObject({ taskId, status: 'IN_PROGRESS' });
  expect(runs.err).toContain(`After 1 s, task ${taskId} is IN_PROGRESS.\n`);
  expect(unknown.out).toBe('task-0000000000000  not listed\n');
  expect(unknown.err).toContain('was not listed: check taskId, catalog and taskType.\n');
});

test('fails when the look-up is denied, immediately', async () => {
  const body = {
    Message: 'User: arn:aws:iam::123456789012:user/ops is not authorized to perform: partnercentral:ListX',
  };
  partnerCentral.intercept = () => ({ when: 'before', how: { status: 403, type: 'AccessDeniedException', body } });
  const { code, out, err } = await wait('task-0000000000000');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(
    'The permission partnercentral:ListX is missing: allow it to arn:aws:iam::123456789012:user/ops',
  );
});

test('Ctrl-C ends it even while a request hangs', async () => {
  const waiting = commandLine.call(['wait', 'task-0000000000000'], endpoints);
  partnerCentral.intercept = () => {
    waiting.stop();
    return { when: 'before', how: 'hang' };
  };
  expect(await waiting.ended).toMatchObject({ code: 130, out: '' });
});
