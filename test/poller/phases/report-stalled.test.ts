/** Tasks that run too long: counted in every run, and reported once if the setting is on. */
import * as v from 'valibot';
import { taskStalledEventSchema } from '../../../lambdas/task-event';
import { HOUR, MINUTE } from '../../durations';
import { type EngineStack, openEngineStack } from '../../engine-stack';
import { errorAnswer, isFromPoller } from '../../faults';
import { openTestStack } from '../../integration/test-stack';

let stack: EngineStack;
afterEach(() => stack.close());

const reported = () => stack.eventBridge.events.filter(event => event['detail-type'] === 'TaskStalled');
const reportedTasks = () => reported().map(({ detail }) => detail.taskId as string);
/** Tasks that have just started; `addRunning` would start them before the first poll. */
const start = (count: number) => Array.from({ length: count }, () => stack.store.add({ startTimeMs: Date.now() }));
const startOne = () => stack.store.add({ startTimeMs: Date.now() });
const hoursLater = (hours: number) => ({ clockOffsetMs: hours * HOUR + MINUTE });
const ids = (tasks: readonly { taskId: string }[]) => tasks.map(({ taskId }) => taskId);
const end = (tasks: readonly { taskId: string }[]) => {
  for (const { taskId } of tasks) stack.store.set(taskId, { status: 'FAILED', reasonCode: 'InternalError' });
};

test('counts a stalled task in every run until it ends, and publishes no event unless the setting is on', async () => {
  stack = await openTestStack();
  await stack.run();
  const tasks = start(2);
  expect(await stack.run()).not.toHaveProperty('stalled');
  for (const hours of [1, 2]) expect(await stack.run('poll', hoursLater(hours))).toMatchObject({ stalled: 2 });
  const metrics = stack.logs.filter(line => line.includes('"_aws"')).map(line => JSON.parse(line).TasksStalled);
  expect(metrics).toEqual([undefined, undefined, 2, 2]);
  end(tasks.slice(1));
  expect(await stack.run('poll', hoursLater(2))).toMatchObject({ stalled: 1, failed: 1 });
  expect(reported()).toEqual([]);
});

test('publishes one event with its own schema and id', async () => {
  stack = await openEngineStack({ taskStalledEvents: true });
  await stack.run();
  const task = startOne();
  await stack.run();
  expect(reported()).toEqual([]);
  for (const hours of [1, 1, 5]) await stack.run('poll', hoursLater(hours));
  expect(reportedTasks()).toEqual([task.taskId]);
  const [event] = reported();
  expect(v.is(v.strictObject(taskStalledEventSchema.entries), event?.detail)).toBe(true);
  expect(event?.detail).toMatchObject({ taskStatus: 'IN_PROGRESS', stalledAfterMinutes: 60 });
  expect(event?.detail).not.toHaveProperty('message');
  const { startTime, detectedBefore } = (event as NonNullable<typeof event>).detail as Record<string, string>;
  expect(Date.parse(String(detectedBefore)) - Date.parse(String(startTime))).toBeGreaterThanOrEqual(HOUR);

  end([task]);
  await stack.run('poll', hoursLater(5));
  const outcome = stack.eventBridge.events.find(({ detail }) => detail.taskStatus === 'FAILED');
  expect(outcome?.detail).toMatchObject({ taskId: task.taskId, previousStatus: 'IN_PROGRESS' });
  expect(outcome?.detail.eventId).not.toBe(event?.detail.eventId);

  // It runs again, and too long again, but is reported only once.
  stack.store.set(task.taskId, { status: 'IN_PROGRESS' });
  await stack.run('audit', hoursLater(6));
  expect(await stack.run('poll', hoursLater(8))).toMatchObject({ stalled: 1 });
  expect(reportedTasks()).toEqual([task.taskId]);
});

test('neither counts nor reports a task from before emitSince', async () => {
  stack = await openEngineStack({ taskStalledEvents: true });
  stack.addRunning(3, 30 * MINUTE);
  expect(await stack.run()).toMatchObject({ unsettled: 3 });
  const summary = await stack.run('poll', hoursLater(1));
  expect(summary).toMatchObject({ unsettled: 3 });
  expect(summary).not.toHaveProperty('stalled');
  expect(reported()).toEqual([]);
});

test('nor a task from before an emitSince configured since', async () => {
  stack = await openEngineStack({ taskStalledEvents: true, emitSince: new Date(Date.now() - 5 * HOUR).toISOString() });
  await stack.run();
  startOne();
  await stack.run();
  const raised = stack.anotherPoller({
    taskStalledEvents: true,
    emitSince: new Date(Date.now() + MINUTE).toISOString(),
  });
  const summary = await stack.run('poll', hoursLater(1), raised);
  expect(summary).toMatchObject({ unsettled: 1, published: 0 });
  expect(summary).not.toHaveProperty('stalled');
});

test('reports no earlier stalls when it is switched on, or off and on again', async () => {
  stack = await openEngineStack();
  await stack.run();
  const long = startOne();
  await stack.run();
  const reporting = stack.anotherPoller({ taskStalledEvents: true });
  const run = (hours: number, poller = reporting) => stack.run('poll', hoursLater(hours), poller);
  expect(await run(2)).toMatchObject({ stalled: 1, published: 0 });
  const short = stack.store.add({ startTimeMs: Date.now() + 2 * HOUR });
  await run(2);
  expect(await run(3)).toMatchObject({ stalled: 2, stalledEvents: 1 });
  expect(reportedTasks()).toEqual([short.taskId]);

  stack.store.add({ startTimeMs: Date.now() + 3 * HOUR });
  await run(3, stack.poller);
  await run(5, stack.poller);
  expect(await run(6)).toMatchObject({ stalled: 3, published: 0 });
  expect(reportedTasks()).not.toContain(long.taskId);
});

test('stays within the event budget, and reports the rest later', async () => {
  stack = await openEngineStack({ taskStalledEvents: true, maxEventsPerRun: 10 });
  await stack.run();
  const tasks = start(25);
  await stack.run();
  const published = [];
  for (let runs = 0; runs < 4; runs += 1) published.push((await stack.run('poll', hoursLater(1))).published);
  expect(published).toEqual([10, 10, 5, 0]);
  expect(reportedTasks().sort()).toEqual(ids(tasks).sort());
});

test('repeats the event with the same id after a crash between publish and record', async () => {
  stack = await openTestStack({ taskStalledEvents: true });
  await stack.run();
  const task = startOne();
  await stack.run();
  stack.dynamoDb.intercept = call =>
    call.operation === 'BatchWriteItem' && isFromPoller(call) ? { when: 'before', how: 'hang' } : undefined;
  await stack.run('poll', { ...hoursLater(1), timeoutMs: 2_000 });
  stack.dynamoDb.intercept = undefined;
  for (const hours of [2, 3]) await stack.run('poll', hoursLater(hours));
  expect(reportedTasks()).toEqual([task.taskId, task.taskId]);
  expect(new Set(reported().map(({ detail }) => detail.eventId)).size).toBe(1);
});

test("does not rely on the index: reports no task that has ended or can't be seen", async () => {
  stack = await openEngineStack({ taskStalledEvents: true });
  await stack.run();
  const [ended, vanished] = [startOne(), startOne()];
  await stack.run();
  end([ended]);
  stack.partnerCentral.tamper = (_, output) => ({
    ...output,
    TaskSummaries: (output.TaskSummaries as { TaskId: string }[]).filter(({ TaskId }) => TaskId !== vanished.taskId),
  });
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({ failed: 1, published: 1 });
  expect(reported()).toEqual([]);
});

test('reports no task that this run has not seen, because it may have ended', async () => {
  stack = await openEngineStack({ taskStalledEvents: true });
  await stack.run();
  const { taskId } = stack.store.add({ startTimeMs: Date.now(), status: 'PAUSED' });
  const minutes = async (at: number) => (await stack.run('poll', { clockOffsetMs: at * MINUTE })).stalledEvents ?? 0;
  for (const at of [0, 30, 32, 35, 40, 49, 58]) expect(await minutes(at)).toBe(0);
  const { nextCheckAt } = (await stack.row(taskId)) as { nextCheckAt: string };
  expect(Date.parse(nextCheckAt)).toBeGreaterThan(Date.now() + 62 * MINUTE); // its look-ups back off
  expect(await minutes(61)).toBe(0);
  expect(await minutes(75)).toBe(1);
  expect(reported()[0]?.detail).toMatchObject({ taskId, taskStatus: 'PAUSED' });
});

test('does not count a task as running once it is missing', async () => {
  stack = await openEngineStack();
  await stack.run();
  const { taskId } = startOne();
  await stack.run();
  stack.store.remove(taskId);
  const stalled = [];
  // The last run does not look it up, because it was postponed.
  for (const hours of [1, 2, 3, 3.01]) stalled.push((await stack.run('poll', hoursLater(hours))).stalled);
  expect(stalled).toEqual([1, 1, undefined, undefined]);
});

test("reports nothing when Partner Central can't be reached", async () => {
  stack = await openEngineStack({ taskStalledEvents: true });
  await stack.run();
  start(12);
  await stack.run();
  await stack.run('poll', { clockOffsetMs: 30 * MINUTE }); // they are outside the lookback from now on
  stack.partnerCentral.intercept = ({ input }) =>
    Array.isArray(input.TaskStatus) ? errorAnswer('InternalServerException', 500) : undefined;
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({ outcome: 'partial', published: 0 });
  stack.partnerCentral.intercept = undefined;
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({ outcome: 'complete', stalledEvents: 12 });
});

test.each([
  ['NotAuthorizedForDetailTypeException', 1],
  ['InternalFailure', 1],
  ['ThrottlingException', undefined],
])('when EventBridge answers %s, polls continue and try once in each', async (ErrorCode, refused) => {
  stack = await openEngineStack({ taskStalledEvents: true });
  await stack.run();
  const { taskId } = startOne();
  await stack.run();
  stack.eventBridge.entryFault = ({ DetailType }) =>
    DetailType === 'TaskStalled' ? { ErrorCode, ErrorMessage: 'on purpose' } : undefined;
  for (let runs = 0; runs < 2; runs += 1) {
    stack.takeCalls();
    const summary = await stack.run('poll', hoursLater(1));
    expect(summary).toMatchObject({ outcome: 'complete', published: 0, stalled: 1 });
    expect(summary.refusedStalledEvents).toBe(refused);
    expect(stack.takeCalls().puts).toBe(1);
  }
  const ended = stack.addEnded(1, () => ({ startTimeMs: Date.now() + HOUR }));
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({ outcome: 'complete', published: 1 });
  expect(stack.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual(ids(ended));
  stack.eventBridge.entryFault = undefined;
  await stack.run('poll', hoursLater(1));
  expect(reportedTasks()).toEqual([taskId]);
});

test('retries a refused event in the next run, delays no other, and counts it as quarantined', async () => {
  stack = await openTestStack({ taskStalledEvents: true });
  await stack.run();
  const tasks = start(3);
  await stack.run();
  const poisoned = tasks[1]?.taskId as string;
  stack.eventBridge.entryFault = entry =>
    entry.Detail?.includes(poisoned) ? { ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' } : undefined;
  stack.logs.length = 0;
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({
    outcome: 'complete',
    stalledEvents: 2,
    refusedStalledEvents: 1,
    rejected: 0,
    stalled: 3,
  });
  expect(stack.logs.join('\n')).toContain('"ItemsSetAside":1');
  stack.eventBridge.entryFault = undefined;
  await stack.run('poll', hoursLater(1));
  expect(reportedTasks().sort()).toEqual(ids(tasks).sort());
  end(tasks);
  expect(await stack.run('poll', hoursLater(1))).toMatchObject({ failed: 3 });
});
