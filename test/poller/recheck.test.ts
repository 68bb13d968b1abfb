/** Looking again at unsettled rows. */

import { HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openMemoryStack } from '../in-memory/test-stack';

const listsFinished = ({ TaskStatus }: Record<string, unknown>) => Array.isArray(TaskStatus) && TaskStatus.length === 2;
const emptyListOfFinished = ({ input }: { input: Record<string, unknown> }) => {
  if (listsFinished(input)) input.TaskIdentifier = ['task-0000000000000'];
  return undefined;
};

test('an event that waits for the table to take its row is no proof that its task ran for longer', async () => {
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
  expect(stack.eventBridge.events).toHaveLength(2); // one before anybody knew that the table takes no rows
  for (const { detail } of stack.eventBridge.events)
    expect(Date.parse(String(detail.detectedAfter))).toBeLessThanOrEqual(endedAt);
});

describe('among many that are looked for in the list of what is running', () => {
  test.each([
    ['with another status than the row has, the filter being older', 'IN_PROGRESS', 'SUSPENDED'],
    ['as running again, the row saying something else', 'SUSPENDED', 'IN_PROGRESS'],
    ['as ended, the filter being older', 'IN_PROGRESS', 'FAILED'],
  ])('one that is listed %s is dealt with', async (_, before, after) => {
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

  test('one that has ended, whose row is to be published yet, is published when the list shows it', async () => {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller({ headPageSize: 1 });
    const ids = Array.from({ length: 12 }, () => stack.store.add({ startTimeMs: stack.now() - HOUR }).taskId);
    const [first] = ids as [string];
    await poller.invoke({ mode: 'poll' });
    stack.store.set(first, { status: 'COMPLETE' });
    // As a run leaves it that dies between trying the row and publishing.
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
  /** More than ten that run, all known for an hour. */
  async function running(count: number, settings: Record<string, unknown> = {}) {
    const stack = openMemoryStack();
    const poller = stack.anotherPoller(settings);
    const ids = Array.from({ length: count }, () => stack.store.add({ startTimeMs: stack.now() - HOUR }).taskId);
    await poller.invoke({ mode: 'poll' });
    stack.pass(MINUTE);
    return { stack, poller, ids };
  }

  test('takes 200 of those that no list shows in one run, which is not whole then', async () => {
    const { stack, poller, ids } = await running(230);
    for (const taskId of ids) stack.store.set(taskId, { status: 'COMPLETE' });
    stack.partnerCentral.intercept = emptyListOfFinished;
    // The list of finished tasks takes the place of one of 20 look-ups.
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', published: 190 });
    stack.pass(MINUTE);
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 40 });
  });

  test('makes at most 20 look-ups in a run, those by halves included', async () => {
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

  test('misses nobody in an answer that breaks off', async () => {
    const { stack, poller, ids } = await running(3);
    stack.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [], NextToken: 'more' });
    await poller.invoke({ mode: 'poll' });
    for (const taskId of ids) expect(await stack.row(taskId)).not.toHaveProperty('misses');
  });

  test('puts a running one off by a minute and no longer, where the list of what is running breaks off', async () => {
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
  /** Tasks that have been running for an hour or two, all known; of every three, two finish. */
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

  test('1,000 among 1,500 take two polls and 40 List calls at most', async () => {
    const { polls, listCalls } = await pollUntilWhole(await finishAmong(1_500, 0));
    expect(polls).toBeLessThanOrEqual(2);
    expect(listCalls).toBeLessThanOrEqual(40);
  });

  test('under newer finished tasks, the list is followed down to the oldest of them', async () => {
    const { polls, listCalls } = await pollUntilWhole(await finishAmong(900, 3_000));
    expect(polls).toBeLessThanOrEqual(2);
    expect(listCalls).toBeLessThanOrEqual(40);
  });

  test('below more newer ones than it pays to list, they are looked up by id: 15 of 20 calls in a run', async () => {
    const { polls } = await pollUntilWhole(await finishAmong(450, 1_000, { backlogPageSize: 100 }));
    expect(polls).toBe(2); // 300 of them, and 150 in each
  });

  test('where Partner Central refuses that list, they are looked up by id', async () => {
    const made = await finishAmong(300, 0);
    made.stack.partnerCentral.intercept = ({ input }) =>
      listsFinished(input) ? errorAnswer('ValidationException') : undefined;
    expect(await pollUntilWhole(made)).toEqual({ polls: 1, listCalls: 23 }); // head, running, refused, and 20 look-ups
  });

  test('fails when one that the list of finished ones lacks is taken for missing', async () => {
    const { stack, poller, finished } = await finishAmong(120, 0);
    stack.partnerCentral.intercept = emptyListOfFinished;
    stack.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    for (const taskId of finished) expect(await stack.row(taskId)).not.toHaveProperty('misses');
    expect(stack.eventBridge.events).toHaveLength(80);
  });
});
