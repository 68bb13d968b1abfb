/** How a run pages through the list, and what it makes of cursors and budgets. */

import { DAY, HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openMemoryStack } from '../in-memory/test-stack';

const small = { headPageSize: 10, backlogPageSize: 10 };
const watermarkOf = async (stack: ReturnType<typeof openMemoryStack>) => (await stack.checkpoint())?.watermark;

async function gapsOf(stack: ReturnType<typeof openMemoryStack>): Promise<{ reached: string }[]> {
  const checkpoint = await stack.checkpoint();
  return checkpoint?.gaps as { reached: string }[];
}

/** A source that was polled a day ago, and tasks that have ended since, five minutes apart. */
async function endedSince(count: number, settings: Record<string, unknown> = small) {
  const stack = openMemoryStack();
  const poller = stack.anotherPoller(settings);
  await poller.invoke({ mode: 'poll' });
  stack.pass(DAY);
  for (let at = 0; at < count; at += 1)
    stack.store.add({ status: 'COMPLETE', startTimeMs: stack.now() - HOUR - at * 5 * MINUTE });
  return { stack, poller };
}

test('a page that was not dealt with counts for nothing: the next head begins where the last one did', async () => {
  const { stack, poller } = await endedSince(5);
  const before = await watermarkOf(stack);
  stack.dynamoDb.intercept = ({ operation }) =>
    operation === 'BatchGetItem' ? errorAnswer('InternalServerError', 500) : undefined;
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', gaps: 0 });
  expect(await watermarkOf(stack)).toBe(before);
});

test('after a refused token the next run lists from the top', async () => {
  const { stack, poller } = await endedSince(40, { ...small, maxListCallsPerRun: 10, maxEventsPerRun: 20 });
  await poller.invoke({ mode: 'poll' });
  expect(await gapsOf(stack)).toMatchObject([{ cursor: { token: expect.any(String) } }]);
  stack.partnerCentral.intercept = ({ input }) => (input.NextToken ? errorAnswer('ValidationException') : undefined);
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  const [gap] = await gapsOf(stack);
  expect(gap).not.toHaveProperty('cursor');

  stack.partnerCentral.intercept = undefined;
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  expect(stack.eventBridge.events).toHaveLength(40);
});

test('a token that comes back is noticed at its second sight, whichever request it came with', async () => {
  const { stack, poller } = await endedSince(40);
  let first: unknown;
  stack.partnerCentral.tamper = (_, output) => {
    first ??= output.NextToken;
    return { ...output, NextToken: first };
  };
  let calls = 0;
  stack.partnerCentral.intercept = ({ input }) => {
    if (input.TaskStatus == null && input.TaskIdentifier == null) calls += 1;
    return undefined;
  };
  const { result } = await poller.invoke({ mode: 'poll' });
  expect(result?.repeatedTokens).toBeGreaterThanOrEqual(1);
  expect(calls).toBeLessThanOrEqual(4); // head and its gap, two pages each
});

test('after a cursor was lost, what was dealt with is listed again and no row of it is read', async () => {
  const { stack, poller } = await endedSince(60, { ...small, maxListCallsPerRun: 10, maxEventsPerRun: 40 });
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ published: 40, gaps: 1 });
  stack.partnerCentral.intercept = ({ input }) =>
    input.NextToken == null ? undefined : errorAnswer('ValidationException');
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ published: 0 });
  stack.partnerCentral.intercept = undefined;
  const operations: string[] = [];
  for (const service of [stack.dynamoDb, stack.eventBridge])
    service.intercept = ({ operation }) => void operations.push(operation);
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ published: 20 });
  const reads = operations.slice(0, operations.indexOf('PutEvents')).filter(operation => operation === 'BatchGetItem');
  expect(reads.length).toBeLessThanOrEqual(3); // of six pages down to what is new
});

test('a busy head leaves a part of the run to the backlog', async () => {
  const { stack, poller } = await endedSince(200, { ...small, maxListCallsPerRun: 12 });
  await poller.invoke({ mode: 'poll' });
  const [gap] = await gapsOf(stack);
  for (let at = 0; at < 200; at += 1) stack.store.add({ status: 'COMPLETE', startTimeMs: stack.now() + at });
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  const gaps = await gapsOf(stack);
  expect(gaps.at(-1)?.reached.localeCompare(gap?.reached as string)).toBe(-1);
});

test('a busy recheck leaves a part of the run to the backlog', async () => {
  const stack = openMemoryStack();
  const poller = stack.anotherPoller({ headPageSize: 10, maxListCallsPerRun: 10, emitSince: '2020-01-01T00:00:00Z' });
  for (let at = 0; at < 200; at += 1)
    stack.store.add({ status: 'COMPLETE', startTimeMs: stack.now() - HOUR - at * 5 * MINUTE });
  const running = Array.from({ length: 300 }, (_, at) => stack.store.add({ startTimeMs: stack.now() - 9 * DAY - at }));
  await poller.invoke({ mode: 'poll' });
  const [gap] = await gapsOf(stack);
  for (const { taskId } of running) stack.store.remove(taskId); // each has to be looked up, ten in a call
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  const [after] = await gapsOf(stack);
  expect(after === undefined || after.reached < (gap?.reached as string)).toBe(true);
});

test('a page that the event budget cuts counts for nothing either', async () => {
  const { stack, poller } = await endedSince(10, { ...small, maxEventsPerRun: 10 });
  const before = await watermarkOf(stack);
  // Two thirds of the events are the head's: its only page is not dealt with.
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', gaps: 0, published: 7 });
  expect(await watermarkOf(stack)).toBe(before);
});

test('a page that comes back with the token that fetched it is not asked for again at once', async () => {
  const { stack, poller } = await endedSince(200, { ...small, maxListCallsPerRun: 10 });
  await poller.invoke({ mode: 'poll' });
  const [gap] = (await gapsOf(stack)) as unknown as { cursor: { token: string } }[];
  const asked: unknown[] = [];
  stack.partnerCentral.intercept = ({ input }) => void asked.push(input.NextToken);
  stack.partnerCentral.tamper = (_, output) =>
    asked.at(-1) === gap?.cursor.token ? { ...output, NextToken: gap?.cursor.token } : output;
  stack.pass(MINUTE);
  const { result } = await poller.invoke({ mode: 'poll' });
  expect(result?.repeatedTokens).toBeGreaterThanOrEqual(1);
  expect(asked.filter((token, at) => token !== undefined && token === asked[at - 1])).toEqual([]);
});
