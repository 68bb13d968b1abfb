import {
  addGap,
  advance,
  dropCursor,
  failed,
  type Gap,
  gotSmaller,
  isAuditOverdue,
  isDrift,
  isStuck,
  MAX_GAPS,
  mayDistrustOrder,
  openRun,
  type StoredCheckpoint,
} from '../../../lambdas/poller/core/checkpoint';

const DAY = 86_400_000;
const now = Date.UTC(2026, 10, 22, 12);
const terms = {
  now,
  retentionMs: 90 * DAY,
  lookbackMs: 300_000,
  filters: 'none',
  pollEveryMs: 60_000,
  auditEveryMs: DAY,
  tellStalled: false,
};
const running: StoredCheckpoint = {
  emitSince: now - 200 * DAY,
  emissionFloor: now - 100 * DAY,
  watermark: now - 60_000,
  initialised: true,
  filters: 'none',
  gaps: [],
};
const gap = (more: Partial<Gap> = {}): Gap => ({
  madeAt: now,
  floor: now - DAY,
  news: { emissionFloor: now - DAY },
  ...more,
});

describe('the emission floor', () => {
  test.each<[string, Partial<StoredCheckpoint>, number | undefined, number]>([
    ['follows the retention', {}, undefined, now - 90 * DAY],
    ['is never lowered', { emissionFloor: now - 2 * DAY }, undefined, now - 2 * DAY],
    [
      'is not raised above what a look back goes down to, however long nobody polled',
      { watermark: now - 95 * DAY },
      undefined,
      now - 95 * DAY - terms.lookbackMs,
    ],
    [
      'is not raised above the watermark either after a pause in which rows have expired',
      { watermark: now - 98 * DAY },
      undefined,
      now - 98 * DAY,
    ],
    ['is raised by a later emitSince', {}, now - 3 * DAY, now - 3 * DAY],
    ['is not lowered by an earlier one', {}, now - 300 * DAY, now - 90 * DAY],
    ['is not kept where it lies ahead of us', { emissionFloor: now + DAY, emitSince: now + DAY }, now - DAY, now - DAY],
  ])('%s', (_name, more, emitSince, expected) => {
    const { checkpoint } = openRun(
      { ...running, ...more },
      { ...terms, ...(emitSince !== undefined && { emitSince }) },
    );
    expect(checkpoint.emissionFloor).toBe(expected);
  });

  test('is emitSince before the first head, even where that is older than the retention', () => {
    const { checkpoint } = openRun({ emitSince: now - 400 * DAY }, { ...terms, emitSince: now - 400 * DAY });
    expect(checkpoint).toMatchObject({ emissionFloor: now - 400 * DAY, initialised: false, gaps: [] });
  });
});

test('an emitSince in the future holds only as long as it is configured', () => {
  const ahead = openRun(running, { ...terms, emitSince: now + DAY }).checkpoint;
  expect(ahead.emissionFloor).toBe(now + DAY);
  expect(openRun(ahead, terms).checkpoint).toMatchObject({ emitSince: now - 200 * DAY, emissionFloor: now - 90 * DAY });
  const earlier = openRun(ahead, { ...terms, emitSince: now - 300 * DAY }).checkpoint;
  expect(earlier.gaps).toMatchObject([{ news: { emissionFloor: now - 300 * DAY } }]);
  expect(earlier.gaps[0]?.news).not.toHaveProperty('coveredFrom');
});

test('an emitSince that was served before, and is set again, asks for nothing again', () => {
  const later = openRun(running, { ...terms, emitSince: now - 10 * DAY }).checkpoint;
  const back = openRun(later, { ...terms, emitSince: now - 200 * DAY }).checkpoint;
  expect(back).toMatchObject({ gaps: [], emissionFloor: now - 10 * DAY, emitSince: now - 200 * DAY });
});

describe('what adds a gap', () => {
  test('an earlier emitSince: a backfill down to it', () => {
    const earlier = now - 300 * DAY;
    const { checkpoint } = openRun(running, { ...terms, emitSince: earlier });
    const news = { emissionFloor: earlier, coveredFrom: now - 200 * DAY, coveredTo: now - 90 * DAY };
    expect(checkpoint.gaps).toEqual([{ madeAt: now, floor: earlier, news }]);
    expect(openRun(checkpoint, { ...terms, emitSince: earlier }).checkpoint.gaps).toHaveLength(1);
  });

  test('other filters: all that they may show anew, and what is running is learnt again', () => {
    const { checkpoint } = openRun(running, { ...terms, filters: 'wider' });
    expect(checkpoint).toMatchObject({
      initialised: false,
      filters: 'wider',
      gaps: [{ floor: now - 90 * DAY, news: { emissionFloor: now - 90 * DAY } }],
    });
  });

  test.each<[string, Partial<StoredCheckpoint>, boolean]>([
    ['asked for', { auditRequestedAt: now }, true],
    ['asked for again since the last', { auditRequestedAt: now, auditedAt: now - 1 }, true],
    ['not asked for', {}, false],
    ['met already', { auditRequestedAt: now - 1, auditedAt: now }, false],
    ['open already', { auditRequestedAt: now, gaps: [gap({ driftBefore: now - DAY })] }, false],
    ['before the first head', { auditRequestedAt: now, watermark: undefined as never }, false],
    ['no room for it', { auditRequestedAt: now, gaps: Array.from({ length: MAX_GAPS }, () => gap()) }, false],
  ])('an audit %s: %s', (_name, more, begins) => {
    const { checkpoint, auditBegins } = openRun({ ...running, ...more }, terms);
    expect(auditBegins).toBe(begins);
    const added = checkpoint.gaps.length - (more.gaps ?? []).length;
    expect(added).toBe(begins ? 1 : 0);
    if (begins)
      expect(checkpoint.gaps[0]).toMatchObject({ floor: now - 90 * DAY, driftBefore: now - 60_000 - 300_000 });
  });
});

describe('gaps', () => {
  test('beyond eight, the two newest become one that covers both', () => {
    let gaps: readonly Gap[] = [];
    for (let at = 1; at <= 10; at += 1)
      gaps = addGap(
        gaps,
        gap({
          floor: at * DAY,
          news: { emissionFloor: at * DAY },
          madeAt: at,
          cursor: { token: `t${at}`, fingerprint: 'f' },
        }),
      );
    expect(gaps).toHaveLength(MAX_GAPS);
    expect(gaps[0]).toEqual({
      floor: 8 * DAY,
      news: { emissionFloor: 8 * DAY },
      madeAt: 8,
      cursor: { token: 't10', fingerprint: 'f' },
    });
    expect(gaps.at(-1)).toMatchObject({ floor: DAY, madeAt: 1 });
  });

  test('an audit stays one when merged with what is newer, and not with what is older than it can judge', () => {
    const seven = Array.from({ length: MAX_GAPS - 1 }, () => gap());
    const audit = gap({ floor: now - 90 * DAY, driftBefore: now - DAY });
    const withCutHead = addGap([audit, ...seven], gap({ floor: now - DAY }));
    expect(withCutHead[0]).toMatchObject({ driftBefore: now - DAY, floor: now - 90 * DAY });
    const withBackfill = addGap([audit, ...seven], gap({ floor: now - 300 * DAY }));
    expect(withBackfill[0]).not.toHaveProperty('driftBefore');
  });

  test('a lost cursor starts it from the top, and getting below the lost place makes good for it', () => {
    const cursor = { token: 't', fingerprint: 'f' };
    const reached = advance(gap(), cursor, now - 100, false);
    expect(reached).toEqual(gap({ cursor, reached: now - 100 }));
    const lost = dropCursor(reached, 'refused');
    expect(lost).toEqual(gap({ reached: now - 100, restarts: 1 }));
    expect(advance(lost, cursor, now - 50, false)).toMatchObject({ reached: now - 100, restarts: 1 });
    expect(isStuck(lost)).toBe(false);
    expect(isStuck(dropCursor(advance(lost, cursor, now - 50, false), 'refused'))).toBe(true);
    expect(advance(lost, cursor, now - 200, false)).toEqual(gap({ cursor, reached: now - 200 }));
  });
});

test('a page that fails three runs in a row loses its cursor', () => {
  const cursor = { token: 't', fingerprint: 'f' };
  const [once, twice] = [failed(gap({ cursor })), failed(failed(gap({ cursor })))];
  expect([once.failures, twice.failures]).toEqual([1, 2]);
  expect(failed(twice)).toEqual(gap({ restarts: 1 }));
  expect(advance(twice, cursor, now - 5, false)).toEqual(gap({ cursor, reached: now - 5 }));
});

test('a sweep to the end that takes over an older gap starts from the top', () => {
  const seven = Array.from({ length: MAX_GAPS - 1 }, () => gap());
  const toTheEnd = gap({ toTheEnd: true, cursor: { token: 't', fingerprint: 'f' }, reached: now - 9 * DAY });
  const [merged] = addGap([gap({ floor: now - 2 * DAY }), ...seven], toTheEnd);
  expect(merged).toEqual(gap({ toTheEnd: true, floor: now - 2 * DAY }));
});

describe('drift', () => {
  const audit = gap({ floor: now - 90 * DAY, driftBefore: now - 360_000 });
  test.each<[string, number | undefined, Gap[], boolean]>([
    ['older than what the heads had finished', now - DAY, [audit], true],
    ['newer than that', now - 360_000, [audit], false],
    ['of no age', undefined, [audit], false],
    ['that another gap is still to find', now - DAY, [audit, gap({ floor: now - 2 * DAY })], false],
    ['that another gap has passed', now - DAY, [audit, gap({ floor: now - 9 * DAY, reached: now - 2 * DAY })], true],
    ['below another gap', now - 3 * DAY, [audit, gap({ floor: now - 2 * DAY })], true],
  ])('an unknown ending %s: %s', (_name, startTime, gaps, expected) => {
    expect(isDrift(startTime, audit, gaps)).toBe(expected);
  });

  test('only an audit finds it', () => {
    expect(isDrift(0, gap(), [])).toBe(false);
  });
});

test('the order is distrusted once between two audits', () => {
  const { checkpoint } = openRun(running, terms);
  expect(mayDistrustOrder(checkpoint)).toBe(true);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now })).toBe(false);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now, auditedAt: now - 1 })).toBe(false);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now, auditedAt: now + 1 })).toBe(true);
});

describe('whether the audit is overdue', () => {
  const since = now - 9 * DAY;
  const watched = { ...running, lastSuccessAt: now - 60_000, auditsExpectedSince: since, auditEveryMs: DAY };
  const overdue = (stored: StoredCheckpoint, more: object = {}) =>
    isAuditOverdue(openRun(stored, { ...terms, ...more }).checkpoint, now);

  test.each<[string, Partial<StoredCheckpoint>, boolean]>([
    ['one finished a period ago', { auditedAt: now - DAY }, false],
    ['one was missed, and the next takes a little longer', { auditedAt: now - 2.1 * DAY }, false],
    ['two were missed', { auditedAt: now - 3 * DAY }, true],
    ['none ever finished', {}, true],
    ['none is expected for as long yet', { auditsExpectedSince: now - DAY }, false],
    [
      'after a pause in which the last one grew old',
      { auditedAt: now - 2.2 * DAY, lastSuccessAt: now - 0.5 * DAY },
      false,
    ],
    ['after a long pause', { auditedAt: now - 8 * DAY, lastSuccessAt: now - 7.9 * DAY }, false],
    ['it was overdue before the pause', { auditedAt: now - 6 * DAY, lastSuccessAt: now - DAY }, true],
    ['some polls in a row were not whole', { auditedAt: now - 3 * DAY, lastSuccessAt: now - 180_000 }, true],
    ['they have come at another rate until now', { auditedAt: since, auditEveryMs: 2 * DAY }, false],
    ['they were expected by a clock that was ahead', { auditsExpectedSince: now + DAY }, false],
  ])('%s', (_name, more, expected) => expect(overdue({ ...watched, ...more })).toBe(expected));

  test('a clock that was ahead does not keep it from being overdue for ever', () => {
    const { checkpoint } = openRun({ ...watched, auditsExpectedSince: now + 100 * DAY }, terms);
    expect(checkpoint.auditsExpectedSince).toBe(now);
  });

  test('polls as rare as audits are no pauses', () => {
    const rare = { ...watched, lastSuccessAt: now - DAY - 1 };
    expect(overdue(rare, { pollEveryMs: DAY })).toBe(true);
    expect(overdue(rare)).toBe(true);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY })).toBe(false);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY }, { pollEveryMs: DAY })).toBe(true);
  });

  test('not after a release that kept no such thing', () => {
    const { auditsExpectedSince: _, ...before } = watched;
    expect(overdue({ ...before, auditedAt: since })).toBe(false);
  });

  test('not in a first run, and from then on it is expected', () => {
    const { checkpoint } = openRun({ emitSince: now - 400 * DAY }, terms);
    expect(isAuditOverdue(checkpoint, now)).toBe(false);
    const later = { ...terms, now: now + 60_000 };
    expect(openRun({ ...checkpoint, lastSuccessAt: now }, later).checkpoint.auditsExpectedSince).toBe(now);
  });
});

describe('since when it is told that tasks stall', () => {
  const told = (stored: Partial<StoredCheckpoint>, tellStalled: boolean) =>
    openRun({ ...running, ...stored }, { ...terms, tellStalled }).checkpoint.tellStalledSince;
  test('from when it is switched on', () => expect(told({}, true)).toBe(now));
  test('still', () => expect(told({ tellStalledSince: now - DAY }, true)).toBe(now - DAY));
  test('not from what a clock said that was ahead', () =>
    expect(told({ tellStalledSince: now + DAY }, true)).toBe(now));
  test('not while it is off', () => expect(told({ tellStalledSince: now - DAY }, false)).toBeUndefined());
});

test.each<[string, readonly Gap[], readonly Gap[], boolean]>([
  ['a gap is gone', [gap(), gap({ madeAt: 1 })], [gap()], true],
  ['a gap came further down', [gap({ reached: 9 })], [gap({ reached: 8 })], true],
  ['a gap has come down for the first time', [gap()], [gap({ reached: 8 })], true],
  ['a new one came', [gap({ reached: 9 })], [gap({ madeAt: now + 1 }), gap({ reached: 9 })], false],
  ['nothing happened', [gap({ reached: 9 })], [gap({ reached: 9 })], false],
  ['a gap has to start again', [gap({ reached: 9 })], [dropCursor(gap({ reached: 9 }), 'refused')], false],
  ['there was none', [], [gap()], false],
])('whether a backlog got smaller: %s', (_name, before, after, smaller) => {
  expect(gotSmaller(before, after)).toBe(smaller);
});

test('an order that was distrusted in the very run that finished an audit is not distrusted again before the next', () => {
  expect(mayDistrustOrder({ distrustedAt: 5, auditedAt: 5 })).toBe(false);
  expect(mayDistrustOrder({ distrustedAt: 5, auditedAt: 6 })).toBe(true);
  expect(mayDistrustOrder({ distrustedAt: 5 })).toBe(false);
  expect(mayDistrustOrder({})).toBe(true);
});
