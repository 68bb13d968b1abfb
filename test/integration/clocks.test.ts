/** Clocks that are wrong: ours beside Partner Central's, and one that jumped and left moments that lie ahead. */
import { ago, DAY, type EngineBed, HOUR, MINUTE, openEngineBed, outcomes } from './bed';

let bed: EngineBed;
afterEach(() => bed.close());

describe.each([
  ['ahead of', 10 * MINUTE],
  ['behind', -10 * MINUTE],
])("a clock 10 minutes %s Partner Central's", (_, clockSkewMs) => {
  const skewed = { clockSkewMs };
  const inMinutes = (minutes: number) => ({ clockSkewMs, clockOffsetMs: minutes * MINUTE });

  test('loses nothing of what starts and ends after the first poll, and floods nothing of what ended before', async () => {
    bed = await openEngineBed();
    bed.addEnded(5, at => ({ startTimeMs: Date.now() - (at + 1) * MINUTE }));
    await bed.run('poll', skewed);
    await bed.run('poll', skewed);
    const ended = bed.addEnded(2);
    await bed.run('poll', skewed);
    expect(bed.published()).toEqual(outcomes(ended));
    await bed.run('audit', inMinutes(1));
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('tells the truth about when, in the time of StartTime', async () => {
    bed = await openEngineBed();
    await bed.run('poll', skewed);
    const [running] = bed.addRunning(1, 0);
    await bed.run('poll', skewed);
    bed.store.end(String(running?.taskId), 'COMPLETE');
    bed.addEnded(1);
    const before = Date.now();
    await bed.run('poll', skewed);
    for (const { detail } of bed.eventBridge.events) {
      expect(Date.parse(String(detail.detectedBefore))).toBeGreaterThan(before - 2_000);
      expect(Date.parse(String(detail.detectedBefore))).toBeLessThan(Date.now() + 2_000);
      expect(String(detail.detectedAfter) <= String(detail.detectedBefore)).toBe(true);
    }
    expect(bed.eventBridge.events).toHaveLength(2);
  });

  test('counts as stalled what is, and nothing else', async () => {
    bed = await openEngineBed({ stalledAfterMinutes: 5, emitSince: ago(DAY) });
    bed.addRunning(1, MINUTE);
    bed.addRunning(1, 7 * MINUTE);
    expect(await bed.run('poll', skewed)).toMatchObject({ stalled: 1 });
  });

  test('is told in the summary and in the log, and stays known', async () => {
    bed = await openEngineBed();
    const { clockOffsetSeconds = 0 } = await bed.run('poll', skewed);
    expect(Math.abs(clockOffsetSeconds + clockSkewMs / 1_000)).toBeLessThanOrEqual(2);
    expect(bed.logs.filter(line => line.includes("Partner Central's clock and ours differ"))).toHaveLength(1);
    expect(Math.abs(Number((await bed.checkpoint())?.clockOffsetMs) + clockSkewMs)).toBeLessThanOrEqual(2_000);
    expect(await bed.run()).not.toHaveProperty('clockOffsetSeconds');
  });

  test('an audit is done once a request, and not in every poll', async () => {
    bed = await openEngineBed({ emitSince: ago(DAY) });
    bed.addEnded(1_500, at => ({ startTimeMs: Date.now() - HOUR - at * 1_000 }));
    while ((await bed.run('poll', skewed)).gaps > 0);
    await bed.run('audit', skewed);
    const calls: number[] = [];
    for (let minute = 1; minute <= 3; minute += 1) calls.push((await bed.run('poll', inMinutes(minute))).listCalls);
    expect(calls).toEqual([1, 1, 1]);
  });
});

test('a clock that is right has no offset, whatever the rounding of dates', async () => {
  bed = await openEngineBed();
  for (let runs = 0; runs < 5; runs += 1) await bed.run();
  expect(await bed.checkpoint()).toMatchObject({ clockOffsetMs: 0 });
});

test('one run with a clock a month ahead leaves nothing behind', async () => {
  bed = await openEngineBed({ emitSince: ago(DAY) });
  await bed.run();
  await bed.run('audit', { clockSkewMs: 30 * DAY });
  const ended = bed.addEnded(3);
  expect(await bed.run()).toMatchObject({ published: 3 });
  expect(bed.published()).toEqual(outcomes(ended));
});

// What Partner Central says of the time goes along here: a table that was written by an older release, or by such a clock.
describe('moments that lie ahead', () => {
  const ahead = { clockOffsetMs: 30 * DAY };

  test('of an audit do not keep the audits after it from looking', async () => {
    bed = await openEngineBed({ emitSince: ago(2 * DAY) });
    await bed.run();
    await bed.run('audit', ahead);
    await bed.run();
    const overlooked = bed.addEnded(3, at => ({ startTimeMs: Date.now() - 5 * HOUR - at }));
    expect(await bed.run('audit', { clockOffsetMs: MINUTE })).toMatchObject({ published: 3, drift: 3 });
    expect(bed.published()).toEqual(outcomes(overlooked));
  });

  test('of a request for an audit make one audit', async () => {
    bed = await openEngineBed({ emitSince: ago(2 * DAY) });
    bed.addEnded(1_500, at => ({ startTimeMs: Date.now() - HOUR - at * 1_000 }));
    await bed.runUntilQuiet();
    await bed.putItem({ ...(await bed.checkpoint()), auditRequestedAt: ago(-30 * DAY) });
    const calls: number[] = [];
    for (let minute = 1; minute <= 4; minute += 1)
      calls.push((await bed.run('poll', { clockOffsetMs: minute * MINUTE })).listCalls);
    expect(calls[0]).toBeGreaterThan(1);
    expect(calls.slice(1)).toEqual([1, 1, 1]);
  });

  test('of a watermark make the next head look at everything that may have been overlooked', async () => {
    bed = await openEngineBed({ pollEveryMinutes: 60 });
    await bed.run('poll', { clockOffsetMs: -10 * HOUR });
    await bed.run('poll', { clockOffsetMs: -4 * HOUR }); // in truth five hours ago
    const ended = bed.addEnded(20, at => ({ startTimeMs: Date.now() - 4.9 * HOUR + at * 1_000 }));
    await bed.run('poll', { clockOffsetMs: -4.01 * HOUR });
    expect(bed.published()).toEqual(outcomes(ended));
    expect(await bed.run('audit')).toMatchObject({ drift: 0, published: 0 });
  });

  test('of the first poll do not silence those after it', async () => {
    bed = await openEngineBed();
    await bed.run('poll', ahead);
    await bed.run();
    const ended = bed.addEnded(3);
    await bed.run();
    expect(bed.published()).toEqual(outcomes(ended));
  });
});
