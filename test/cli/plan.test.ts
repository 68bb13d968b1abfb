import type { Plan } from '../../cli/commands/plan/plan';
import { moment, reasonFor } from '../../cli/lib/plan-words';
import { readPeriod } from '../../cli/lib/watch-options';
import type { Checkpoint } from '../../lambdas/poller/core/checkpoint';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import type { TaskEvent } from '../../lambdas/task-event';
import { MINUTE } from '../durations';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
const tasks = (endpoints: Readonly<Record<string, string>>, ...args: string[]) =>
  commandLine.run(args, { ...testCredentials, ...endpoints });
let stack: TestStack;
beforeAll(async () => {
  stack = await openTestStack();
});
afterAll(async () => {
  commandLine.close();
  await stack.close();
});

const inOrder = (items: Record<string, unknown>[]) => items.sort((a, b) => (String(a.item) < String(b.item) ? -1 : 1));

/** One task of each kind. */
async function prepare() {
  const { store } = stack;
  const [ends, refusedAndDue, refusedAndPutOff, changes] = stack.addRunning(5, MINUTE).map(({ taskId }) => taskId) as [
    string,
    string,
    string,
    string,
  ];
  const history = store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 2 * MINUTE }).taskId;
  await stack.run();
  const denied = { status: 'FAILED', reasonCode: 'EngagementAccessDenied', message: 'No' } as const;
  for (const taskId of [refusedAndDue, refusedAndPutOff, changes]) store.end(taskId, denied);
  stack.eventBridge.entryFault = ({ Detail }) =>
    [refusedAndDue, refusedAndPutOff].some(taskId => Detail?.includes(taskId))
      ? { ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' }
      : undefined;
  await stack.run();
  stack.eventBridge.entryFault = undefined;
  await stack.putItem({ ...(await stack.row(refusedAndDue)), nextCheckAt: new Date(Date.now() - 1_000).toISOString() });
  store.end(changes, 'COMPLETE');
  store.end(ends, 'COMPLETE');
  const isNew = store.add(denied).taskId;
  return { ends, refusedAndDue, refusedAndPutOff, changes, isNew, history };
}

test('a plan gives reasons, changes nothing, and matches the next poll', async () => {
  const { ends, refusedAndDue, refusedAndPutOff, changes, isNew, history } = await prepare();
  const before = inOrder(await stack.items());
  stack.takeCalls();

  const [text, json] = await Promise.all([tasks(stack.endpoints, 'plan'), tasks(stack.endpoints, 'plan', '--json')]);

  expect([text.code, text.err, json.code, json.err]).toEqual([0, '', 0, '']);
  expect(inOrder(await stack.items())).toEqual(before);
  expect(stack.takeCalls()).toMatchObject({ writes: 0, puts: 0 });

  const plan = JSON.parse(json.out) as Plan & { source: string };
  expect(plan.source).toBe('Sandbox/OpportunityFromEngagement');
  expect(Object.fromEntries(plan.events.map(({ event, why }) => [event.taskId, why]))).toEqual({
    [ends]: 'ended',
    [refusedAndDue]: 'refused-before',
    [changes]: 'outcome-changed',
    [isNew]: 'first-seen-ended',
  });
  expect(Object.fromEntries(plan.notPublished.map(({ taskId, why }) => [taskId, why]))).toEqual({
    [refusedAndPutOff]: 'put-off',
    [history]: 'before-floor',
  });
  expect(text.out).toContain('Nothing was changed.');
  expect(text.out).toContain('The next poll would publish 4 events:');
  expect(text.out).toMatch(new RegExp(`TaskFailed +${isNew} +EngagementAccessDenied`));
  expect(text.out).toContain('its outcome changed from FAILED to COMPLETE');
  expect(text.out).toContain('EventBridge refused it once (MalformedDetail), and it is due again since');
  expect(text.out).toContain('EventBridge refused it once (MalformedDetail), and it is due again at');
  expect(text.out).toContain('no backlog would be left');

  stack.eventBridge.clear();
  await stack.run();
  const said = plan.events.map(({ detailType, event }) => `${detailType} ${event.eventId}`);
  expect(stack.eventBridge.events.map(event => `${event['detail-type']} ${event.detail.eventId}`).sort()).toEqual(
    said.sort(),
  );
});

test('a plan works during another poll; with --no-table it needs no deployment', async () => {
  await stack.reset();
  const failed = stack.store.add({ status: 'FAILED', reasonCode: 'InternalError' });
  stack.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 30 * MINUTE });
  stack.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 90 * MINUTE });
  stack.addRunning(2, MINUTE);
  const down = { ...stack.endpoints, AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: 'http://127.0.0.1:9' };
  const [early, unreachable] = await Promise.all([tasks(stack.endpoints, 'plan'), tasks(down, 'plan')]);
  await stack.run();
  const checkpoint = await stack.checkpoint();
  const until = Date.now() + 40_000;
  await stack.putItem({ ...checkpoint, leaseOwner: 'another-run', leaseExpiresAtMs: until });
  stack.takeCalls();
  const all = { ...stack.endpoints };
  const onlyPartnerCentral = {
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: stack.partnerCentral.url,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  };

  const [duringPoll, straight, json, ...wrong] = await Promise.all([
    tasks(all, 'plan'),
    tasks(onlyPartnerCentral, 'plan', '--no-table', '--since', '1h'),
    tasks(onlyPartnerCentral, 'plan', '--no-table', '--taskIdentifiers', failed.taskId, '--json'),
    tasks(all, 'plan', '--catalog', 'AWS'),
    tasks(all, 'plan', '--no-table', '--since', 'yesterday'),
    tasks(all, 'plan', '--no-table', '--contextIdentifiers', 'x'),
  ]);

  expect(early.out).toContain('No poll has run yet.');
  expect(unreachable).toMatchObject({ code: 1, err: expect.stringContaining('ECONNREFUSED') });
  expect(unreachable.out).toContain('This is not all: something failed on the way');
  expect(duringPoll.out).toContain(`Another poll is at work just now (until ${moment(until)} at the latest)`);
  expect(straight.out).toContain('2 have ended, 1 of them failed. 2 tasks are running.');
  expect(straight.out).toMatch(new RegExp(`TaskFailed +${failed.taskId} +InternalError`));
  expect([duringPoll.code, straight.code, json.code]).toEqual([0, 0, 0]);
  expect((JSON.parse(json.out) as Plan).events.map(({ event }) => event.taskId)).toEqual([failed.taskId]);
  expect(stack.takeCalls()).toMatchObject({ writes: 0, puts: 0 });
  expect(wrong.map(({ code, err }) => [code, err])).toEqual([
    [2, '--catalog is for plan --no-table; a deployed source is named with --source.\n'],
    [2, expect.stringMatching(/^error: option '--since <T>' argument 'yesterday' is invalid. Allowed: /)],
    [2, expect.stringMatching(/^--contextIdentifiers: got "x", allowed: /)],
  ]);
});

describe('reasons', () => {
  const checkpoint = { emitSince: 1_000, emissionFloor: 5_000, gaps: [] } as unknown as Checkpoint;
  const event = (more: Partial<TaskEvent>) => ({ taskStatus: 'FAILED', ...more }) as TaskEvent;
  const row = (more: Partial<TaskRow>) => ({ settled: false, lastSeenAt: 0, ...more }) as TaskRow;

  test.each<[string, Partial<TaskEvent>, Partial<TaskRow> | null, string]>([
    ['above the floor', { startTime: '1970-01-01T00:00:05.000Z' }, null, 'the emission floor, 1970-01-01T00:00:05Z'],
    ['in a backfill', { startTime: '1970-01-01T00:00:02.000Z' }, null, 'the emission floor, 1970-01-01T00:00:01Z'],
    ['without a start time', {}, null, 'without a start time it counts as new'],
    ['without a status', {}, { status: 'ABSENT' }, 'it was without a status when'],
    ['with an unknown status', {}, { status: 'PAUSED' }, 'it was PAUSED when'],
    [
      'refused',
      {},
      { status: 'FAILED', publishAttempts: 2, lastError: 'X', nextCheckAt: 0 },
      'twice (X), and it is due again now',
    ],
    ['refused many times', {}, { status: 'FAILED', publishAttempts: 9, nextCheckAt: 0 }, '9 times (no reason given)'],
    ['refused with another status', {}, { status: 'COMPLETE', publishAttempts: 2 }, 'changed from COMPLETE to FAILED'],
  ])('%s', (_, detail, before, because) => {
    const reason = reasonFor('TaskFailed', event(detail), before && row(before), checkpoint);
    expect(reason.because).toContain(because);
  });
});

test.each(['', '0s', '24', 'h', '-1h', '1.5h'])('fails when a duration is "%s"', text => {
  expect(() => readPeriod(text)).toThrow('Allowed: a number with s, m, h or d');
});
