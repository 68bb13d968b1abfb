/** The guarantees of the README, one describe each, against the synthesized bundle. */
import * as v from 'valibot';
import { taskEventSchema } from '../../lambdas/task-event';
import type { Task } from '../../local/task-store';
import { ago, DAY, type EngineBed, HOUR, MINUTE, openBed, openEngineBed, outcomes } from './bed';

/** So that what started since is new to the next head, and old enough not to be looked back at by those after it. */
const anHourAgo = { clockOffsetMs: -HOUR };

let bed: EngineBed;
afterEach(() => bed.close());

describe('nothing lost', () => {
  test('2,345 endings across many pages: each published exactly once while every third entry fails once', async () => {
    bed = await openEngineBed();
    await bed.run('poll', anHourAgo);
    const ended = bed.addEnded(2_345, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 500 }));
    const failedOnce = new Set<string>();
    bed.eventBridge.entryFault = (entry, index) => {
      if (index % 3 !== 2 || failedOnce.has(String(entry.Detail))) return undefined;
      failedOnce.add(String(entry.Detail));
      return { ErrorCode: index % 2 ? 'InternalFailure' : 'ThrottlingException', ErrorMessage: 'on purpose' };
    };
    await bed.runUntilQuiet();
    expect(failedOnce.size).toBeGreaterThan(500);
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('a task recorded as running is published whenever it ends, however old it is', async () => {
    bed = await openEngineBed();
    const running = bed.addRunning(3, 400 * DAY);
    await bed.run();
    for (const { taskId } of running)
      bed.store.end(taskId, { status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    await bed.run();
    expect(bed.published()).toEqual(running.map(({ taskId }) => `${taskId} FAILED`).sort());
  });

  test('an earlier emitSince, set later, publishes that part of the past and no more', async () => {
    bed = await openEngineBed();
    const [day, hour, older] = [DAY, HOUR, 3 * DAY].map(ago =>
      bed.addEnded(4, at => ({ startTimeMs: Date.now() - ago - at })),
    ) as [never[], never[], never[]];
    await bed.run();
    expect(bed.published()).toEqual([]);
    const backfill = bed.anotherPoller({ emitSince: new Date(Date.now() - 2 * DAY).toISOString() });
    expect((await backfill.invoke({ mode: 'poll' })).error).toBeUndefined();
    expect(bed.published()).toEqual(outcomes([...day, ...hour]));
    expect(older).toHaveLength(4);
  });

  test('an earlier emitSince, set soon, publishes what the head of the same run lists as history too', async () => {
    bed = await openEngineBed();
    const minutesAgo = bed.addEnded(4, at => ({ startTimeMs: Date.now() - MINUTE - at }));
    await bed.run();
    expect(bed.published()).toEqual([]);
    const backfill = bed.anotherPoller({ emitSince: ago(HOUR) });
    expect(await bed.run('poll', undefined, backfill)).toMatchObject({ published: 4, gaps: 0 });
    expect(bed.published()).toEqual(outcomes(minutesAgo));
  });

  test('what a cut head left is worked off by the runs after it', async () => {
    bed = await openEngineBed({ headPageSize: 20, maxListCallsPerRun: 10 });
    await bed.run('poll', anHourAgo);
    const ended = bed.addEnded(500, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000 }));
    expect(await bed.run()).toMatchObject({ outcome: 'partial', gaps: 1 });
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
  });
});

describe('nothing twice', () => {
  test('polling again, auditing, and looking back publish nothing new', async () => {
    bed = await openEngineBed();
    await bed.run();
    bed.addEnded(50);
    await bed.run();
    for (const mode of ['poll', 'audit', 'poll'] as const)
      expect(await bed.run(mode)).toMatchObject({ published: 0, drift: 0 });
    expect(bed.eventBridge.events).toHaveLength(50);
  });
});

describe('no flood', () => {
  test('one run publishes at most maxEventsPerRun, the rest follows', async () => {
    bed = await openEngineBed({ maxEventsPerRun: 30 });
    await bed.run();
    const ended = bed.addEnded(100);
    for (let runs = 0; runs < 4; runs += 1) {
      const before = bed.eventBridge.events.length;
      await bed.run();
      expect(bed.eventBridge.events.length - before).toBeLessThanOrEqual(30);
    }
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('endings without a start time are history until the first run has learnt what is running', async () => {
    bed = await openEngineBed();
    bed.addEnded(2);
    bed.partnerCentral.tamper = (_, output) => ({
      ...output,
      TaskSummaries: (output.TaskSummaries as object[]).map(summary => ({ ...summary, StartTime: null })),
    });
    bed.store.add({});
    await bed.run();
    const before = bed.eventBridge.events.length;
    const [after] = bed.addEnded(1);
    await bed.run();
    expect(bed.eventBridge.events.slice(before).map(({ detail }) => detail.taskId)).toEqual([after?.taskId]);
  });
});

describe('one poisoned item stops nothing', () => {
  test('an entry that EventBridge can never take is set aside once it takes others, in whatever part of the run', async () => {
    bed = await openEngineBed();
    const running = bed.addRunning(3, HOUR);
    await bed.run();
    const [poisoned] = bed.addEnded(1);
    const ofPoisoned = (entry: { Detail?: string | null }) => entry.Detail?.includes(poisoned?.taskId as string);
    const internalFailure = { ErrorCode: 'InternalFailure', ErrorMessage: 'on purpose' };
    bed.eventBridge.entryFault = () => internalFailure;
    // While it takes nothing at all, it is EventBridge that has a problem.
    expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 0, rejected: 0, unsettled: 3 });
    bed.eventBridge.entryFault = entry => (ofPoisoned(entry) ? internalFailure : undefined);
    for (const { taskId } of running) bed.store.end(taskId, 'COMPLETE');
    expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 3, rejected: 1, unsettled: 1 });
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, rejected: 0 });
    bed.eventBridge.entryFault = undefined;
    await bed.run('poll', { clockOffsetMs: 2 * MINUTE });
    expect(bed.published()).toEqual(
      outcomes([poisoned as Task, ...running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))]),
    );
  });

  test('an entry that is only throttled is never set aside', async () => {
    bed = await openEngineBed();
    await bed.run();
    const ended = bed.addEnded(60);
    let throttled = 0;
    bed.eventBridge.entryFault = entry => {
      const isOurs = entry.Detail?.includes(ended[30]?.taskId as string);
      if (!isOurs || throttled === 9) return undefined;
      throttled += 1;
      return { ErrorCode: 'ThrottlingException', ErrorMessage: 'on purpose' };
    };
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 60, rejected: 0 });
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('an entry that is not let through, where others are, is a poisoned one and stops nothing either', async () => {
    bed = await openEngineBed();
    const running = bed.addRunning(3, HOUR);
    await bed.run();
    const poisoned = bed.addEnded(11)[5]?.taskId as string;
    bed.eventBridge.entryFault = entry =>
      entry.Detail?.includes(poisoned)
        ? { ErrorCode: 'NotAuthorizedForDetailTypeException', ErrorMessage: 'on purpose' }
        : undefined;
    expect(await bed.run()).toMatchObject({ published: 10, rejected: 1 });
    for (const { taskId } of running) bed.store.end(taskId, 'COMPLETE');
    expect(await bed.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({
      published: 3,
      rejected: 1,
      unsettled: 1,
    });
  });

  test('a call that EventBridge refuses as a whole is halved until the culprit stands alone', async () => {
    bed = await openEngineBed();
    await bed.run();
    const ended = bed.addEnded(10);
    const poisoned = ended[3]?.taskId as string;
    bed.eventBridge.intercept = ({ input }) =>
      JSON.stringify(input).includes(poisoned)
        ? { when: 'before', how: { status: 400, type: 'ValidationException', body: { message: 'on purpose' } } }
        : undefined;
    expect(await bed.run()).toMatchObject({ published: 9, rejected: 1 });
    expect(await bed.row(poisoned)).toMatchObject({ lastError: 'ValidationException' });
  });

  test('an id that Partner Central refuses to look up is marked and put off; its neighbours are found', async () => {
    bed = await openEngineBed({ lookbackMinutes: 1 });
    const running = bed.addRunning(8, HOUR);
    await bed.run();
    const refused = running[2]?.taskId as string;
    bed.partnerCentral.intercept = ({ input }) =>
      (input.TaskIdentifier as string[] | undefined)?.includes(refused)
        ? {
            when: 'before',
            how: {
              status: 400,
              type: 'ValidationException',
              body: { Message: 'on purpose', Reason: 'REQUEST_VALIDATION_FAILED' },
            },
          }
        : undefined;
    for (const { taskId } of running) bed.store.end(taskId, 'COMPLETE');
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 7, refusedLookUps: 1, unsettled: 1 });
    bed.partnerCentral.intercept = undefined;
    expect(await bed.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
  });

  test('a damaged row stops nothing', async () => {
    bed = await openEngineBed();
    const [running, other] = bed.addRunning(2, HOUR);
    await bed.run();
    const row = await bed.row(running?.taskId as string);
    await bed.putItem({
      ...row,
      firstSeenAt: 'last week',
      fruitlessChecks: 'many',
      publishedStatuses: new Set([1, 2]),
    });
    bed.store.end(running?.taskId as string, 'COMPLETE');
    bed.store.end(other?.taskId as string, 'COMPLETE');
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 2, damagedRows: 1 });
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0 });
  });

  test('batches are bounded by bytes as well as by count', async () => {
    bed = await openEngineBed();
    await bed.run();
    const ended = bed.addEnded(10, () => ({ status: 'FAILED', message: 'm'.repeat(100_000) }));
    bed.takeCalls();
    expect(await bed.run()).toMatchObject({ published: 10, rejected: 0 });
    expect(bed.takeCalls().puts).toBe(5);
    expect(bed.published()).toEqual(outcomes(ended));
  });
});

describe('bounded', () => {
  test('a run stops before its deadline and the next goes on', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(300);
    bed.eventBridge.intercept = () => ({ when: 'before', how: { delayMs: 100 } });
    const { result, error } = await bed.poll('poll', { timeoutMs: 2_000 });
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ outcome: 'partial' });
    expect(result?.published).toBeGreaterThan(0);
    bed.eventBridge.intercept = undefined;
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('List calls stay within their cap, retries of the SDK included', async () => {
    bed = await openEngineBed({ maxListCallsPerRun: 10, headPageSize: 10 });
    await bed.run();
    bed.addEnded(1_000);
    bed.takeCalls();
    bed.partnerCentral.intercept = ({ index }) =>
      index % 2 ? { when: 'before', how: { status: 500, type: 'InternalServerException' } } : undefined;
    const { listCalls } = await bed.run();
    expect(listCalls).toBeLessThanOrEqual(10);
    expect(bed.takeCalls().list).toBe(listCalls);
  });

  test('a busy head leaves recheck and backlog their part, and the oldest gap gets on', async () => {
    bed = await openEngineBed({
      maxEventsPerRun: 60,
      headPageSize: 20,
      emitSince: new Date(Date.now() - 2 * DAY).toISOString(),
    });
    const past = bed.addEnded(120, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
    const running = bed.addRunning(5, HOUR);
    await bed.run();
    for (const { taskId } of running) bed.store.end(taskId, 'COMPLETE');
    const fresh: ReturnType<EngineBed['addEnded']> = [];
    for (
      let runs = 0;
      runs < 25 &&
      bed.published().filter(line => past.some(({ taskId }) => line.includes(taskId))).length < past.length;
      runs += 1
    ) {
      fresh.push(...bed.addEnded(80));
      await bed.run();
    }
    const published = new Set(bed.published());
    expect(outcomes(past).filter(line => !published.has(line))).toEqual([]);
    expect(
      outcomes(running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))).filter(line => !published.has(line)),
    ).toEqual([]);
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(
      outcomes([...past, ...fresh, ...running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))]),
    );
  });
});

describe('honest time', () => {
  test('an event says between which two moments the change was seen, and every event fits its contract', async () => {
    bed = await openEngineBed();
    const [running] = bed.addRunning(1, HOUR);
    await bed.run('poll', { clockOffsetMs: -2 * MINUTE });
    const lastSeenRunning = Date.now() - MINUTE;
    await bed.run('poll', { clockOffsetMs: -MINUTE });
    bed.store.end(running?.taskId as string, {
      status: 'FAILED',
      reasonCode: 'OpportunityConflict',
      message: 'It says "no"',
    });
    const neverSeen = bed.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 1_000, reasonCode: 'null' });
    await bed.run();

    const details = bed.eventBridge.events.map(({ detail }) => detail);
    for (const detail of details) {
      expect(v.parse(v.strictObject(taskEventSchema.entries), detail)).toEqual(detail);
      expect(Date.parse(String(detail.detectedBefore))).toBeLessThanOrEqual(Date.now());
      expect((detail.detectedAfter as string) <= (detail.detectedBefore as string)).toBe(true);
    }
    const failed = details.find(({ taskId }) => taskId === running?.taskId);
    expect(failed).toMatchObject({
      previousStatus: 'IN_PROGRESS',
      reasonCode: 'OpportunityConflict',
      reasonCategory: 'conflict',
      message: 'It says "no"',
    });
    expect(Math.abs(Date.parse(String(failed?.detectedAfter)) - lastSeenRunning)).toBeLessThan(MINUTE / 2);
    const completed = details.find(({ taskId }) => taskId === neverSeen.taskId);
    expect(completed).not.toHaveProperty('reasonCode');
    expect(completed).not.toHaveProperty('previousStatus');
    expect(completed?.detectedAfter).toBe(completed?.startTime);
    expect(bed.eventBridge.events[0]).toMatchObject({
      source: 'partnercentral.task-poller',
      resources: [expect.stringMatching(/^arn:aws:partnercentral:us-east-1::/)],
    });
  });
});
