import { fleetText } from '../../bench/accounts/accounts';
import { type FleetUse, simulateFleet } from '../../bench/accounts/fleet';
import { functionForEach, oneDispatcher } from '../../bench/accounts/fleet-cost';
import { measureTemplate, templatesText } from '../../bench/accounts/templates';
import { total } from '../../bench/cost/month';

const use: FleetUse = {
  accounts: 1_000,
  days: 1,
  polls: 1_440_000,
  listCalls: 1_500_000,
  maxListCalls: 1_900,
  otherCalls: 4_500_000,
  rows: 20_000,
  events: 10_000,
};

test('polls each account once a minute and publishes every finished task', async () => {
  const simulated = await simulateFleet(2, 6);
  expect(simulated).toMatchObject({ accounts: 2, days: 0.25, polls: 720 });
  expect(simulated.listCalls).toBeGreaterThanOrEqual(simulated.polls);
  // One account starts 500 tasks a day, the other 2. Tasks still running at the end have no event.
  expect(simulated.events).toBeGreaterThan(115);
  expect(simulated.events).toBeLessThanOrEqual(127);
  expect(simulated.rows).toBeGreaterThan(simulated.events); // running tasks have rows too
  expect(simulated.maxListCalls).toBeGreaterThan(simulated.listCalls / 2 / simulated.days);
});

test('counts alarms for each account with a function each, and once with one dispatcher', () => {
  const [each, one] = [functionForEach(use), oneDispatcher(use)].map(({ items }) => new Map(items));
  expect(each?.get('Heartbeat and alarms')).toBeCloseTo(1_100);
  expect(one?.get('Heartbeat and alarms')).toBeCloseTo(1.1);
  expect(each?.get('Queue')).toBe(0);
  expect(one?.get('Queue')).toBeCloseTo(43_200_000 * 0.3 * 0.4e-6);
  expect(each?.get('Table: writes')).toBe(one?.get('Table: writes'));
  // The ten polls of one invocation wait concurrently, so compute drops below half.
  expect(oneDispatcher(use).gbSeconds).toBeLessThan(functionForEach(use).gbSeconds / 2);
  expect(fleetText(use)).toContain(`**$${total(functionForEach(use).items).toFixed(2)}**`);
});

test('the table of templates shows refused ones with the reason', () => {
  const all = [measureTemplate(5, true, false), measureTemplate(20, true, false), measureTemplate(20, false, false)];
  const nothing = { polls: 1, listCalls: 1, otherCalls: 3, cpuMs: 19, readUnits: 2, writeUnits: 2, logBytes: 660 };
  const usage = { ...nothing, events: 0, eventBytes: 0 };
  const parts = {
    quietPoll: usage,
    finishedTask: usage,
    auditPerTask: usage,
    rowBytes: 900,
    extraPolls: { polls: 6, seconds: 40 },
  };
  const text = templatesText(all, parts);
  expect(text).toMatch(/^\| 5 \| 162 \| \d+ KB \| [\d.]+ s \| \$\d+\.\d\d \|$/m);
  expect(text).toContain('| 20 | refused |  |  |  |');
  expect(text).toMatch(/^\| 20, without native nudges \| 472 \|/m);
  expect(text).toContain('which is the first 18 sources');
});
