/** Monthly cost of an account: with a function for each account, as in the stack, or one dispatcher for all. Pure arithmetic. */
import { assumed, DAYS, POLLS_PER_MONTH } from '../cost/month';
import { prices } from '../cost/prices';
import type { FleetUse } from './fleet';

/** CPU time of a quiet poll of the bundle with the SDK's clients (docs/benchmark.md). */
const CPU_MS_PER_POLL = 19;
/** The poller's log lines, and those of Lambda. */
const LOG_BYTES_PER_POLL = 700;
const MEMORY_MB = 256;
/** SQS allows ten messages a batch. A worker polls all of a batch concurrently. */
const POLLS_PER_BATCH = 10;
/** Send, receive and delete. */
const REQUESTS_PER_BATCH = 3;
/** Size of a source's item. The dispatcher reads it once a minute. */
const SOURCE_BYTES = 300;
/** Alarms of one source in the stack. */
const ALARMS = 8;

export interface FleetCost {
  /** Of all functions, per month. */
  readonly gbSeconds: number;
  readonly items: readonly (readonly [name: string, dollars: number])[];
}

interface Shape {
  readonly pollsPerInvocation: number;
  readonly queueRequestsPerPoll: number;
  readonly scheduledInvocations: number;
  /** Number of sets of alarms and heartbeats. */
  readonly watched: number;
  readonly readUnits: number;
}

/** A function with schedules and alarms for each account. */
export const functionForEach = (use: FleetUse): FleetCost =>
  costOf(use, {
    pollsPerInvocation: 1,
    queueRequestsPerPoll: 0,
    scheduledInvocations: use.accounts * POLLS_PER_MONTH,
    watched: use.accounts,
    readUnits: 0,
  });

/** A dispatcher queues the accounts that are due. Each worker polls ten of them concurrently. */
export const oneDispatcher = (use: FleetUse): FleetCost =>
  costOf(use, {
    pollsPerInvocation: POLLS_PER_BATCH,
    queueRequestsPerPoll: REQUESTS_PER_BATCH / POLLS_PER_BATCH,
    scheduledInvocations: POLLS_PER_MONTH,
    watched: 1,
    readUnits: ((use.accounts * SOURCE_BYTES) / 4_096 / 2) * POLLS_PER_MONTH,
  });

function costOf(use: FleetUse, shape: Shape): FleetCost {
  const { pollsPerInvocation, queueRequestsPerPoll, scheduledInvocations, watched, readUnits } = shape;
  const months = use.days / DAYS;
  const polls = use.polls / months;
  const each = (count: number) => count / use.polls;
  // Polls of one invocation wait concurrently and share its CPU.
  const waiting = each(use.listCalls) * assumed.secondsPerListCall + each(use.otherCalls) * assumed.secondsPerOtherCall;
  const computing = (CPU_MS_PER_POLL / 1_000) * (assumed.mbPerVcpu / MEMORY_MB);
  const invocations = polls / pollsPerInvocation;
  const gbSeconds = invocations * (waiting + computing * pollsPerInvocation) * (MEMORY_MB / 1_024);
  const logGb = (polls * LOG_BYTES_PER_POLL + invocations * assumed.lambdaLogBytesPerPoll) / 1e9;
  // A row is written to the table and to its index. Each poll takes and releases the lease.
  const writeUnits = 2 * polls + (2 * use.rows) / months;
  return {
    gbSeconds,
    items: [
      ['Compute', gbSeconds * prices.lambdaGbSecond],
      [
        'Schedules and invocations',
        scheduledInvocations * prices.schedulerInvocation +
          (invocations + scheduledInvocations * (watched === 1 ? 1 : 0)) * prices.lambdaRequest,
      ],
      ['Queue', polls * queueRequestsPerPoll * prices.queueRequest],
      ['Table: writes', writeUnits * prices.tableWriteUnit],
      ['Table: reads', (2 * polls + readUnits) * prices.tableReadUnit],
      ['Events', (use.events / months) * prices.customEvent],
      ['Logs', logGb * (prices.logGb + prices.logGbMonth)],
      ['Heartbeat and alarms', watched * (prices.metricMonth + ALARMS * prices.alarmMetricMonth)],
    ],
  };
}
