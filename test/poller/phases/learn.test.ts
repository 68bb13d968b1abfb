/** First polls of a source: what they learn, and what counts as history. */

import { DAY, HOUR, MINUTE } from '../../durations';
import { errorAnswer } from '../../faults';
import { type MemoryStack, openMemoryStack } from '../../in-memory/test-stack';

const small = { headPageSize: 2, backlogPageSize: 10, maxListCallsPerRun: 10 };

/** Removes the start time of every third task. */
function everyThirdUndated(stack: MemoryStack): void {
  const undated = new Set(stack.store.toJSON().tasks.flatMap(({ taskId }, at) => (at % 3 === 0 ? [taskId] : [])));
  stack.partnerCentral.tamper = (_, output) => ({
    ...output,
    TaskSummaries: (output.TaskSummaries as { TaskId: string }[]).map(summary =>
      undated.has(summary.TaskId) ? { ...summary, StartTime: null } : summary,
    ),
  });
}

describe("a wrong clock before Partner Central's time is known", () => {
  test('ahead, at a first poll in an outage: tasks that start after that poll are published', async () => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller();
    const how = { clockSkewMs: 10 * MINUTE };
    stack.partnerCentral.intercept = () => errorAnswer('InternalServerException', 500);
    await poller.invoke({ mode: 'poll' }, how);
    stack.partnerCentral.intercept = undefined;
    stack.pass(MINUTE);
    const { taskId } = stack.store.add({ status: 'FAILED', startTimeMs: stack.now() });
    stack.pass(5 * HOUR);
    await poller.invoke({ mode: 'poll' }, how);
    expect(stack.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([taskId]);
  });

  test('ahead, at a first poll with a truncated list: tasks that start after that poll are published', async () => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller();
    const how = { clockSkewMs: 10 * MINUTE };
    stack.partnerCentral.tamper = () => '{"TaskSummaries": [';
    await poller.invoke({ mode: 'poll' }, how);
    stack.partnerCentral.tamper = undefined;
    const { taskId } = stack.store.add({ status: 'FAILED', startTimeMs: stack.now() + 1 });
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' }, how);
    expect(stack.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([taskId]);
  });

  test('behind, at a first poll that dies: an earlier emitSince, set when rows have expired, publishes nothing twice', async () => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller();
    const how = { clockSkewMs: -10 * MINUTE };
    const { taskId } = stack.store.add({ startTimeMs: stack.now() - 3 * MINUTE });
    stack.dynamoDb.intercept = async ({ operation }) => {
      if (operation !== 'BatchWriteItem') return undefined;
      await poller.kill();
      return { when: 'after', how: 'hang' };
    };
    await poller.invoke({ mode: 'poll' }, how);
    stack.dynamoDb.intercept = undefined;
    stack.store.set(taskId, { status: 'COMPLETE' });
    stack.pass(HOUR);
    await poller.invoke({ mode: 'poll' }, how);
    expect(stack.eventBridge.events).toHaveLength(1);
    stack.pass(100 * DAY);
    await stack.expireRows(stack.now());
    const emitSince = new Date(stack.now() - 102 * DAY).toISOString();
    await stack.anotherPoller({ emitSince }).invoke({ mode: 'poll' }, how);
    expect(stack.eventBridge.events).toHaveLength(1);
  });
});

describe('ended tasks without a start time', () => {
  test('that the list of running tasks shows are left to the head', async () => {
    const stack = openMemoryStack();
    stack.addHistory(40);
    everyThirdUndated(stack);
    stack.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    await stack.anotherPoller({ ...small, maxListCallsPerRun: 12 }).invoke({ mode: 'poll' });
    stack.pass(MINUTE);
    await stack.anotherPoller().invoke({ mode: 'poll' });
    expect(await stack.checkpoint()).toMatchObject({ initialised: true, gaps: [] });
    expect(stack.eventBridge.events).toEqual([]);
  });

  test('that a cut first head has left to a gap are history to the lookback of the next head', async () => {
    const stack = openMemoryStack();
    const startTimeMs = stack.now() - MINUTE;
    for (let count = 0; count < 60; count += 1)
      stack.store.add({ status: 'COMPLETE', startTimeMs: startTimeMs + count });
    everyThirdUndated(stack);
    const poller = stack.anotherPoller({ ...small, headPageSize: 5 });
    for (const pagesOfGap of [0, 1]) {
      let left = pagesOfGap;
      stack.partnerCentral.intercept = ({ input }) =>
        input.NextToken == null || left-- > 0 ? undefined : errorAnswer('ThrottlingException', 429);
      await poller.invoke({ mode: 'poll' });
      stack.pass(MINUTE);
    }
    const { undatedAreHistory, gaps } = (await stack.checkpoint()) as { undatedAreHistory: unknown; gaps: unknown[] };
    expect(undatedAreHistory).toBeNull();
    expect(gaps).not.toEqual([]);
    stack.partnerCentral.intercept = undefined;
    stack.pass(MINUTE);
    for (let polls = 0; polls < 3; polls += 1) {
      stack.pass(MINUTE);
      await stack.anotherPoller().invoke({ mode: 'poll' });
    }
    expect(await stack.checkpoint()).toMatchObject({ gaps: [] });
    expect(stack.eventBridge.events).toEqual([]);
  });
});
