/** What a poll costs: List calls, table calls, memory. */
import { type Bed, DAY, HOUR, MINUTE, openBed } from './bed';

let bed: Bed;
afterEach(() => bed.close());

test('a first run on 100,000 old tasks publishes nothing, and the polls after it cost what has changed', async () => {
  bed = await openBed();
  bed.store.addHistory({ count: 100_000, newestAt: Date.now() - HOUR, spacingMs: MINUTE });
  const running = bed.addRunning(40, 2 * HOUR);

  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 40 });
  expect(bed.takeCalls().list).toBeLessThanOrEqual(5);

  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 40 });
  expect(bed.takeCalls().list).toBeLessThanOrEqual(2);

  for (const { taskId } of running.slice(0, 12)) bed.store.end(taskId, 'COMPLETE');
  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 12, completed: 12, unsettled: 28 });
  expect(bed.takeCalls().list).toBeLessThanOrEqual(2 + 2);

  for (const { taskId } of running.slice(12)) bed.store.end(taskId, 'COMPLETE');
  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 28, unsettled: 0 });
  expect(bed.takeCalls().list).toBeLessThanOrEqual(2 + 3);

  for (let quiet = 0; quiet < 2; quiet += 1) {
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 0 });
    const calls = bed.takeCalls();
    expect(calls.list).toBe(1);
    expect(calls.writes).toBeLessThanOrEqual(2);
    expect(calls.reads).toBeLessThanOrEqual(3);
    expect(calls.puts).toBe(0);
  }
});

test('of 1,500 tasks that have been running for days, the 7 that have just ended are found at once', async () => {
  bed = await openBed();
  const running = bed.addRunning(1_500, 3 * DAY);
  await bed.run();
  await bed.run();
  bed.takeCalls();

  const ended = running.filter((_, at) => at % 200 === 100).slice(0, 7);
  for (const { taskId } of ended) bed.store.end(taskId, 'COMPLETE');
  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 7, unsettled: 1_493 });
  expect(bed.published()).toEqual(ended.map(({ taskId }) => `${taskId} COMPLETE`).sort());
  expect(bed.takeCalls().list).toBeLessThanOrEqual(5);
});

test('a poll that lists 100,000 tasks takes less than 100 MB, beside what Node.js takes', async () => {
  bed = await openBed({ maxListCallsPerRun: 110 });
  bed.store.addHistory({ count: 100_000, newestAt: Date.now() - HOUR, spacingMs: 1_000 });
  await bed.run();
  // An order that is not to be trusted is what makes a poll go through the whole list.
  let answers = 0;
  bed.partnerCentral.tamper = (_, output) => {
    answers += 1;
    return answers === 1 ? { ...output, TaskSummaries: (output.TaskSummaries as object[]).toReversed() } : output;
  };
  const { result, peakRssBytes, idleRssBytes } = await bed.poll();
  expect(result?.tasks).toBeGreaterThanOrEqual(100_000);
  expect(result?.outOfOrder).toBe(1);
  expect(idleRssBytes).toBeGreaterThan(30_000_000);
  expect(peakRssBytes).toBeGreaterThan(idleRssBytes);
  expect(peakRssBytes - idleRssBytes).toBeLessThan(100_000_000);
});
