import fc from 'fast-check';
import { coverBoth, eligibilityWindow, isEligible } from '../../../lambdas/poller/core/eligibility-window';

const range = fc
  .tuple(fc.nat(50), fc.nat(50), fc.nat(50))
  .map(([floor, from, length]) => eligibilityWindow(floor, floor + from, floor + from + length));

test('tasks are eligible that started at or after the floor and were not covered before', () => {
  const news = eligibilityWindow(10, 20, 30);
  expect([9, 10, 19, 20, 29, 30].map(at => isEligible(at, news))).toEqual([false, true, true, false, false, true]);
  expect(eligibilityWindow(10, 20, 20)).toEqual({ emissionFloor: 10 });
});

test('the union of two windows contains every task that one of them contains', () => {
  fc.assert(
    fc.property(range, range, fc.nat(200), (a, b, at) => {
      if (isEligible(at, a) || isEligible(at, b)) expect(isEligible(at, coverBoth(a, b))).toBe(true);
      if (at < a.emissionFloor && at < b.emissionFloor) expect(isEligible(at, coverBoth(a, b))).toBe(false);
    }),
  );
});
