/** What operators rely on: log, metrics, pauses, and shadow mode. */
import { DAY, HOUR, MINUTE } from '../durations';
import { type EngineStack, openEngineStack, outcomes } from '../engine-stack';
import { errorAnswer } from '../faults';

let stack: EngineStack;
afterEach(() => stack.close());

const later = (ms: number) => ({ clockOffsetMs: ms });
const takeLog = () => stack.logs.splice(0).flatMap(line => (line.startsWith('{') ? [JSON.parse(line)] : []));
const takeMetric = (name: string) => takeLog().flatMap(line => (name in line ? [line[name]] : []));
const end = (taskId: string) => stack.store.end(taskId, 'COMPLETE');

describe('the lag of an event', () => {
  const lags = () => takeLog().flatMap(line => (line.message === 'Published' ? [line.lagSeconds] : []));

  test('is in its log line: the time since the task was last seen running', async () => {
    stack = await openEngineStack();
    const [task] = stack.addRunning(1, HOUR);
    await stack.run('poll', later(-3 * MINUTE));
    await stack.run('poll', later(-2 * MINUTE)); // the first poll saw it as a new row
    end(task?.taskId as string);
    await stack.run();
    const [lag, ...more] = lags();
    expect(more).toEqual([]);
    expect(lag).toBeGreaterThanOrEqual(120);
    expect(lag).toBeLessThan(180);
  });

  test('is unknown for a task that was never seen running, and for a changed outcome', async () => {
    stack = await openEngineStack();
    await stack.run();
    const [task] = stack.addEnded(1, () => ({ status: 'FAILED' }));
    await stack.run();
    stack.store.set(task?.taskId as string, { status: 'COMPLETE' });
    await stack.run();
    expect(lags()).toEqual([undefined, undefined]);
  });
});

describe('shadow mode', () => {
  test('does everything but publish, and logs its events without the message', async () => {
    stack = await openEngineStack({ shadow: true });
    await stack.run();
    const [running] = stack.addRunning(1, 0);
    await stack.run();
    const failed = stack.store.add({
      status: 'FAILED',
      reasonCode: 'InternalError',
      message: 'A customer is named here',
    });
    end(running?.taskId as string);
    stack.logs.length = 0;
    expect(await stack.run()).toMatchObject({
      outcome: 'complete',
      shadow: true,
      completed: 1,
      failed: 1,
      published: 2,
    });
    expect(stack.eventBridge.calls.total).toBe(0);
    expect(stack.logs.join()).not.toContain('"TasksFailed"'); // no mail reports them
    expect(stack.logs.join()).not.toContain('customer');
    const lines = takeLog();
    expect(lines.filter(({ message }) => message === 'Published')).toEqual([]);
    const would = lines.filter(({ message }) => message === 'Would publish');
    expect(would.map(({ detailType }) => detailType).sort()).toEqual(['TaskCompleted', 'TaskFailed']);
    expect(would.find(({ detailType }) => detailType === 'TaskFailed')).toMatchObject({
      level: 'INFO',
      event: { taskId: failed.taskId, reasonCode: 'InternalError', eventId: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  test('after shadow mode, tasks that ended during it are not published, and later ones are', async () => {
    stack = await openEngineStack({ shadow: true });
    await stack.run();
    const [running] = stack.addRunning(1, 0);
    stack.addEnded(12);
    await stack.run();
    const publishing = stack.anotherPoller({ shadow: false });
    await stack.run('poll', {}, publishing);
    expect(stack.published()).toEqual([]);
    const ended = end(running?.taskId as string);
    await stack.run('poll', {}, publishing);
    expect(stack.published()).toEqual(outcomes([ended]));
  });
});

describe('resumed after a pause', () => {
  test('publishes each task that ended meanwhile once, at most `maxEventsPerRun` a poll, and is quiet again', async () => {
    stack = await openEngineStack({ maxEventsPerRun: 20 });
    await stack.run('poll', later(-7 * DAY));
    const running = Array.from({ length: 5 }, (_, at) => stack.store.add({ startTimeMs: Date.now() - 7 * DAY + at }));
    await stack.run('poll', later(-7 * DAY + MINUTE));
    const ended = [
      ...running.map(({ taskId }) => end(taskId)),
      ...stack.addEnded(60, at => ({ startTimeMs: Date.now() - at * 2 * HOUR })),
    ];
    stack.logs.length = 0;
    const runs = [];
    do runs.push(await stack.run());
    while (runs.at(-1)?.outcome !== 'complete' && runs.length < 20);
    expect(Math.max(...runs.map(({ published }) => published))).toBeLessThanOrEqual(20);
    expect(runs.length).toBeGreaterThan(3);
    expect(stack.published()).toEqual(outcomes(ended));
    // No alarm condition: no overdue audit, no drift in the next audit, no unchanged backlog.
    await stack.run('audit');
    const unwell = takeLog().filter(line => line.AuditProblems || line.BacklogUnchanged || line.ItemsSetAside);
    expect(unwell).toEqual([]);
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, gaps: 0 });
  });
});

test('after the table was restored to an earlier time, publishes tasks ended since again with the same ids, and loses nothing', async () => {
  stack = await openEngineStack();
  const running = stack.addRunning(3, HOUR);
  await stack.run('poll', later(-3 * HOUR));
  await stack.run('poll', later(-2 * HOUR));
  const earlier = await stack.items();
  const ended = [...running.map(({ taskId }) => end(taskId)), ...stack.addEnded(12)];
  await stack.run();
  await stack.loseTable();
  await stack.putItems(earlier);
  const endedAfter = stack.addEnded(2);
  await stack.runUntilQuiet();
  const all = outcomes([...ended, ...endedAfter]);
  expect([...new Set(stack.published())]).toEqual(all);
  expect(new Set(stack.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(all.length);
  expect(await stack.run('audit')).toMatchObject({ drift: 0, published: 0 });
});

describe('the audit', () => {
  const overdue = async (ms: number) => (await stack.run('poll', later(ms))).auditOverdue ?? false;

  test('is overdue when none has finished for more than two periods, until one has', async () => {
    stack = await openEngineStack({ auditEveryHours: 24, pollEveryMinutes: 600 });
    const asked: [hours: number, overdue: boolean][] = [];
    for (const hours of [0, 20, 40, 59, 61, 70]) asked.push([hours, await overdue(hours * HOUR)]);
    expect(asked.filter(([, is]) => is).map(([hours]) => hours)).toEqual([61, 70]);
    expect(takeMetric('AuditProblems')).toEqual([1, 1]);
    await stack.run('audit', later(71 * HOUR));
    expect(await overdue(72 * HOUR)).toBe(false);
  });

  test('is not overdue after a pause', async () => {
    stack = await openEngineStack({ auditEveryHours: 24 });
    await stack.run('audit');
    expect(await overdue(10 * DAY)).toBe(false);
    expect(await overdue(10 * DAY + MINUTE)).toBe(false);
  });

  test('counts as a problem in the run that finds drift', async () => {
    stack = await openEngineStack();
    await stack.run('poll', later(-HOUR));
    await stack.run();
    stack.addEnded(2, () => ({ startTimeMs: Date.now() - 30 * MINUTE }));
    await stack.run();
    takeLog();
    await stack.run('audit');
    expect(takeMetric('AuditProblems')).toEqual([2]);
  });
});

describe('a backlog', () => {
  const history = { maxListCallsPerRun: 10, headPageSize: 10, backlogPageSize: 10, emitSince: '2020-01-01T00:00:00Z' };

  test('that shrinks in each run is not counted', async () => {
    stack = await openEngineStack({ ...history, maxEventsPerRun: 30 });
    stack.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    const runs = [];
    do runs.push(await stack.run());
    while (runs.at(-1)?.gaps && runs.length < 40);
    expect(runs.length).toBeGreaterThan(5);
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });

  test('that publishes a large page in parts is not counted', async () => {
    stack = await openEngineStack({ maxEventsPerRun: 10 });
    stack.addEnded(90, at => ({ startTimeMs: Date.now() - (at + 1) * HOUR }));
    await stack.run();
    const backfilling = stack.anotherPoller({ emitSince: history.emitSince });
    const runs = [];
    do runs.push(await stack.run('poll', {}, backfilling));
    while (runs.at(-1)?.gaps && runs.length < 40);
    expect(runs.length).toBeGreaterThan(5);
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });

  test('that publishes nothing but makes progress in the list is not counted', async () => {
    stack = await openEngineStack({ ...history, emitSince: undefined });
    await stack.run('poll', later(-90 * DAY));
    stack.addEnded(150, at => ({ startTimeMs: Date.now() - (at + 1) * HOUR }));
    await stack.runUntilQuiet();
    const audit = [await stack.run('audit')];
    while (audit.at(-1)?.gaps && audit.length < 20) audit.push(await stack.run());
    expect(audit.length).toBeGreaterThan(1);
    expect(audit.every(({ published, backlogUnchanged }) => published === 0 && !backlogUnchanged)).toBe(true);
  });

  test('that is new is not counted yet', async () => {
    stack = await openEngineStack(history);
    stack.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    stack.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('InternalServerException', 500) : undefined;
    const summary = await stack.run();
    expect(summary).toMatchObject({ outcome: 'partial', gaps: 1 });
    expect(summary).not.toHaveProperty('backlogUnchanged');
  });

  test('that stays unchanged is counted in each run until it shrinks', async () => {
    stack = await openEngineStack(history);
    stack.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    expect(await stack.run()).toMatchObject({ gaps: 1 });
    stack.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('InternalServerException', 500) : undefined;
    takeLog();
    for (let runs = 0; runs < 2; runs += 1)
      expect(await stack.run()).toMatchObject({ gaps: 1, backlogUnchanged: true, outcome: 'partial' });
    expect(takeMetric('BacklogUnchanged')).toEqual([1, 1]);
    stack.partnerCentral.intercept = undefined;
    await stack.runUntilQuiet();
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });
});

describe('quarantined items are counted in each run until they are resolved', () => {
  test('an event that EventBridge keeps refusing', async () => {
    stack = await openEngineStack();
    await stack.run();
    stack.addEnded(2);
    stack.eventBridge.entryFault = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' });
    takeLog();
    for (const minutes of [0, 0.1, 2, 2.1]) await stack.run('poll', later(minutes * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([2, 2, 2, 2]);
    stack.eventBridge.entryFault = undefined;
    await stack.run('poll', later(HOUR));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });

  test('an id that was refused once, until a later look-up succeeds without result', async () => {
    stack = await openEngineStack();
    const [task] = stack.addRunning(1, 2 * HOUR);
    await stack.run('poll', later(-HOUR));
    stack.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    await stack.run();
    stack.partnerCentral.intercept = undefined;
    stack.store.set(task?.taskId as string, { status: 'PAUSED' });
    await stack.run('poll', later(2 * MINUTE));
    takeLog();
    await stack.run('poll', later(4 * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
    stack.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    await stack.run('poll', later(30 * MINUTE));
    stack.partnerCentral.intercept = undefined;
    stack.store.remove(task?.taskId as string);
    takeLog();
    await stack.run('poll', later(HOUR));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });

  test('a task that is no longer listed, once', async () => {
    stack = await openEngineStack();
    const [task] = stack.addRunning(1, 2 * HOUR);
    await stack.run('poll', later(-HOUR));
    stack.store.remove(task?.taskId as string);
    takeLog();
    for (const minutes of [0, 10, 30, 90, 91]) await stack.run('poll', later(minutes * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([1]);
  });

  test('an id that Partner Central refuses to look up', async () => {
    stack = await openEngineStack();
    stack.addRunning(1, 2 * HOUR);
    await stack.run('poll', later(-HOUR));
    takeLog();
    stack.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    for (const seconds of [0, 5]) await stack.run('poll', later(seconds * 1_000));
    expect(takeMetric('ItemsSetAside')).toEqual([1, 1]);
    stack.partnerCentral.intercept = undefined;
    await stack.run('poll', later(2 * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });
});
