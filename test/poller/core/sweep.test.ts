import { examinePage, ORDER_TOLERANCE_MS, type SweepPosition } from '../../../lambdas/poller/core/sweep';

const T = 1_000_000_000;
const from = (more: Partial<SweepPosition> = {}): SweepPosition => ({
  floor: T - 10 * ORDER_TOLERANCE_MS,
  lowest: Infinity,
  toTheEnd: false,
  ...more,
});
const tasks = (...minutesAgo: (number | undefined)[]) =>
  minutesAgo.map((ago, at) => ({
    taskId: `task-${at}`,
    status: 'COMPLETE',
    ...(ago !== undefined && { startTime: T - ago * ORDER_TOLERANCE_MS }),
  }));
const minutesAgo = (list: { startTime?: number }[]) =>
  list.map(({ startTime }) => (startTime === undefined ? undefined : (T - startTime) / ORDER_TOLERANCE_MS));

test('takes what is at or above the floor, and what has no start time', () => {
  const page = examinePage(from(), tasks(0, 5, 10, 10.5, undefined), true);
  expect(minutesAgo(page.inRange)).toEqual([0, 5, 10, undefined]);
  expect(page).toMatchObject({ outOfOrder: false, reachedFloor: false, lowest: T - 10.5 * ORDER_TOLERANCE_MS });
});

test('the floor is reached only by more than the tolerance, for the order is no stricter than that', () => {
  expect(examinePage(from(), tasks(0, 11), true).reachedFloor).toBe(false);
  expect(examinePage(from(), tasks(0, 11.1), true).reachedFloor).toBe(true);
});

test('an order off by up to a minute is trusted, by more it is not', () => {
  expect(examinePage(from(), tasks(3, 2), true)).toMatchObject({ outOfOrder: false, toTheEnd: false });
  expect(examinePage(from(), tasks(20, 2), true)).toMatchObject({
    outOfOrder: true,
    toTheEnd: true,
    reachedFloor: false,
  });
  expect(minutesAgo(examinePage(from(), tasks(20, 2), true).inRange)).toEqual([2]);
});

test('the order is watched across pages', () => {
  const first = examinePage(from(), tasks(0, 5), true);
  expect(examinePage(from({ lowest: first.lowest }), tasks(3), true).outOfOrder).toBe(true);
});

test('where distrust is used up, a wrong order is counted and the floor ends the sweep as ever', () => {
  expect(examinePage(from(), tasks(20, 2), false)).toMatchObject({
    outOfOrder: true,
    toTheEnd: false,
    reachedFloor: true,
  });
});

test('on the way back to a lost place, newer entries are passed over', () => {
  const page = examinePage(from({ skipAbove: T - 5 * ORDER_TOLERANCE_MS }), tasks(0, 3, 4, 5, 6, undefined), true);
  expect(minutesAgo(page.inRange)).toEqual([4, 5, 6, undefined]);
});

test('nothing is passed over when the order is not trusted', () => {
  const page = examinePage(from({ skipAbove: T - 5 * ORDER_TOLERANCE_MS, toTheEnd: true }), tasks(0, 6), true);
  expect(minutesAgo(page.inRange)).toEqual([0, 6]);
});
