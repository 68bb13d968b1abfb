import type { PartnerCost } from '../../bench/cost/cost';
import { typicalPartner } from '../../bench/cost/partners';
import type { Latency } from '../../bench/measure/latency';
import { type Cell, runningCounts } from '../../bench/report/cells';
import { checkTargets, type Results } from '../../bench/targets';

const cells = (listCallsAtMillion: number) =>
  runningCounts.flatMap(running =>
    [2, listCallsAtMillion].map(
      listCalls => ({ running, finished: 0, poller: 'ours', measured: { listCalls } }) as unknown as Cell,
    ),
  );
const cost = (dollars: number) => ({ partner: typicalPartner, items: [['All', dollars]] }) as unknown as PartnerCost;

const latency = (mode: Latency['mode'], median: number, p95: number) =>
  ({ tasks: '2 to 20 seconds', isShort: true, mode, median, p95 }) as Latency;
const latencies = [latency('schedule only', 30, 57), latency('follow', 30, 57), latency('follow and nudges', 3, 6)];

const good: Results = {
  cells: cells(2),
  quietPolls: [
    { history: 1_000, listCalls: 2, cpuMs: 10 },
    { history: 1_000_000, listCalls: 2, cpuMs: 13 },
  ],
  backfill: {
    tasks: 100_000,
    polls: 12,
    deadlineSeconds: 10,
    peakRssBytes: 149e6,
    right: 100_000,
    missing: 0,
    extra: 0,
  },
  costs: [cost(2)],
  loads: { pollerBytes: 405_000, bareBytes: 380_000, pollerCpuMs: 110, bareCpuMs: 100, cpuRatio: 1.1 },
  bursts: { tasks: 1_000, nodeMajor: 24, cpuRatio: 1.3, oursCpuMs: 1_300, peerCpuMs: 1_000 },
  listing: { tasks: 100_000, overIdleBytes: 60e6, idleBytes: 70e6 },
  among: { running: 1_500, finished: 1_000, polls: 2, listCalls: 40 },
  latencies,
};
const failed = (results: Results) => checkTargets(results).flatMap(({ holds }, at) => (holds ? [] : [at]));

test('every target holds at its limit', () => {
  expect(failed(good)).toEqual([]);
});

test.each<[string, Partial<Results>, number]>([
  ['List calls grow', { cells: cells(3) }, 0],
  ['CPU time grows', { quietPolls: [good.quietPolls[0], { history: 1e6, listCalls: 2, cpuMs: 13.1 }] as never }, 1],
  ['memory grows', { backfill: { ...good.backfill, peakRssBytes: 150e6 } }, 2],
  ['an event is lost', { backfill: { ...good.backfill, right: 99_999, missing: 1 } }, 3],
  ['an event is repeated', { backfill: { ...good.backfill, extra: 1 } }, 3],
  ['the monthly cost grows', { costs: [cost(2.01)] }, 4],
  ['the bundle grows', { loads: { ...good.loads, pollerBytes: 405_001 } }, 5],
  ['loading takes longer', { loads: { ...good.loads, cpuRatio: 1.11 } }, 6],
  ['a burst takes more CPU time', { bursts: { ...good.bursts, cpuRatio: 1.46 } }, 7],
  ['a burst takes more CPU time under Node.js 20', { bursts: { ...good.bursts, nodeMajor: 20, cpuRatio: 1.66 } }, 7],
  ['a long list takes more memory', { listing: { ...good.listing, overIdleBytes: 60.1e6 } }, 8],
  ['many finished tasks take more polls', { among: { ...good.among, polls: 3 } }, 9],
  ['many finished tasks take more List calls', { among: { ...good.among, listCalls: 41 } }, 9],
  [
    'nudged tasks are published later',
    { latencies: [...latencies.slice(0, 2), latency('follow and nudges', 3.1, 6)] },
    10,
  ],
  [
    'a few nudged tasks are published later',
    { latencies: [...latencies.slice(0, 2), latency('follow and nudges', 3, 6.1)] },
    10,
  ],
  ['there is no nudge', { latencies: latencies.slice(0, 2) }, 10],
  ['follows delay', { latencies: [...latencies, latency('follow', 30, 57.1)] }, 11],
])('fails when %s', (_, worse, at) => {
  expect(failed({ ...good, ...worse })).toEqual([at]);
});
