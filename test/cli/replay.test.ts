import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE } from '../durations';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { type Ended, openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
let stack: TestStack;
let state: string;
beforeAll(async () => {
  stack = await openTestStack();
  state = mkdtempSync(join(tmpdir(), 'tasks-replay-'));
});
afterAll(async () => {
  commandLine.close();
  await stack.close();
  rmSync(state, { recursive: true, force: true });
});

const environment = () => ({ ...testCredentials, ...stack.endpoints });
const trimmed = ({ code, out, err }: Ended) => ({ code, out: out.trimEnd(), err: err.trimEnd() });
const replay = async (...args: string[]) =>
  trimmed(await commandLine.run(['replay', '--state', state, ...args], environment()));
/** `taskId eventId` of every event since the last call. */
const published = () => {
  const ids = stack.eventBridge.events.map(({ detail }) => `${detail.taskId} ${detail.eventId}`).sort();
  return ids;
};

/** 3 running tasks and 34 ended ones, all in the table. @returns their published events */
async function poll() {
  await stack.reset();
  await stack.run();
  const running = stack.addRunning(3, MINUTE);
  const ended = stack.addEnded(34);
  await stack.runUntilQuiet();
  const first = published();
  stack.eventBridge.clear();
  await stack.deliverAlerts();
  return { first, running: running.map(({ taskId }) => taskId), ended };
}

test('a replay publishes the same events again, marked as replayed, and sends no alerts without --alerts', async () => {
  const { first, running, ended } = await poll();
  const failed = ended.filter(({ status }) => status === 'FAILED').map(({ taskId }) => taskId);
  const [one, other] = failed as [string, string];

  const [silent, unknown, notEnded, nothing, both, toAsk, dry, past] = await Promise.all([
    replay('--task', one, `arn:aws:partnercentral:us-east-1::catalog/Sandbox/x/${other}`, '--json'),
    replay('--task', 'task-0000000000000', one),
    replay('--task', running[0] as string),
    replay(),
    replay('--task', one, '--ended-since', '1h'),
    replay('--ended-since', '1h'),
    replay('--ended-since', '1h', '--status', 'FAILED', '--dry-run'),
    replay('--ended-since', '2h', '--ended-until', '1h'),
  ]);

  const { replayId, ...summary } = JSON.parse(silent.out);
  expect(summary).toEqual({
    source: 'Sandbox/OpportunityFromEngagement',
    published: 2,
    refused: [],
    changed: [],
    left: 0,
  });
  expect(published()).toEqual(first.filter(line => line.startsWith(one) || line.startsWith(other)));
  for (const { detail, ...event } of stack.eventBridge.events) {
    expect(event).toMatchObject({ 'detail-type': 'TaskFailed', source: 'partnercentral.task-poller' });
    expect(detail).toMatchObject({ replayId, runId: replayId, taskStatus: 'FAILED', reasonCode: expect.any(String) });
    expect(detail).not.toHaveProperty('replayAlerts');
  }
  expect(await stack.deliverAlerts()).toEqual([]);
  expect([unknown, notEnded, nothing, both].map(({ code, err }) => [code, err])).toEqual([
    [1, 'Nothing was published: task-0000000000000 is not in the table of Sandbox/OpportunityFromEngagement.'],
    [1, `Nothing was published: ${running[0]} has not ended (IN_PROGRESS).`],
    [2, expect.stringMatching(/^Say what to publish again: --task/)],
    [2, '--task and --ended-since exclude each other.'],
  ]);
  expect(toAsk.code).toBe(1);
  expect(toAsk.err).toMatch(
    /^Nothing was published: this is about 34 events of Sandbox\/OpportunityFromEngagement, 11 of them of failed tasks, seen ended from .*; --yes publishes them without asking\.$/,
  );
  expect(dry.out.split('\n')).toHaveLength(1 + failed.length);
  expect(dry.out).toContain('This would publish 11 events');
  expect([past.code, past.out]).toEqual([0, 'No finished task of that period is in the table; nothing was published.']);

  stack.eventBridge.clear();
  const alerting = await replay(
    '--ended-since',
    '1h',
    '--status',
    'FAILED',
    '--alerts',
    '--yes',
    '--per-second',
    '1000',
  );
  expect(alerting.out).toMatch(/^Published 11 events again, with replayId \d{8}T\d{6}Z-[0-9a-f]{6}\.$/);
  expect(stack.eventBridge.events.map(({ detail }) => detail.taskId).sort()).toEqual(failed.sort());
  expect(stack.eventBridge.events.every(({ detail }) => detail.replayAlerts === true)).toBe(true);
  const mails = await stack.deliverAlerts();
  for (const { subject } of mails) expect(subject).toMatch(/^Repeat: Partner Central Sandbox: /);
  const alerts = mails.map(({ message }) => message).join('');
  for (const taskId of failed) expect(alerts).toContain(taskId);
  expect(readdirSync(state)).toEqual([]);
});

test('continues where it was killed or stopped', async () => {
  const { first } = await poll();
  let calls = 0;
  stack.eventBridge.intercept = ({ operation }) =>
    operation === 'PutEvents' && ++calls === 2 ? { when: 'after', how: 'hang' } : undefined;
  const killed = commandLine.start(
    ['replay', '--ended-since', '1h', '--yes', '--state', state, '--per-second', '1000'],
    environment(),
  );
  await killed.until(() => stack.eventBridge.events.length >= 20);
  killed.child.kill('SIGKILL');
  await killed.ended;
  stack.eventBridge.intercept = undefined;
  const [file] = readdirSync(state) as [string];
  const replayId = file.slice('replay-'.length, -'.jsonl'.length);

  const [left, unknown] = await Promise.all([
    replay('--resume', replayId, '--dry-run'),
    replay('--resume', '20261101T000000Z-abcdef'),
  ]);
  expect(left.out).toContain('This would publish 24 events');
  expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining("can't be resumed from") });

  const stopped = commandLine.call(
    ['replay', '--resume', replayId, '--state', state, '--per-second', '1'],
    environment(),
  );
  while (stack.eventBridge.events.length < 30) await sleep(20);
  stopped.stop();
  const { code, out } = trimmed(await stopped.ended);
  expect([code, out]).toEqual([
    1,
    `Stopped.\nPublished 10 of 34 events again, with replayId ${replayId}.\n` +
      `14 are left. To go on: npm run tasks -- replay --resume ${replayId} --state ${state}`,
  ]);

  const resumed = await replay('--resume', replayId, '--per-second', '1000');
  expect(resumed.code).toBe(0);
  expect([...new Set(published())]).toEqual(first);
  expect(published()).toHaveLength(34 + 10);
  expect(new Set(stack.eventBridge.events.map(({ detail }) => detail.replayId))).toEqual(new Set([replayId]));
  expect(existsSync(join(state, file))).toBe(false);
});

test('retries throttled entries, and reports refused ones, which can be resumed', async () => {
  const { first, ended } = await poll();
  const [refused, gone] = ended.map(({ taskId }) => taskId) as [string, string];
  const tried = new Set<string>();
  stack.eventBridge.intercept = ({ operation, index }) =>
    operation === 'PutEvents' && index % 3 === 0 && tried.size < 3
      ? { when: 'before', how: { status: 500, type: 'InternalException' } }
      : undefined;
  stack.eventBridge.entryFault = ({ Detail }, index) => {
    const fails = (ErrorCode: string) => ({ ErrorCode, ErrorMessage: 'on purpose' });
    if (Detail?.includes(refused)) return fails('MalformedDetail');
    if (tried.size >= 8 || tried.has(String(Detail))) return undefined;
    tried.add(String(Detail));
    return index % 2 ? fails('ThrottlingException') : fails('InternalFailure');
  };

  const some = await replay('--ended-since', '1h', '--yes', '--per-second', '1000', '--json');

  const { replayId, ...summary } = JSON.parse(some.out);
  expect([some.code, summary]).toEqual([
    1,
    {
      source: 'Sandbox/OpportunityFromEngagement',
      published: 33,
      refused: [{ taskId: refused, code: 'MalformedDetail' }],
      changed: [],
      left: 1,
      resume: `npm run tasks -- replay --resume ${replayId} --state ${state}`,
    },
  ]);
  expect(published()).toEqual(first.filter(line => !line.startsWith(refused)));

  stack.eventBridge.entryFault = undefined;
  stack.eventBridge.intercept = undefined;
  stack.store.set(refused, { status: 'IN_PROGRESS' });
  await stack.putItem({
    ...(await stack.row(refused)),
    unsettledSource: 'Sandbox#OpportunityFromEngagement',
    nextCheckAt: '1970',
  });
  const changed = await replay('--resume', replayId);
  expect([changed.code, changed.out]).toEqual([
    1,
    expect.stringContaining(`${refused} has another status by now, or is no longer in the table: left out`),
  ]);

  stack.eventBridge.clear();
  stack.eventBridge.entryFault = () => ({ ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'on purpose' });
  const denied = await replay('--task', gone);
  expect(denied.code).toBe(1);
  expect(denied.out).toMatch(/events:PutEvents.*\nPublished 0 of 1 event again.*\n1 is left\. To go on: npm run tasks/);
});
