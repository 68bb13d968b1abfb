/** Several sources in one stack: a function for each, with one table and one bus. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../infra/synthesize';
import { errorAnswer } from '../faults';
import { openTestStack, type TestStack } from './test-stack';

const directory = mkdtempSync(join(tmpdir(), 'sources-test-'));
const furtherSources = [
  { taskFamily: 'EngagementFromOpportunity' },
  { catalog: 'AWS', maxListCallsPerRun: 10 },
  { name: 'acme', assumeRoleArn: 'arn:aws:iam::111122223333:role/task-reader', externalId: 'partner-17' },
];
let stack: TestStack;
beforeAll(async () => {
  synthesize({ outdir: directory, validate: false, context: { furtherSources } });
  stack = await openTestStack({}, true, { directory });
}, 120_000);
afterAll(async () => {
  await stack.close();
  rmSync(directory, { recursive: true });
});

const stores = () =>
  [
    stack.partnerCentral.store('Sandbox'),
    stack.partnerCentral.store('Sandbox', 'EngagementFromOpportunity'),
    stack.partnerCentral.store('AWS'),
    stack.partnerCentral.store('Sandbox', 'OpportunityFromEngagement', 'acme'),
  ] as const;

const pollAll = () => Promise.all(stack.sources.map(source => source.poll()));
const outcomesOf = (polls: Awaited<ReturnType<typeof pollAll>>) =>
  polls.map(({ result, error }) => error?.name ?? result?.outcome);
const published = () =>
  stack.eventBridge.events
    .map(({ detail: { catalog, taskType, sourceName, taskId, taskStatus } }) =>
      [catalog, taskType, sourceName, taskId, taskStatus].filter(Boolean).join(' '),
    )
    .sort();

test('each source publishes its own tasks, concurrently and with equal ids', async () => {
  expect(stack.sources.map(({ id }) => id)).toEqual([
    'Sandbox#OpportunityFromEngagement',
    'Sandbox#EngagementFromOpportunity',
    'AWS#OpportunityFromEngagement',
    'Sandbox#OpportunityFromEngagement#acme',
  ]);
  const taskId = 'task-0000000000abc';
  for (const store of stores()) store.add({ taskId });
  expect(outcomesOf(await pollAll())).toEqual(['complete', 'complete', 'complete', 'complete']);
  expect(published()).toEqual([]);

  const [first, second, third, ofAcme] = stores();
  first.end(taskId, 'COMPLETE');
  ofAcme.end(taskId, 'COMPLETE');
  second.end(taskId, { status: 'FAILED', reasonCode: 'EngagementConflict', message: 'It was changed.' });
  expect(outcomesOf(await pollAll())).toEqual(['complete', 'complete', 'complete', 'complete']);
  third.end(taskId, 'COMPLETE');
  await pollAll();
  await pollAll();
  expect(published()).toEqual(
    [
      `AWS OpportunityFromEngagement ${taskId} COMPLETE`,
      `Sandbox EngagementFromOpportunity ${taskId} FAILED`,
      `Sandbox OpportunityFromEngagement ${taskId} COMPLETE`,
      `Sandbox OpportunityFromEngagement acme ${taskId} COMPLETE`,
    ].sort(),
  );
  const eventIds = stack.eventBridge.events.map(({ detail }) => detail.eventId);
  expect(new Set(eventIds).size).toBe(3); // equal task ids in two accounts exist only in this test
  const partitions = (await stack.items()).map(({ source, item }) => `${source} ${item}`).sort();
  expect(partitions).toEqual(stack.sources.flatMap(({ id }) => [`${id} CHECKPOINT`, `${id} TASK#${taskId}`]).sort());
});

test('a source of another account lists with its role and external id', () => {
  expect(stack.sts.sessions.map(({ roleArn }) => roleArn)).toEqual([furtherSources[2]?.assumeRoleArn]);
  expect(stack.sources[3]?.settings).toMatchObject({ name: 'acme', externalId: 'partner-17' });
});

test("the alert about a failed task links to the log of its own source's function", async () => {
  const mails = await stack.deliverAlerts();
  expect(mails).toHaveLength(1);
  expect(mails[0]?.message).toContain('EngagementFromOpportunity');
  expect(mails[0]?.message).toMatch(
    /log-group\/\$252Faws\$252Flambda\$252FPartnerCentralTaskPoller-PollerSandboxEngagementFromOpportunity/,
  );
});

test('a failing or throttled source does not affect the others', async () => {
  const [first, second, third] = stores();
  const [one, other] = [first.add(), third.add()];
  const missed = second.add();
  await pollAll();
  first.end(one.taskId, 'COMPLETE');
  second.end(missed.taskId, 'COMPLETE');
  third.end(other.taskId, 'COMPLETE');
  stack.eventBridge.clear();
  stack.partnerCentral.intercept = ({ operation }) =>
    operation === 'ListEngagementFromOpportunityTasks' ? errorAnswer('AccessDeniedException', 403) : undefined;
  expect(outcomesOf(await pollAll())).toEqual(['complete', 'PermanentFailure', 'complete', 'complete']);
  stack.partnerCentral.intercept = ({ operation, input }) =>
    operation === 'ListOpportunityFromEngagementTasks' && input.Catalog === 'Sandbox'
      ? errorAnswer('ThrottlingException', 429)
      : undefined;
  expect(outcomesOf(await pollAll())).toEqual(['partial', 'complete', 'complete', 'partial']);
  stack.partnerCentral.intercept = undefined;
  await pollAll();
  expect(published().map(line => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'AWS OpportunityFromEngagement',
    'Sandbox EngagementFromOpportunity',
    'Sandbox OpportunityFromEngagement',
  ]);
});

test('a held lease blocks its own source only', async () => {
  const checkpoint = (await stack.items()).find(
    ({ source, item }) => source === 'AWS#OpportunityFromEngagement' && item === 'CHECKPOINT',
  );
  await stack.putItem({ ...checkpoint, leaseOwner: 'somebody else', leaseExpiresAtMs: Date.now() + 60_000 });
  expect(outcomesOf(await pollAll())).toEqual(['complete', 'complete', 'skipped', 'complete']);
});

test('all sources of one account share the pace of List calls', () => {
  const paces = stack.sources.map(({ settings }) => settings.maxListCallsPerSecond);
  expect(paces).toEqual([1.66, 1.66, 1.66, 5]);
});
