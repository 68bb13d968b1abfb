import type { Gap } from '../../../lambdas/poller/core/checkpoint';
import {
  addGap,
  advance,
  dropCursor,
  failed,
  gotSmaller,
  isDrift,
  isStuck,
  MAX_GAPS,
  mayDistrustOrder,
} from '../../../lambdas/poller/core/gaps';
import { openCheckpoint } from '../../../lambdas/poller/core/open-checkpoint';
import { DAY, gap, now, running, terms } from './stored-checkpoint';

describe('gaps', () => {
  test('above eight gaps, the two newest are merged', () => {
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

  test('an audit merged with a newer gap stays an audit; merged with a gap beyond its range it does not', () => {
    const seven = Array.from({ length: MAX_GAPS - 1 }, () => gap());
    const audit = gap({ floor: now - 90 * DAY, driftBefore: now - DAY });
    const withCutHead = addGap([audit, ...seven], gap({ floor: now - DAY }));
    expect(withCutHead[0]).toMatchObject({ driftBefore: now - DAY, floor: now - 90 * DAY });
    const withBackfill = addGap([audit, ...seven], gap({ floor: now - 300 * DAY }));
    expect(withBackfill[0]).not.toHaveProperty('driftBefore');
  });

  test('a lost cursor restarts the gap from the top, until it is below the lost position', () => {
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

test('drops the cursor of a page that fails in three consecutive runs', () => {
  const cursor = { token: 't', fingerprint: 'f' };
  const [once, twice] = [failed(gap({ cursor })), failed(failed(gap({ cursor })))];
  expect([once.failures, twice.failures]).toEqual([1, 2]);
  expect(failed(twice)).toEqual(gap({ restarts: 1 }));
  expect(advance(twice, cursor, now - 5, false)).toEqual(gap({ cursor, reached: now - 5 }));
});

test('a sweep to the end that replaces an older gap starts from the top', () => {
  const seven = Array.from({ length: MAX_GAPS - 1 }, () => gap());
  const toTheEnd = gap({ toTheEnd: true, cursor: { token: 't', fingerprint: 'f' }, reached: now - 9 * DAY });
  const [merged] = addGap([gap({ floor: now - 2 * DAY }), ...seven], toTheEnd);
  expect(merged).toEqual(gap({ toTheEnd: true, floor: now - 2 * DAY }));
});

describe('drift', () => {
  const audit = gap({ floor: now - 90 * DAY, driftBefore: now - 360_000 });
  test.each<[string, number | undefined, Gap[], boolean]>([
    ['older than the finished heads', now - DAY, [audit], true],
    ['newer than the finished heads', now - 360_000, [audit], false],
    ['without a start time', undefined, [audit], false],
    ['within an open gap', now - DAY, [audit, gap({ floor: now - 2 * DAY })], false],
    ['that another gap has passed', now - DAY, [audit, gap({ floor: now - 9 * DAY, reached: now - 2 * DAY })], true],
    ['below another gap', now - 3 * DAY, [audit, gap({ floor: now - 2 * DAY })], true],
  ])('an unknown finished task %s: %s', (_name, startTime, gaps, expected) => {
    expect(isDrift(startTime, audit, gaps)).toBe(expected);
  });

  test('only an audit finds drift', () => {
    expect(isDrift(0, gap(), [])).toBe(false);
  });
});

test('distrusts the order once between two audits', () => {
  const { checkpoint } = openCheckpoint(running, terms);
  expect(mayDistrustOrder(checkpoint)).toBe(true);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now })).toBe(false);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now, auditedAt: now - 1 })).toBe(false);
  expect(mayDistrustOrder({ ...checkpoint, distrustedAt: now, auditedAt: now + 1 })).toBe(true);
});

test.each<[string, readonly Gap[], readonly Gap[], boolean]>([
  ['a gap is finished', [gap(), gap({ madeAt: 1 })], [gap()], true],
  ['a gap made progress', [gap({ reached: 9 })], [gap({ reached: 8 })], true],
  ['a gap made progress for the first time', [gap()], [gap({ reached: 8 })], true],
  ['a new gap was added', [gap({ reached: 9 })], [gap({ madeAt: now + 1 }), gap({ reached: 9 })], false],
  ['nothing happened', [gap({ reached: 9 })], [gap({ reached: 9 })], false],
  ['a gap restarted', [gap({ reached: 9 })], [dropCursor(gap({ reached: 9 }), 'refused')], false],
  ['there was no gap', [], [gap()], false],
])('whether a backlog shrank: %s', (_name, before, after, smaller) => {
  expect(gotSmaller(before, after)).toBe(smaller);
});

test('an order distrusted in the run that finished an audit is not distrusted again before the next audit', () => {
  expect(mayDistrustOrder({ distrustedAt: 5, auditedAt: 5 })).toBe(false);
  expect(mayDistrustOrder({ distrustedAt: 5, auditedAt: 6 })).toBe(true);
  expect(mayDistrustOrder({ distrustedAt: 5 })).toBe(false);
  expect(mayDistrustOrder({})).toBe(true);
});
