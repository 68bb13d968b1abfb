/** Paging through the list, with cursors and budgets. */

import { DAY, HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openMemoryStack } from '../in-memory/test-stack';

const small = { headPageSize: 10, backlogPageSize: 10 };
const watermarkOf = async (stack: ReturnType<typeof openMemoryStack>) => (await stack.checkpoint())?.watermark;

async function gapsOf(stack: ReturnType<typeof openMemoryStack>): Promise<{ reached: string }[]> {
  const checkpoint = await stack.checkpoint();
  return checkpoint?.gaps as { reached: string }[];
}

/** A source that was polled a day ago. Tasks have ended since, five minutes apart. */
async function endedSince(count: number, settings: Record<string, unknown> = small) {
  const stack = openMemoryStack();
  const poller = stack.anotherPoller(settings);
  await poller.invoke({ mode: 'poll' });
  stack.pass(DAY);
  for (let at = 0; at < count; at += 1)
    stack.store.add({ status: 'COMPLETE', startTimeMs: stack.now() - HOUR - at * 5 * MINUTE });
  return { stack, poller };
}

test('an unprocessed page does not raise the watermark: the next head has the same end', async () => {
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

test('detects a repeated token at its second occurrence, from any request', async () => {
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

test('after a lost cursor, lists processed tasks again without reading their rows', async () => {
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
  expect(reads.length).toBeLessThanOrEqual(3); // of six pages down to the new tasks
});

test('a busy head leaves a share of the run for the backlog', async () => {
  const { stack, poller } = await endedSince(200, { ...small, maxListCallsPerRun: 12 });
  await poller.invoke({ mode: 'poll' });
  const [gap] = await gapsOf(stack);
  for (let at = 0; at < 200; at += 1) stack.store.add({ status: 'COMPLETE', startTimeMs: stack.now() + at });
  stack.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  const gaps = await gapsOf(stack);
  expect(gaps.at(-1)?.reached.localeCompare(gap?.reached as string)).toBe(-1);
});

test('a busy recheck leaves a share of the run for the backlog', async () => {
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

test('a page cut by the event budget does not raise the watermark', async () => {
  const { stack, poller } = await endedSince(10, { ...small, maxEventsPerRun: 10 });
  const before = await watermarkOf(stack);
  // The head's share is two thirds of the events, so its only page is not processed completely.
  expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', gaps: 0, published: 7 });
  expect(await watermarkOf(stack)).toBe(before);
});

test('does not list a page again immediately if it returns its own token', async () => {
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
