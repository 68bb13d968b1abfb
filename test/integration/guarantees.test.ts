/** The guarantees of docs/guarantees.md, one describe each, with the synthesized bundle. */
import * as v from 'valibot';
import { taskEventSchema } from '../../lambdas/task-event';
import type { Task } from '../../local/services/task-store';
import { ago, DAY, HOUR, MINUTE } from '../durations';
import { type EngineStack, openEngineStack, outcomes } from '../engine-stack';
import { openTestStack } from './test-stack';

/** So tasks started since are new to the next head, and outside the lookback of later ones. */
const anHourAgo = { clockOffsetMs: -HOUR };

let stack: EngineStack;
afterEach(() => stack.close());

describe('nothing lost', () => {
  test('publishes 2,345 finished tasks on many pages exactly once while every third entry fails once', async () => {
    stack = await openEngineStack();
    await stack.run('poll', anHourAgo);
    const ended = stack.addEnded(2_345, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 500 }));
    const failedOnce = new Set<string>();
    stack.eventBridge.entryFault = (entry, index) => {
      if (index % 3 !== 2 || failedOnce.has(String(entry.Detail))) return undefined;
      failedOnce.add(String(entry.Detail));
      return { ErrorCode: index % 2 ? 'InternalFailure' : 'ThrottlingException', ErrorMessage: 'on purpose' };
    };
    await stack.runUntilQuiet();
    expect(failedOnce.size).toBeGreaterThan(500);
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('publishes a task that was recorded as running, however late it ends', async () => {
    stack = await openEngineStack();
    const running = stack.addRunning(3, 400 * DAY);
    await stack.run();
    for (const { taskId } of running)
      stack.store.end(taskId, { status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    await stack.run();
    expect(stack.published()).toEqual(running.map(({ taskId }) => `${taskId} FAILED`).sort());
  });

  test('an earlier emitSince, set later, publishes that part of the history and no more', async () => {
    stack = await openEngineStack();
    const [day, hour, older] = [DAY, HOUR, 3 * DAY].map(ago =>
      stack.addEnded(4, at => ({ startTimeMs: Date.now() - ago - at })),
    ) as [never[], never[], never[]];
    await stack.run();
    expect(stack.published()).toEqual([]);
    const backfill = stack.anotherPoller({ emitSince: new Date(Date.now() - 2 * DAY).toISOString() });
    expect((await backfill.invoke({ mode: 'poll' })).error).toBeUndefined();
    expect(stack.published()).toEqual(outcomes([...day, ...hour]));
    expect(older).toHaveLength(4);
  });

  test('an earlier emitSince, set soon, also publishes tasks that the head of the same run lists as history', async () => {
    stack = await openEngineStack();
    const minutesAgo = stack.addEnded(4, at => ({ startTimeMs: Date.now() - MINUTE - at }));
    await stack.run();
    expect(stack.published()).toEqual([]);
    const backfill = stack.anotherPoller({ emitSince: ago(HOUR) });
    expect(await stack.run('poll', undefined, backfill)).toMatchObject({ published: 4, gaps: 0 });
    expect(stack.published()).toEqual(outcomes(minutesAgo));
  });

  test('later runs publish what a cut head has left', async () => {
    stack = await openEngineStack({ headPageSize: 20, maxListCallsPerRun: 10 });
    await stack.run('poll', anHourAgo);
    const ended = stack.addEnded(500, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000 }));
    expect(await stack.run()).toMatchObject({ outcome: 'partial', gaps: 1 });
    await stack.runUntilQuiet();
    expect(stack.published()).toEqual(outcomes(ended));
  });
});

describe('nothing twice', () => {
  test('another poll, an audit and the lookback publish nothing new', async () => {
    stack = await openEngineStack();
    await stack.run();
    stack.addEnded(50);
    await stack.run();
    for (const mode of ['poll', 'audit', 'poll'] as const)
      expect(await stack.run(mode)).toMatchObject({ published: 0, drift: 0 });
    expect(stack.eventBridge.events).toHaveLength(50);
  });
});

describe('no flood', () => {
  test('publishes at most maxEventsPerRun in one run, and the rest in later runs', async () => {
    stack = await openEngineStack({ maxEventsPerRun: 30 });
    await stack.run();
    const ended = stack.addEnded(100);
    for (let runs = 0; runs < 4; runs += 1) {
      const before = stack.eventBridge.events.length;
      await stack.run();
      expect(stack.eventBridge.events.length - before).toBeLessThanOrEqual(30);
    }
    await stack.runUntilQuiet();
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('ended tasks without a start time are history until the first run has learnt the running tasks', async () => {
    stack = await openEngineStack();
    stack.addEnded(2);
    stack.partnerCentral.tamper = (_, output) => ({
      ...output,
      TaskSummaries: (output.TaskSummaries as object[]).map(summary => ({ ...summary, StartTime: null })),
    });
    stack.store.add({});
    await stack.run();
    const before = stack.eventBridge.events.length;
    const [after] = stack.addEnded(1);
    await stack.run();
    expect(stack.eventBridge.events.slice(before).map(({ detail }) => detail.taskId)).toEqual([after?.taskId]);
  });
});

describe('one poisoned item stops nothing', () => {
  test('quarantines an entry that always fails when other entries succeed, in any phase of the run', async () => {
    stack = await openEngineStack();
    const running = stack.addRunning(3, HOUR);
    await stack.run();
    const [poisoned] = stack.addEnded(1);
    const ofPoisoned = (entry: { Detail?: string | null }) => entry.Detail?.includes(poisoned?.taskId as string);
    const internalFailure = { ErrorCode: 'InternalFailure', ErrorMessage: 'on purpose' };
    stack.eventBridge.entryFault = () => internalFailure;
    // While no entry succeeds, EventBridge itself has a problem.
    expect(await stack.run()).toMatchObject({ outcome: 'partial', published: 0, rejected: 0, unsettled: 3 });
    stack.eventBridge.entryFault = entry => (ofPoisoned(entry) ? internalFailure : undefined);
    for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
    expect(await stack.run()).toMatchObject({ outcome: 'partial', published: 3, rejected: 1, unsettled: 1 });
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, rejected: 0 });
    stack.eventBridge.entryFault = undefined;
    await stack.run('poll', { clockOffsetMs: 2 * MINUTE });
    expect(stack.published()).toEqual(
      outcomes([poisoned as Task, ...running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))]),
    );
  });

  test('never quarantines an entry that is only throttled', async () => {
    stack = await openEngineStack();
    await stack.run();
    const ended = stack.addEnded(60);
    let throttled = 0;
    stack.eventBridge.entryFault = entry => {
      const isOurs = entry.Detail?.includes(ended[30]?.taskId as string);
      if (!isOurs || throttled === 9) return undefined;
      throttled += 1;
      return { ErrorCode: 'ThrottlingException', ErrorMessage: 'on purpose' };
    };
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 60, rejected: 0 });
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('quarantines an unauthorised entry if other entries succeed', async () => {
    stack = await openEngineStack();
    const running = stack.addRunning(3, HOUR);
    await stack.run();
    const poisoned = stack.addEnded(11)[5]?.taskId as string;
    stack.eventBridge.entryFault = entry =>
      entry.Detail?.includes(poisoned)
        ? { ErrorCode: 'NotAuthorizedForDetailTypeException', ErrorMessage: 'on purpose' }
        : undefined;
    expect(await stack.run()).toMatchObject({ published: 10, rejected: 1 });
    for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
    expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({
      published: 3,
      rejected: 1,
      unsettled: 1,
    });
  });

  test('halves a refused call until the failing entry is alone', async () => {
    stack = await openEngineStack();
    await stack.run();
    const ended = stack.addEnded(10);
    const poisoned = ended[3]?.taskId as string;
    stack.eventBridge.intercept = ({ input }) =>
      JSON.stringify(input).includes(poisoned)
        ? { when: 'before', how: { status: 400, type: 'ValidationException', body: { message: 'on purpose' } } }
        : undefined;
    expect(await stack.run()).toMatchObject({ published: 9, rejected: 1 });
    expect(await stack.row(poisoned)).toMatchObject({ lastError: 'ValidationException' });
  });

  test('marks and postpones an id whose look-up Partner Central refuses, and finds the other ids', async () => {
    stack = await openEngineStack({ lookbackMinutes: 1 });
    const running = stack.addRunning(8, HOUR);
    await stack.run();
    const refused = running[2]?.taskId as string;
    stack.partnerCentral.intercept = ({ input }) =>
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
    for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 7, refusedLookUps: 1, unsettled: 1 });
    stack.partnerCentral.intercept = undefined;
    expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
  });

  test('reads a damaged row and continues', async () => {
    stack = await openEngineStack();
    const [running, other] = stack.addRunning(2, HOUR);
    await stack.run();
    const row = await stack.row(running?.taskId as string);
    await stack.putItem({
      ...row,
      firstSeenAt: 'last week',
      fruitlessChecks: 'many',
      publishedStatuses: new Set([1, 2]),
    });
    stack.store.end(running?.taskId as string, 'COMPLETE');
    stack.store.end(other?.taskId as string, 'COMPLETE');
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 2, damagedRows: 1 });
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0 });
  });

  test('limits batches by bytes and by count', async () => {
    stack = await openEngineStack();
    await stack.run();
    const ended = stack.addEnded(10, () => ({ status: 'FAILED', message: 'm'.repeat(100_000) }));
    stack.takeCalls();
    expect(await stack.run()).toMatchObject({ published: 10, rejected: 0 });
    expect(stack.takeCalls().puts).toBe(5);
    expect(stack.published()).toEqual(outcomes(ended));
  });
});

describe('bounded', () => {
  test('a run stops before its deadline, and the next continues', async () => {
    stack = await openTestStack();
    await stack.run();
    const ended = stack.addEnded(300);
    stack.eventBridge.intercept = () => ({ when: 'before', how: { delayMs: 100 } });
    const { result, error } = await stack.poll('poll', { timeoutMs: 2_000 });
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ outcome: 'partial' });
    expect(result?.published).toBeGreaterThan(0);
    stack.eventBridge.intercept = undefined;
    await stack.runUntilQuiet();
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('List calls stay within the limit, SDK retries included', async () => {
    stack = await openEngineStack({ maxListCallsPerRun: 10, headPageSize: 10 });
    await stack.run();
    stack.addEnded(1_000);
    stack.takeCalls();
    stack.partnerCentral.intercept = ({ index }) =>
      index % 2 ? { when: 'before', how: { status: 500, type: 'InternalServerException' } } : undefined;
    const { listCalls } = await stack.run();
    expect(listCalls).toBeLessThanOrEqual(10);
    expect(stack.takeCalls().list).toBe(listCalls);
  });

  test('a busy head leaves time for recheck and backlog, and the oldest gap makes progress', async () => {
    stack = await openEngineStack({
      maxEventsPerRun: 60,
      headPageSize: 20,
      emitSince: new Date(Date.now() - 2 * DAY).toISOString(),
    });
    const past = stack.addEnded(120, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
    const running = stack.addRunning(5, HOUR);
    await stack.run();
    for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
    const fresh: ReturnType<EngineStack['addEnded']> = [];
    for (
      let runs = 0;
      runs < 25 &&
      stack.published().filter(line => past.some(({ taskId }) => line.includes(taskId))).length < past.length;
      runs += 1
    ) {
      fresh.push(...stack.addEnded(80));
      await stack.run();
    }
    const published = new Set(stack.published());
    expect(outcomes(past).filter(line => !published.has(line))).toEqual([]);
    expect(
      outcomes(running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))).filter(line => !published.has(line)),
    ).toEqual([]);
    await stack.runUntilQuiet();
    expect(stack.published()).toEqual(
      outcomes([...past, ...fresh, ...running.map(({ taskId }) => ({ taskId, status: 'COMPLETE' }))]),
    );
  });
});

describe('honest time', () => {
  test('an event names the two moments between which the task ended, and matches its schema', async () => {
    stack = await openEngineStack();
    const [running] = stack.addRunning(1, HOUR);
    await stack.run('poll', { clockOffsetMs: -2 * MINUTE });
    const lastSeenRunning = Date.now() - MINUTE;
    await stack.run('poll', { clockOffsetMs: -MINUTE });
    stack.store.end(running?.taskId as string, {
      status: 'FAILED',
      reasonCode: 'OpportunityConflict',
      message: 'It says "no"',
    });
    const neverSeen = stack.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 1_000, reasonCode: 'null' });
    await stack.run();

    const details = stack.eventBridge.events.map(({ detail }) => detail);
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
    expect(stack.eventBridge.events[0]).toMatchObject({
      source: 'partnercentral.task-poller',
      resources: [expect.stringMatching(/^arn:aws:partnercentral:us-east-1::/)],
    });
  });
});
