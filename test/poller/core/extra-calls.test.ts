import { extraCallsOfToday } from '../../../lambdas/poller/core/extra-calls';

const now = Date.UTC(2026, 10, 28, 12);
const [yesterday, today, tomorrow] = ['2026-11-27', '2026-11-28', '2026-11-29'];

test.each<[string, Parameters<typeof extraCallsOfToday>[0], number, number]>([
  ['there were none', {}, 0, 0],
  ['some were made today', { extraCalls: { day: today, made: 7 } }, 0, 7],
  ['a new day begins', { extraCalls: { day: yesterday, made: 7 } }, 0, 0],
  ['a clock was ahead: its calls still count', { extraCalls: { day: tomorrow, made: 7 } }, 0, 7],
  ['only this run has a reservation', { extraCalls: { day: today, made: 7 }, extraCallsReserved: 100 }, 100, 7],
  ['a run died with its reservation', { extraCalls: { day: today, made: 7 }, extraCallsReserved: 200 }, 100, 107],
  ['a run died, and a scheduled poll counts its reservation', { extraCallsReserved: 100 }, 0, 100],
])('%s', (_, stored, own, made) => {
  expect(extraCallsOfToday(stored, now, own)).toEqual({ day: today, made });
});
