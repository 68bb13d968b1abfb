import type { StoredCheckpoint } from '../../../lambdas/poller/core/checkpoint';
import { MAX_GAPS } from '../../../lambdas/poller/core/gaps';
import { openCheckpoint } from '../../../lambdas/poller/core/open-checkpoint';
import { DAY, gap, now, running, terms } from './stored-checkpoint';

describe('the emission floor', () => {
  test.each<[string, Partial<StoredCheckpoint>, number | undefined, number]>([
    ['follows the retention', {}, undefined, now - 90 * DAY],
    ['is never lowered', { emissionFloor: now - 2 * DAY }, undefined, now - 2 * DAY],
    [
      'is not raised above the start of the lookback, even after a long pause',
      { watermark: now - 95 * DAY },
      undefined,
      now - 95 * DAY - terms.lookbackMs,
    ],
    [
      'is not raised above the watermark after a pause in which rows have expired',
      { watermark: now - 98 * DAY },
      undefined,
      now - 98 * DAY,
    ],
    ['is raised by a later emitSince', {}, now - 3 * DAY, now - 3 * DAY],
    ['is not lowered by an earlier one', {}, now - 300 * DAY, now - 90 * DAY],
    ['is not kept if it is in the future', { emissionFloor: now + DAY, emitSince: now + DAY }, now - DAY, now - DAY],
  ])('%s', (_name, more, emitSince, expected) => {
    const { checkpoint } = openCheckpoint(
      { ...running, ...more },
      { ...terms, ...(emitSince !== undefined && { emitSince }) },
    );
    expect(checkpoint.emissionFloor).toBe(expected);
  });

  test('is emitSince before the first head, even if emitSince is older than the retention', () => {
    const { checkpoint } = openCheckpoint({ emitSince: now - 400 * DAY }, { ...terms, emitSince: now - 400 * DAY });
    expect(checkpoint).toMatchObject({ emissionFloor: now - 400 * DAY, initialised: false, gaps: [] });
  });
});

test('an emitSince in the future applies only while it is configured', () => {
  const ahead = openCheckpoint(running, { ...terms, emitSince: now + DAY }).checkpoint;
  expect(ahead.emissionFloor).toBe(now + DAY);
  expect(openCheckpoint(ahead, terms).checkpoint).toMatchObject({
    emitSince: now - 200 * DAY,
    emissionFloor: now - 90 * DAY,
  });
  const earlier = openCheckpoint(ahead, { ...terms, emitSince: now - 300 * DAY }).checkpoint;
  expect(earlier.gaps).toMatchObject([{ news: { emissionFloor: now - 300 * DAY } }]);
  expect(earlier.gaps[0]?.news).not.toHaveProperty('coveredFrom');
});

test('an emitSince that was covered before adds no backfill when it is set again', () => {
  const later = openCheckpoint(running, { ...terms, emitSince: now - 10 * DAY }).checkpoint;
  const back = openCheckpoint(later, { ...terms, emitSince: now - 200 * DAY }).checkpoint;
  expect(back).toMatchObject({ gaps: [], emissionFloor: now - 10 * DAY, emitSince: now - 200 * DAY });
});

describe('added gaps', () => {
  test('an earlier emitSince: a backfill down to it', () => {
    const earlier = now - 300 * DAY;
    const { checkpoint } = openCheckpoint(running, { ...terms, emitSince: earlier });
    const news = { emissionFloor: earlier, coveredFrom: now - 200 * DAY, coveredTo: now - 90 * DAY };
    expect(checkpoint.gaps).toEqual([{ madeAt: now, floor: earlier, news }]);
    expect(openCheckpoint(checkpoint, { ...terms, emitSince: earlier }).checkpoint.gaps).toHaveLength(1);
  });

  test('other filters: a sweep for newly shown tasks, and running tasks are learnt again', () => {
    const { checkpoint } = openCheckpoint(running, { ...terms, filters: 'wider' });
    expect(checkpoint).toMatchObject({
      initialised: false,
      filters: 'wider',
      gaps: [{ floor: now - 90 * DAY, news: { emissionFloor: now - 90 * DAY } }],
    });
  });

  test.each<[string, Partial<StoredCheckpoint>, boolean]>([
    ['asked for', { auditRequestedAt: now }, true],
    ['requested again since the last one', { auditRequestedAt: now, auditedAt: now - 1 }, true],
    ['not requested', {}, false],
    ['finished already', { auditRequestedAt: now - 1, auditedAt: now }, false],
    ['open already', { auditRequestedAt: now, gaps: [gap({ driftBefore: now - DAY })] }, false],
    ['before the first head', { auditRequestedAt: now, watermark: undefined as never }, false],
    ['no room for another gap', { auditRequestedAt: now, gaps: Array.from({ length: MAX_GAPS }, () => gap()) }, false],
  ])('an audit %s: %s', (_name, more, begins) => {
    const { checkpoint, auditBegins } = openCheckpoint({ ...running, ...more }, terms);
    expect(auditBegins).toBe(begins);
    const added = checkpoint.gaps.length - (more.gaps ?? []).length;
    expect(added).toBe(begins ? 1 : 0);
    if (begins)
      expect(checkpoint.gaps[0]).toMatchObject({ floor: now - 90 * DAY, driftBefore: now - 60_000 - 300_000 });
  });
});

describe('the start of reporting stalled tasks', () => {
  const reportingSince = (stored: Partial<StoredCheckpoint>, tellStalled: boolean) =>
    openCheckpoint({ ...running, ...stored }, { ...terms, tellStalled }).checkpoint.tellStalledSince;
  test('from when it is switched on', () => expect(reportingSince({}, true)).toBe(now));
  test('unchanged while it is on', () => expect(reportingSince({ tellStalledSince: now - DAY }, true)).toBe(now - DAY));
  test('not the time of a clock that was ahead', () =>
    expect(reportingSince({ tellStalledSince: now + DAY }, true)).toBe(now));
  test('not while it is off', () => expect(reportingSince({ tellStalledSince: now - DAY }, false)).toBeUndefined());
});
