/** Results of the benchmark as text: for the terminal, README.md, docs/performance.md and docs/benchmark.md. */
import { availableParallelism, cpus } from 'node:os';
import { typicalPartner } from '../cost/partners';
import { functionNodeVersion } from '../measure/function-node';
import type { Latency } from '../measure/latency';
import type { Loads } from '../measure/load-time';
import type { QuietPoll } from '../measure/quiet-polls';
import type { Target } from '../targets';
import { type Cell, TYPICAL_RUNNING } from './cells';
import type { Growth } from './growth-plot';
import { markdownTable, megabytes, number } from './tables';

const names = { ours: 'this', peer: 'peer' };

const columns = [
  ...['History', 'Running', 'Finished', 'Poller', 'Polls', 'List calls', 'Table calls', 'Read units', 'Write units'],
  ...['PutEvents', 'CPU ms', 'Peak MB', 'Right', 'Missing', 'Extra'],
];

export function cellTable(cells: readonly Cell[]): string[][] {
  return [
    columns,
    ...cells.map(({ history, running, finished, poller, polls, measured, right, missing, extra }) => [
      number(history),
      number(running),
      number(finished),
      names[poller],
      number(polls),
      number(measured.listCalls),
      number(measured.tableCalls),
      number(measured.readUnits),
      number(measured.writeUnits),
      number(measured.putCalls),
      number(Math.round(measured.cpuMs)),
      megabytes(measured.peakRssBytes),
      number(right),
      number(missing),
      number(extra),
    ]),
  ];
}

/** Quiet polls with 20 tasks running, by history. */
export function growthOf(quietPolls: readonly QuietPoll[], cells: readonly Cell[]): Growth {
  const peer = cells.filter(
    ({ poller, running, finished }) => poller === 'peer' && running === TYPICAL_RUNNING && finished === 0,
  );
  return {
    ours: quietPolls,
    peer: peer.map(({ history, measured: { listCalls, cpuMs } }) => ({ history, listCalls, cpuMs })),
  };
}

export function growthTable({ ours, peer }: Growth): string[][] {
  const peerAt = (history: number) => peer.find(point => point.history === history);
  return [
    ['Ended tasks', 'List calls: this', 'peer', 'CPU ms: this', 'peer'],
    ...ours.map(({ history, listCalls, cpuMs }) => {
      const other = peerAt(history);
      return [
        number(history),
        number(listCalls),
        other ? number(other.listCalls) : 'not within 15 minutes',
        cpuMs.toFixed(1),
        other ? number(other.cpuMs) : 'not within 15 minutes',
      ];
    }),
  ];
}

export function loadText({ pollerBytes, pollerCpuMs, bareBytes, bareCpuMs }: Loads): string {
  const of = (bytes: number, cpuMs: number) =>
    `${number(bytes / 1_000)} KB and takes ${cpuMs.toFixed(0)} ms of CPU time`;
  return `The poller's bundle has ${of(pollerBytes, pollerCpuMs)} to load. A bundle of its three SDK clients alone, each with the SDK's default credentials, has ${of(bareBytes, bareCpuMs)}.`;
}

/** One row for each kind of task and mode. */
export const latencyTable = (latencies: readonly Latency[]): string[][] => [
  [
    ...['Tasks that take', 'Mode', 'Median seconds', '95th percentile', 'List calls a day'],
    ...['Extra List calls a task', 'Extra seconds of compute a task'],
  ],
  ...latencies.map(latency => [
    latency.tasks,
    latency.mode,
    latency.median.toFixed(1),
    latency.p95.toFixed(1),
    number(latency.listCallsPerDay),
    latency.extraListCallsPerTask.toFixed(1),
    latency.extraComputeSecondsPerTask.toFixed(1),
  ]),
];

/** The figures in the README. */
export function figuresText(latencies: readonly Latency[], dollarsPerMonth: string): string {
  const of = (mode: Latency['mode']) => latencyOf(latencies, mode);
  const [followed, nudged] = [of('follow'), of('follow and nudges')];
  return [
    `- **Speed**: of tasks that take 2 to 20 seconds, half are published within ${followed.median.toFixed(0)} seconds after Partner Central lists them as finished, and 95 % within ${followed.p95.toFixed(0)}. If you announce them: ${nudged.median.toFixed(1)} and ${nudged.p95.toFixed(1)} seconds.`,
    `- **Cost**: ${dollarsPerMonth} a month for one source with ${number(typicalPartner.history)} ended tasks, and ${number(typicalPartner.finishedPerDay)} more each day.`,
  ].join('\n');
}

const latencyOf = (latencies: readonly Latency[], mode: Latency['mode']) =>
  latencies.find(each => each.tasks === '2 to 20 seconds' && each.mode === mode) as Latency;

/** The section on latency in docs/performance.md. */
export function latencyText(latencies: readonly Latency[]): string {
  const of = (mode: Latency['mode']) => latencyOf(latencies, mode);
  const words = ({ median, p95 }: Latency) => `${median.toFixed(1)} and ${p95.toFixed(1)}`;
  return [
    '![Share of finished tasks published, by seconds](latency.svg)',
    '',
    `Seconds from "listed as finished" to "event on the bus", median and 95th percentile, for tasks that take 2 to 20 seconds: ${words(of('schedule only'))} by the schedule alone, ${words(of('follow'))} with follows, ${words(of('follow and nudges'))} with follows and nudges. [benchmark.md](benchmark.md#latency) has the other cases and the assumptions.`,
  ].join('\n');
}

/** With 1 entry in 10 throttled once. */
export function throttledText(cells: readonly Cell[]): string {
  const of = (name: Cell['poller']) => cells.find(({ poller }) => poller === name) as Cell;
  const lost = ({ missing }: Cell) => (missing === 0 ? 'none' : number(missing));
  return `If EventBridge throttles one entry in ten, once each, the peer loses ${lost(of('peer'))} of ${number(of('peer').finished)} events, and this poller ${lost(of('ours'))}.`;
}

/** https://docs.aws.amazon.com/partner-central/latest/developer-guide/quotas.html */
const READS_PER_DAY = 100_000;

/** The shortest history at which the peer, polling once a minute, exceeds the quota. */
export function quotaText({ peer }: Growth): string {
  const first = peer.find(({ listCalls }) => listCalls * 24 * 60 > READS_PER_DAY);
  if (first === undefined) return '';
  const calls = number(first.listCalls * 24 * 60);
  return `With ${number(first.history)} tasks and one poll a minute, the peer makes ${calls} List calls a day. Partner Central allows ${number(READS_PER_DAY)}. `;
}

export const machineText = () =>
  `Measured by \`npm run bench\` on ${availableParallelism()} cores (${cpus()[0]?.model.trim() || process.arch}), Node.js ${functionNodeVersion()}.`;

export const targetTable = (targets: readonly Target[]): string[][] => [
  ['Target', 'Limit', 'Got', ''],
  ...targets.map(({ what, limit, got, holds }) => [what, limit, got, holds ? 'ok' : 'FAILED']),
];

/** The section in docs/performance.md. */
export function benchmarkText(growth: Growth, loads: Loads, throttled: readonly Cell[]): string {
  return [
    `A quiet poll with ${TYPICAL_RUNNING} tasks running, compared with the usual tutorial poller. That one, "the peer" (\`bench/peer/handler.ts\`), lists every page and reads every row:`,
    '',
    '![List calls and CPU time against history](growth.svg)',
    '',
    markdownTable(growthTable(growth)),
    '',
    ...[quotaText(growth), throttledText(throttled), loadText(loads)].filter(Boolean).map(text => `- ${text.trim()}`),
    '',
    `${machineText()} [benchmark.md](benchmark.md) has every cell and the targets.`,
  ].join('\n');
}

/** The whole of docs/benchmark.md. */
export function benchmarkDocument(
  cells: readonly Cell[],
  throttled: readonly Cell[],
  latencies: readonly Latency[],
  targets: readonly Target[],
): string {
  return [
    '# Benchmark',
    '',
    `For whoever wants every figure behind [performance.md](performance.md). ${machineText()} The command writes this page. Do not edit it.`,
    '',
    '- "This" is the synthesized bundle, "peer" is `bench/peer/handler.ts`. Both see the same tasks, one after the other, in warm processes.',
    '- A row is one poll. If that poll leaves finished tasks to later polls, the row is the sum of all of them.',
    '- Capacity units are computed from item sizes (`bench/measure/capacity.ts`), index writes included.',
    '- Peak memory is the maximum of the process so far. The rows with 10 finished tasks are measured after those with 1,000.',
    '- CPU time of a quiet poll is the median of several polls. The growth in performance.md and the target for CPU time use 61 polls of each history, taken alternately, so that other load on the machine affects all of them equally.',
    '- Pauses between List calls take no time here.',
    '- With a million tasks, a poll of the peer takes about a minute, so it is measured with 20 running tasks only.',
    '',
    markdownTable(cellTable(cells)),
    '',
    'One entry in ten is throttled once. Four polls:',
    '',
    markdownTable(cellTable(throttled)),
    '',
    '## Latency',
    '',
    'Forty tasks start, one every two minutes. Their start times are spread over the period between two ticks. The function is the synthesized bundle on the local services, in virtual time: a pause takes no time, and the clock jumps to the next action.',
    '',
    '- **Assumed**: 0.2 seconds for a List call, 0.01 for any other, and 0.3 to 1.3 seconds from a `TaskStarted` event to the start of its poll.',
    '- **The mix**: of ten tasks, seven take 2 to 20 seconds, two 20 to 90, and one ten minutes.',
    '- The schedule alone makes 1,440 List calls a day while no task runs.',
    '',
    markdownTable(latencyTable(latencies)),
    '',
    '![Share of finished tasks published, by seconds](latency.svg)',
    '',
    '## Targets',
    '',
    markdownTable(targetTable(targets)),
    '',
  ].join('\n');
}
