/** What those who watch the poller go by: its log, its metrics, its pauses, and a trial without events. */
import { type Bed, DAY, errorAnswer, HOUR, MINUTE, openBed, outcomes } from './bed';

let bed: Bed;
afterEach(() => bed.close());

const later = (ms: number) => ({ clockOffsetMs: ms });
const takeLog = () => bed.logs.splice(0).flatMap(line => (line.startsWith('{') ? [JSON.parse(line)] : []));
const takeMetric = (name: string) => takeLog().flatMap(line => (name in line ? [line[name]] : []));
const end = (taskId: string) => bed.store.end(taskId, 'COMPLETE');

describe('how late an event may be', () => {
  const lags = () => takeLog().flatMap(line => (line.message === 'Published' ? [line.lagSeconds] : []));

  test('is in its log line: the time since the task was last known to run', async () => {
    bed = await openBed();
    const [task] = bed.addRunning(1, HOUR);
    await bed.run('poll', later(-3 * MINUTE));
    await bed.run('poll', later(-2 * MINUTE)); // the row was as good as new to the first
    end(task?.taskId as string);
    await bed.run();
    const [lag, ...more] = lags();
    expect(more).toEqual([]);
    expect(lag).toBeGreaterThanOrEqual(120);
    expect(lag).toBeLessThan(180);
  });

  test('is not told of a task that nobody saw running, nor of one whose outcome changes: nobody knows since when', async () => {
    bed = await openBed();
    await bed.run();
    const [task] = bed.addEnded(1, () => ({ status: 'FAILED' }));
    await bed.run();
    bed.store.set(task?.taskId as string, { status: 'COMPLETE' });
    await bed.run();
    expect(lags()).toEqual([undefined, undefined]);
  });
});

describe('shadow mode', () => {
  test('does everything but publish, and logs what it would have published, without the message', async () => {
    bed = await openBed({ shadow: true });
    await bed.run();
    const [running] = bed.addRunning(1, 0);
    await bed.run();
    const failed = bed.store.add({
      status: 'FAILED',
      reasonCode: 'InternalError',
      message: 'A customer is named here',
    });
    end(running?.taskId as string);
    bed.logs.length = 0;
    expect(await bed.run()).toMatchObject({ outcome: 'complete', shadow: true, completed: 1, failed: 1, published: 2 });
    expect(bed.eventBridge.calls.total).toBe(0);
    expect(bed.logs.join()).not.toContain('"TasksFailed"'); // no mail tells of them
    expect(bed.logs.join()).not.toContain('customer');
    const lines = takeLog();
    expect(lines.filter(({ message }) => message === 'Published')).toEqual([]);
    const would = lines.filter(({ message }) => message === 'Would publish');
    expect(would.map(({ detailType }) => detailType).sort()).toEqual(['TaskCompleted', 'TaskFailed']);
    expect(would.find(({ detailType }) => detailType === 'TaskFailed')).toMatchObject({
      level: 'INFO',
      event: { taskId: failed.taskId, reasonCode: 'InternalError', eventId: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  test('ended, what ended in it counts as told, and what ends from then on is published', async () => {
    bed = await openBed({ shadow: true });
    await bed.run();
    const [running] = bed.addRunning(1, 0);
    bed.addEnded(12);
    await bed.run();
    const forReal = bed.anotherPoller({ shadow: false });
    await bed.run('poll', {}, forReal);
    expect(bed.published()).toEqual([]);
    const ended = end(running?.taskId as string);
    await bed.run('poll', {}, forReal);
    expect(bed.published()).toEqual(outcomes([ended]));
  });
});

describe('resumed after a pause', () => {
  test('it publishes once what ended meanwhile, at most `maxEventsPerRun` a poll, and is quiet again', async () => {
    bed = await openBed({ maxEventsPerRun: 20 });
    await bed.run('poll', later(-7 * DAY));
    const running = Array.from({ length: 5 }, (_, at) => bed.store.add({ startTimeMs: Date.now() - 7 * DAY + at }));
    await bed.run('poll', later(-7 * DAY + MINUTE));
    const ended = [
      ...running.map(({ taskId }) => end(taskId)),
      ...bed.addEnded(60, at => ({ startTimeMs: Date.now() - at * 2 * HOUR })),
    ];
    bed.logs.length = 0;
    const runs = [];
    do runs.push(await bed.run());
    while (runs.at(-1)?.outcome !== 'complete' && runs.length < 20);
    expect(Math.max(...runs.map(({ published }) => published))).toBeLessThanOrEqual(20);
    expect(runs.length).toBeGreaterThan(3);
    expect(bed.published()).toEqual(outcomes(ended));
    // Nothing about it is unwell: no overdue audit, no drift in the next one, no backlog that stands still.
    await bed.run('audit');
    const unwell = takeLog().filter(line => line.AuditProblems || line.BacklogUnchanged || line.ItemsSetAside);
    expect(unwell).toEqual([]);
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, gaps: 0 });
  });
});

test('a table restored to an earlier moment publishes again what ended since, with the same ids, and loses nothing', async () => {
  bed = await openBed();
  const running = bed.addRunning(3, HOUR);
  await bed.run('poll', later(-3 * HOUR));
  await bed.run('poll', later(-2 * HOUR));
  const earlier = await bed.items();
  const ended = [...running.map(({ taskId }) => end(taskId)), ...bed.addEnded(12)];
  await bed.run();
  await bed.loseTable();
  await bed.putItems(earlier);
  const endedAfter = bed.addEnded(2);
  await bed.runUntilQuiet();
  const all = outcomes([...ended, ...endedAfter]);
  expect([...new Set(bed.published())]).toEqual(all);
  expect(new Set(bed.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(all.length);
  expect(await bed.run('audit')).toMatchObject({ drift: 0, published: 0 });
});

describe('the audit', () => {
  const overdue = async (ms: number) => (await bed.run('poll', later(ms))).auditOverdue ?? false;

  test('is overdue when none has finished for more than two periods, and no more when one has', async () => {
    bed = await openBed({ auditEveryHours: 24, pollEveryMinutes: 600 });
    const asked: [hours: number, overdue: boolean][] = [];
    for (const hours of [0, 20, 40, 59, 61, 70]) asked.push([hours, await overdue(hours * HOUR)]);
    expect(asked.filter(([, is]) => is).map(([hours]) => hours)).toEqual([61, 70]);
    expect(takeMetric('AuditProblems')).toEqual([1, 1]);
    await bed.run('audit', later(71 * HOUR));
    expect(await overdue(72 * HOUR)).toBe(false);
  });

  test('is not overdue after a pause', async () => {
    bed = await openBed({ auditEveryHours: 24 });
    await bed.run('audit');
    expect(await overdue(10 * DAY)).toBe(false);
    expect(await overdue(10 * DAY + MINUTE)).toBe(false);
  });

  test('is a problem in the run that finds drift', async () => {
    bed = await openBed();
    await bed.run('poll', later(-HOUR));
    await bed.run();
    bed.addEnded(2, () => ({ startTimeMs: Date.now() - 30 * MINUTE }));
    await bed.run();
    takeLog();
    await bed.run('audit');
    expect(takeMetric('AuditProblems')).toEqual([2]);
  });
});

describe('a backlog', () => {
  const history = { maxListCallsPerRun: 10, headPageSize: 10, backlogPageSize: 10, emitSince: '2020-01-01T00:00:00Z' };

  test('that gets smaller from run to run is none to worry about', async () => {
    bed = await openBed({ ...history, maxEventsPerRun: 30 });
    bed.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    const runs = [];
    do runs.push(await bed.run());
    while (runs.at(-1)?.gaps && runs.length < 40);
    expect(runs.length).toBeGreaterThan(5);
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });

  test('that publishes a large page bit by bit is none either', async () => {
    bed = await openBed({ maxEventsPerRun: 10 });
    bed.addEnded(90, at => ({ startTimeMs: Date.now() - (at + 1) * HOUR }));
    await bed.run();
    const backfilling = bed.anotherPoller({ emitSince: history.emitSince });
    const runs = [];
    do runs.push(await bed.run('poll', {}, backfilling));
    while (runs.at(-1)?.gaps && runs.length < 40);
    expect(runs.length).toBeGreaterThan(5);
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });

  test('that finds nothing to publish but gets through the list is none either', async () => {
    bed = await openBed({ ...history, emitSince: undefined });
    await bed.run('poll', later(-90 * DAY));
    bed.addEnded(150, at => ({ startTimeMs: Date.now() - (at + 1) * HOUR }));
    await bed.runUntilQuiet();
    const audit = [await bed.run('audit')];
    while (audit.at(-1)?.gaps && audit.length < 20) audit.push(await bed.run());
    expect(audit.length).toBeGreaterThan(1);
    expect(audit.every(({ published, backlogUnchanged }) => published === 0 && !backlogUnchanged)).toBe(true);
  });

  test('that has just come up is none yet', async () => {
    bed = await openBed(history);
    bed.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    bed.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('InternalServerException', 500) : undefined;
    const summary = await bed.run();
    expect(summary).toMatchObject({ outcome: 'partial', gaps: 1 });
    expect(summary).not.toHaveProperty('backlogUnchanged');
  });

  test('that stays as it is counts in each run, until it gets smaller', async () => {
    bed = await openBed(history);
    bed.addEnded(200, at => ({ startTimeMs: Date.now() - at * HOUR }));
    expect(await bed.run()).toMatchObject({ gaps: 1 });
    bed.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('InternalServerException', 500) : undefined;
    takeLog();
    for (let runs = 0; runs < 2; runs += 1)
      expect(await bed.run()).toMatchObject({ gaps: 1, backlogUnchanged: true, outcome: 'partial' });
    expect(takeMetric('BacklogUnchanged')).toEqual([1, 1]);
    bed.partnerCentral.intercept = undefined;
    await bed.runUntilQuiet();
    expect(takeMetric('BacklogUnchanged')).toEqual([]);
  });
});

describe('what is set aside counts in each run, for as long as it is', () => {
  test('an event that EventBridge keeps refusing', async () => {
    bed = await openBed();
    await bed.run();
    bed.addEnded(2);
    bed.eventBridge.entryFault = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' });
    takeLog();
    for (const minutes of [0, 0.1, 2, 2.1]) await bed.run('poll', later(minutes * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([2, 2, 2, 2]);
    bed.eventBridge.entryFault = undefined;
    await bed.run('poll', later(HOUR));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });

  test('an id that was refused once, no longer when it is looked up later and nothing comes of it', async () => {
    bed = await openBed();
    const [task] = bed.addRunning(1, 2 * HOUR);
    await bed.run('poll', later(-HOUR));
    bed.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    await bed.run();
    bed.partnerCentral.intercept = undefined;
    bed.store.set(task?.taskId as string, { status: 'PAUSED' });
    await bed.run('poll', later(2 * MINUTE));
    takeLog();
    await bed.run('poll', later(4 * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
    bed.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    await bed.run('poll', later(30 * MINUTE));
    bed.partnerCentral.intercept = undefined;
    bed.store.remove(task?.taskId as string);
    takeLog();
    await bed.run('poll', later(HOUR));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });

  test('a task that is no longer listed, once', async () => {
    bed = await openBed();
    const [task] = bed.addRunning(1, 2 * HOUR);
    await bed.run('poll', later(-HOUR));
    bed.store.remove(task?.taskId as string);
    takeLog();
    for (const minutes of [0, 10, 30, 90, 91]) await bed.run('poll', later(minutes * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([1]);
  });

  test('an id that Partner Central refuses to look up', async () => {
    bed = await openBed();
    bed.addRunning(1, 2 * HOUR);
    await bed.run('poll', later(-HOUR));
    takeLog();
    bed.partnerCentral.intercept = ({ input }) =>
      Array.isArray(input.TaskIdentifier) ? errorAnswer('ValidationException') : undefined;
    for (const seconds of [0, 5]) await bed.run('poll', later(seconds * 1_000));
    expect(takeMetric('ItemsSetAside')).toEqual([1, 1]);
    bed.partnerCentral.intercept = undefined;
    await bed.run('poll', later(2 * MINUTE));
    expect(takeMetric('ItemsSetAside')).toEqual([]);
  });
});
