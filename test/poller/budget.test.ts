import { type Budget, openBudget } from '../../lambdas/poller/budget';

let budget: Budget;
afterEach(() => budget.close());

const START = 1_000_000;
const open = (seconds: number, more: object = {}) => {
  const clock = { now: START };
  budget = openBudget({
    now: () => clock.now,
    deadline: START + seconds * 1_000,
    listCalls: 90,
    listCallsPerSecond: 1_000,
    events: 900,
    ...more,
  });
  return clock;
};

test.each([
  [55, 50],
  [10, 7.5],
  [2, 1.5],
  [900, 895],
])('with %d seconds, new work stops after %d', (seconds, ends) => {
  open(seconds);
  expect(budget.whole.until - START).toBe(ends * 1_000);
});

test('a share is a share of the remaining budget, and at least one if something remains', () => {
  const clock = open(55);
  expect(budget.part(2 / 3)).toMatchObject({ listCalls: 60, events: 600 });
  budget.used.listCalls = 89;
  budget.used.events = 899;
  clock.now += 20_000;
  expect(budget.part(1 / 2)).toEqual({ until: START + 35_000, listCalls: 90, events: 900 });
});

test('an allowance ends when its time, List calls or events are used up', () => {
  const clock = open(55);
  const allowance = budget.part(1 / 2);
  expect([budget.mayList(allowance), budget.hasTime(allowance), budget.eventsLeft(allowance)]).toEqual([
    true,
    true,
    450,
  ]);
  budget.used.listCalls = 45;
  budget.used.events = 1_000;
  expect([budget.mayList(allowance), budget.hasTime(allowance), budget.eventsLeft(allowance)]).toEqual([
    false,
    true,
    0,
  ]);
  clock.now = allowance.until;
  expect(budget.hasTime(allowance)).toBe(false);
});

test('fails when a retry would exceed the limit of List calls', async () => {
  open(55, { listCalls: 2 });
  await budget.paceListCall();
  await budget.paceListCall();
  await expect(budget.paceListCall()).rejects.toThrow('No List calls are left');
});

test('skips a pause for which no time is left', async () => {
  const sleep = jest.fn(async () => undefined);
  open(55, { sleep });
  expect(await budget.pause(60_000, budget.whole)).toBe(false);
  expect(sleep).not.toHaveBeenCalled();
  expect(await budget.pause(10, budget.whole)).toBe(true);
  expect(sleep).toHaveBeenCalledTimes(1);
});

test('paces List calls, and a late call does not delay the next', async () => {
  const waits: number[] = [];
  const clock = open(55, {
    listCallsPerSecond: 5,
    sleep: async (ms: number) => {
      waits.push(ms);
      clock.now += ms;
    },
  });
  for (let call = 0; call < 3; call += 1) await budget.paceListCall();
  clock.now += 5_000;
  for (let call = 0; call < 2; call += 1) await budget.paceListCall();
  expect(waits).toEqual([200, 200, 200]);
});
