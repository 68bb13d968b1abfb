import { examinePage, ORDER_TOLERANCE_MS, type SweepPosition } from '../../../lambdas/poller/core/sweep';

const T = 1_000_000_000;
const from = (more: Partial<SweepPosition> = {}): SweepPosition => ({
  floor: T - 10 * ORDER_TOLERANCE_MS,
  endsBelow: T - 11 * ORDER_TOLERANCE_MS,
  lowest: Infinity,
  lastTwo: [],
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

test('takes tasks at or above the floor, and tasks without a start time among them', () => {
  const page = examinePage(from(), tasks(undefined, 0, 5, undefined, 10, 10.5), true);
  expect(minutesAgo(page.inRange)).toEqual([undefined, 0, 5, undefined, 10]);
  expect(page).toMatchObject({ outOfOrder: false, isAtEnd: false, lowest: T - 10.5 * ORDER_TOLERANCE_MS });
});

test('skips ended tasks without a start time below the floor', () => {
  const [ended, running] = tasks(undefined, undefined) as [object, object];
  const page = [...tasks(11, 12), ended, { ...running, taskId: 'task-r', status: 'IN_PROGRESS' }] as ReturnType<
    typeof tasks
  >;
  expect(examinePage(from(), page, true).inRange.map(({ taskId }) => taskId)).toEqual(['task-r']);
});

test('ends at two consecutive entries below its end, on one page or across two', () => {
  expect(examinePage(from(), tasks(0, 11, 11), true).isAtEnd).toBe(false);
  expect(examinePage(from(), tasks(0, 11.1, 11.2), true)).toMatchObject({ isAtEnd: true });
  expect(examinePage(from(), tasks(11.1), true).isAtEnd).toBe(false);
  expect(examinePage(from({ lastTwo: [T - 11.1 * ORDER_TOLERANCE_MS] }), tasks(11.2), true).isAtEnd).toBe(true);
});

test.each([
  ['first on a page', [500, 0, 1, 2]],
  ['last on a page', [0, 1, 2, 500]],
])('one old entry %s neither ends the sweep nor counts as progress', (_, page) => {
  const examined = examinePage(from(), tasks(...page), false);
  expect(examined.isAtEnd).toBe(false);
  expect(examined.reached).toBeGreaterThanOrEqual(T - 2 * ORDER_TOLERANCE_MS);
});

test('the position is known after two entries, and is that of the newer one', () => {
  expect(examinePage(from(), tasks(3), true).reached).toBeUndefined();
  expect(examinePage(from(), tasks(1, 2, 3), true).reached).toBe(T - 2 * ORDER_TOLERANCE_MS);
});

test('trusts an order that is off by up to a minute, and no more', () => {
  expect(examinePage(from(), tasks(3, 2), true)).toMatchObject({ outOfOrder: false, toTheEnd: false });
  expect(examinePage(from(), tasks(20, 2), true)).toMatchObject({
    outOfOrder: true,
    toTheEnd: true,
    isAtEnd: false,
  });
  expect(minutesAgo(examinePage(from(), tasks(20, 2), true).inRange)).toEqual([2]);
});

test('checks the order across pages', () => {
  const first = examinePage(from(), tasks(0, 5), true);
  expect(examinePage(from({ lowest: first.lowest }), tasks(3), true).outOfOrder).toBe(true);
});

test('when distrust is used up, a page out of order ends the sweep only if all of it is below the end', () => {
  expect(examinePage(from(), tasks(20, 2, 20, 20), false)).toMatchObject({ outOfOrder: true, isAtEnd: false });
  expect(examinePage(from(), tasks(20, 12, 20), false)).toMatchObject({
    outOfOrder: true,
    toTheEnd: false,
    isAtEnd: true,
  });
});

test('skips newer entries on the way back to a lost position', () => {
  const page = examinePage(from({ skipAbove: T - 5 * ORDER_TOLERANCE_MS }), tasks(0, 3, 4, 5, 6, undefined), true);
  expect(minutesAgo(page.inRange)).toEqual([4, 5, 6, undefined]);
});

test('skips nothing when the order is not trusted', () => {
  const page = examinePage(from({ skipAbove: T - 5 * ORDER_TOLERANCE_MS, toTheEnd: true }), tasks(0, 6), true);
  expect(minutesAgo(page.inRange)).toEqual([0, 6]);
});
