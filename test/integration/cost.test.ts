/** Cost of a poll: List calls, table calls, memory. */
import { DAY, HOUR, MINUTE } from '../durations';
import { openTestStack, type TestStack } from './test-stack';

let stack: TestStack;
afterEach(() => stack.close());

test('a first run on 100,000 old tasks publishes nothing, and the cost of later polls depends on changes only', async () => {
  stack = await openTestStack();
  stack.store.addHistory({ count: 100_000, newestAt: Date.now() - HOUR, spacingMs: MINUTE });
  const running = stack.addRunning(40, 2 * HOUR);

  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 40 });
  expect(stack.takeCalls().list).toBeLessThanOrEqual(5);

  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 40 });
  expect(stack.takeCalls().list).toBeLessThanOrEqual(2);

  for (const { taskId } of running.slice(0, 12)) stack.store.end(taskId, 'COMPLETE');
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 12, completed: 12, unsettled: 28 });
  expect(stack.takeCalls().list).toBeLessThanOrEqual(2 + 2);

  for (const { taskId } of running.slice(12)) stack.store.end(taskId, 'COMPLETE');
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 28, unsettled: 0 });
  expect(stack.takeCalls().list).toBeLessThanOrEqual(2 + 3);

  for (let quiet = 0; quiet < 2; quiet += 1) {
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 0 });
    const calls = stack.takeCalls();
    expect(calls.list).toBe(1);
    expect(calls.writes).toBeLessThanOrEqual(2);
    expect(calls.reads).toBeLessThanOrEqual(3);
    expect(calls.puts).toBe(0);
  }
});

test('one poll finds the 7 tasks that have just ended among 1,500 that have been running for days', async () => {
  stack = await openTestStack();
  const running = stack.addRunning(1_500, 3 * DAY);
  await stack.run();
  await stack.run();
  stack.takeCalls();

  const ended = running.filter((_, at) => at % 200 === 100).slice(0, 7);
  for (const { taskId } of ended) stack.store.end(taskId, 'COMPLETE');
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 7, unsettled: 1_493 });
  expect(stack.published()).toEqual(ended.map(({ taskId }) => `${taskId} COMPLETE`).sort());
  expect(stack.takeCalls().list).toBeLessThanOrEqual(5);
});

test('a poll that lists 30,000 tasks needs less than 60 MB beyond idle Node.js', async () => {
  stack = await openTestStack({ maxListCallsPerRun: 40 });
  stack.store.addHistory({ count: 30_000, newestAt: Date.now() - HOUR, spacingMs: 1_000 });
  await stack.run();
  // A list out of order makes a poll sweep all of it.
  let answers = 0;
  stack.partnerCentral.tamper = (_, output) => {
    answers += 1;
    return answers === 1 ? { ...output, TaskSummaries: (output.TaskSummaries as object[]).toReversed() } : output;
  };
  const { result, peakRssBytes, idleRssBytes } = await stack.poll();
  expect(result?.tasks).toBeGreaterThanOrEqual(30_000);
  expect(result?.outOfOrder).toBe(1);
  expect(idleRssBytes).toBeGreaterThan(30_000_000);
  expect(peakRssBytes).toBeGreaterThan(idleRssBytes);
  expect(peakRssBytes - idleRssBytes).toBeLessThan(60_000_000);
});
