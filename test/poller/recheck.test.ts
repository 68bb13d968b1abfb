/** Looking again at unsettled rows. */

import { HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openMemoryStack } from '../in-memory/test-stack';

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

  test('takes 200 of those that are gone in one run, which is not whole then', async () => {
    const { stack, poller, ids } = await running(230);
    for (const taskId of ids) stack.store.set(taskId, { status: 'COMPLETE' });
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', published: 200 });
    stack.pass(MINUTE);
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 30 });
  });

  test('makes at most 20 look-ups in a run, those by halves included', async () => {
    const { stack, poller, ids } = await running(60);
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
