/** Rechecks of unsettled rows. */

import { HOUR, MINUTE } from '../../durations';
import { errorAnswer } from '../../faults';
import { openMemoryStack } from '../../in-memory/test-stack';

const listsFinished = ({ TaskStatus }: Record<string, unknown>) => Array.isArray(TaskStatus) && TaskStatus.length === 2;
const emptyListOfFinished = ({ input }: { input: Record<string, unknown> }) => {
  if (listsFinished(input)) input.TaskIdentifier = ['task-0000000000000'];
  return undefined;
};

test('an event whose row was refused does not prove that its task was still running', async () => {
  const stack = openMemoryStack();
  const poller = stack.anotherPoller();
  const { taskId } = stack.store.add({ startTimeMs: stack.now() - HOUR });
  await poller.invoke({ mode: 'poll' });
  stack.pass(MINUTE);
  stack.store.set(taskId, { status: 'FAILED' });
  const endedAt = stack.now();
  stack.dynamoDb.intercept = ({ operation }) =>
    operation === 'BatchWriteItem' ? errorAnswer('ValidationException') : undefined;
  for (let polls = 0; polls < 3; polls += 1) {
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
  }
  stack.dynamoDb.intercept = undefined;
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  expect(stack.eventBridge.events).toHaveLength(2); // one before the table's refusal was known
  for (const { detail } of stack.eventBridge.events)
    expect(Date.parse(String(detail.detectedAfter))).toBeLessThanOrEqual(endedAt);
});

describe('among many that are rechecked by the list of running tasks', () => {
  test.each([
    ['with another status than its row, because the filter lags', 'IN_PROGRESS', 'SUSPENDED'],
    ['as running again, with another status in its row', 'SUSPENDED', 'IN_PROGRESS'],
    ['as ended, because the filter lags', 'IN_PROGRESS', 'FAILED'],
  ])('processes a task listed %s', async (_, before, after) => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller({ headPageSize: 1 });
    const ids = Array.from({ length: 11 }, () => stack.store.add({ startTimeMs: stack.now() - HOUR }).taskId);
    const [first] = ids as [string];
    await poller.invoke({ mode: 'poll' });
    stack.store.set(first, { status: before });
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(await stack.row(first)).toMatchObject({ status: before });

    stack.store.set(first, { status: after });
    stack.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(await stack.row(first)).toMatchObject({ status: after });
    expect(stack.eventBridge.events).toHaveLength(after === 'FAILED' ? 1 : 0);
  });

  test('publishes an ended task with a pending row when the list shows it', async () => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller({ headPageSize: 1 });
    const ids = Array.from({ length: 12 }, () => stack.store.add({ startTimeMs: stack.now() - HOUR }).taskId);
    const [first] = ids as [string];
    await poller.invoke({ mode: 'poll' });
    stack.store.set(first, { status: 'COMPLETE' });
    // The state after a run that died between testing the row and publishing.
    await stack.putItems([
      { ...(await stack.row(first)), status: 'COMPLETE', firstTerminalAt: new Date(stack.now()).toISOString() },
    ]);
    stack.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(stack.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([first]);
  });
});

describe('looking up by id', () => {
  /** More than ten running tasks, all known for an hour. */
  async function running(count: number, settings: Record<string, unknown> = {}) {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller(settings);
    const ids = Array.from({ length: count }, () => stack.store.add({ startTimeMs: stack.now() - HOUR }).taskId);
    await poller.invoke({ mode: 'poll' });
    stack.pass(MINUTE);
    return { stack, poller, ids };
  }

  test('looks up 200 unlisted tasks in one run, which is then incomplete', async () => {
    const { stack, poller, ids } = await running(230);
    for (const taskId of ids) stack.store.set(taskId, { status: 'COMPLETE' });
    stack.partnerCentral.intercept = emptyListOfFinished;
    // The list of finished tasks replaces one of 20 look-ups.
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', published: 190 });
    stack.pass(MINUTE);
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 40 });
  });

  test('makes at most 20 look-ups in a run, halved ones included', async () => {
    const { stack, poller, ids } = await running(50);
    for (const taskId of ids) stack.store.set(taskId, { status: 'COMPLETE' });
    let lookUps = 0;
    stack.partnerCentral.intercept = ({ input }) => {
      if (input.TaskIdentifier == null) return undefined;
      lookUps += 1;
      return errorAnswer('ValidationException');
    };
    await poller.invoke({ mode: 'poll' });
    expect(lookUps).toBe(20);
  });

  test('counts no task as missing after a truncated answer', async () => {
    const { stack, poller, ids } = await running(3);
    stack.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [], NextToken: 'more' });
    await poller.invoke({ mode: 'poll' });
    for (const taskId of ids) expect(await stack.row(taskId)).not.toHaveProperty('misses');
  });

  test('postpones a running task by only a minute if the list of running tasks is truncated', async () => {
    const { stack, poller, ids } = await running(30, { backlogPageSize: 10 });
    stack.partnerCentral.intercept = ({ input }) =>
      input.NextToken == null ? undefined : errorAnswer('ValidationException');
    for (let polls = 0; polls < 6; polls += 1) {
      await poller.invoke({ mode: 'poll' });
      const rows = await Promise.all(ids.map(taskId => stack.row(taskId)));
      for (const row of rows) expect(Date.parse(String(row?.nextCheckAt)) - stack.now()).toBeLessThanOrEqual(MINUTE);
      stack.pass(2 * MINUTE);
    }
  });
});

describe('many that finish at once among many that run', () => {
  /** Tasks that have been running for one to two hours, all known. Two of three finish. */
  async function finishAmong(total: number, newer: number, settings: Record<string, unknown> = {}) {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller(settings);
    const now = stack.now();
    const ids = Array.from(
      { length: total },
      (_, index) => stack.store.add({ startTimeMs: now - 2 * HOUR + index }).taskId,
    );
    stack.store.addHistory({ count: newer, newestAt: now - MINUTE, oldestAt: now - HOUR });
    await poller.invoke({ mode: 'poll' });
    const finished = ids.filter((_, index) => index % 3 > 0);
    for (const taskId of finished) stack.store.set(taskId, { status: 'COMPLETE' });
    return { stack, poller, finished };
  }

  async function pollUntilWhole({ stack, poller, finished }: Awaited<ReturnType<typeof finishAmong>>) {
    const before = stack.eventBridge.events.length;
    const polls: { listCalls: number; outcome: string }[] = [];
    do {
      stack.pass(MINUTE);
      polls.push((await poller.invoke({ mode: 'poll' })).result as never);
    } while (polls.at(-1)?.outcome !== 'complete' && polls.length < 20);
    const published = stack.eventBridge.events.slice(before).map(({ detail }) => detail.taskId);
    expect(published.sort()).toEqual([...finished].sort());
    return { polls: polls.length, listCalls: polls.reduce((sum, { listCalls }) => sum + listCalls, 0) };
  }

  test('1,000 among 1,500 take at most two polls and 40 List calls', async () => {
    const { polls, listCalls } = await pollUntilWhole(await finishAmong(1_500, 0));
    expect(polls).toBeLessThanOrEqual(2);
    expect(listCalls).toBeLessThanOrEqual(40);
  });

  test('below newer finished tasks, lists down to the oldest of them', async () => {
    const { polls, listCalls } = await pollUntilWhole(await finishAmong(900, 3_000));
    expect(polls).toBeLessThanOrEqual(2);
    expect(listCalls).toBeLessThanOrEqual(40);
  });

  test('below too many newer ones, looks them up by id: 15 of 20 calls in a run', async () => {
    const { polls } = await pollUntilWhole(await finishAmong(450, 1_000, { backlogPageSize: 100 }));
    expect(polls).toBe(2); // 300 tasks, 150 in each poll
  });

  test('looks them up by id if Partner Central refuses that list', async () => {
    const made = await finishAmong(300, 0);
    made.stack.partnerCentral.intercept = ({ input }) =>
      listsFinished(input) ? errorAnswer('ValidationException') : undefined;
    expect(await pollUntilWhole(made)).toEqual({ polls: 1, listCalls: 23 }); // head, running tasks, refused list, and 20 look-ups
  });

  test('fails when a task that the list of finished tasks lacks counts as missing', async () => {
    const { stack, poller, finished } = await finishAmong(120, 0);
    stack.partnerCentral.intercept = emptyListOfFinished;
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    for (const taskId of finished) expect(await stack.row(taskId)).not.toHaveProperty('misses');
    expect(stack.eventBridge.events).toHaveLength(80);
  });
});
