/** What a month costs an account: a function for each, as the stack has it, and one dispatcher for all. Pure arithmetic. */
import { assumed, DAYS, POLLS_A_MONTH } from '../cost/month';
import { prices } from '../cost/prices';
import type { FleetUse } from './fleet';

/** A quiet poll of the bundle with the SDK's clients (docs/benchmark.md). */
const CPU_MS_A_POLL = 19;
/** Lines of a poll, and of Lambda for each invocation. */
const LOG_BYTES_A_POLL = 700;
const MEMORY_MB = 256;
/** SQS's most in a request, and what a worker polls at the same time. */
const POLLS_A_MESSAGE_BATCH = 10;
/** Send, receive and delete, each of a batch. */
const REQUESTS_A_BATCH = 3;
/** Of a source in the table, which the dispatcher reads once a minute. */
const SOURCE_BYTES = 300;
/** As the stack has them for each source, on its metrics and its queue. */
const ALARMS = 8;

export interface FleetCost {
  /** Of the functions, a month. */
  readonly gbSeconds: number;
  readonly items: readonly (readonly [name: string, dollars: number])[];
}

interface Shape {
  readonly pollsAnInvocation: number;
  readonly queueRequestsAPoll: number;
  readonly scheduledInvocations: number;
  /** How many times there are alarms and a heartbeat. */
  readonly watched: number;
  readonly readUnits: number;
}

/** A function with schedules and alarms for each account. */
export const functionForEach = (use: FleetUse): FleetCost =>
  costOf(use, {
    pollsAnInvocation: 1,
    queueRequestsAPoll: 0,
    scheduledInvocations: use.accounts * POLLS_A_MONTH,
    watched: use.accounts,
    readUnits: 0,
  });

/** A dispatcher that puts what is due into a queue, and workers that poll ten accounts at the same time. */
export const oneDispatcher = (use: FleetUse): FleetCost =>
  costOf(use, {
    pollsAnInvocation: POLLS_A_MESSAGE_BATCH,
    queueRequestsAPoll: REQUESTS_A_BATCH / POLLS_A_MESSAGE_BATCH,
    scheduledInvocations: POLLS_A_MONTH,
    watched: 1,
    readUnits: ((use.accounts * SOURCE_BYTES) / 4_096 / 2) * POLLS_A_MONTH,
  });

function costOf(use: FleetUse, shape: Shape): FleetCost {
  const { pollsAnInvocation, queueRequestsAPoll, scheduledInvocations, watched, readUnits } = shape;
  const months = use.days / DAYS;
  const polls = use.polls / months;
  const each = (count: number) => count / use.polls;
  // Those of one invocation wait at the same time, and share its CPU.
  const waiting = each(use.listCalls) * assumed.secondsAListCall + each(use.otherCalls) * assumed.secondsAnotherCall;
  const computing = (CPU_MS_A_POLL / 1_000) * (assumed.mbOfAWholeCpu / MEMORY_MB);
  const invocations = polls / pollsAnInvocation;
  const gbSeconds = invocations * (waiting + computing * pollsAnInvocation) * (MEMORY_MB / 1_024);
  const logGb = (polls * LOG_BYTES_A_POLL + invocations * assumed.lambdaLogBytesAPoll) / 1e9;
  // A row is in the table and in its index. The lease is taken and given back in each poll.
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
      ['Queue', polls * queueRequestsAPoll * prices.queueRequest],
      ['Table: writes', writeUnits * prices.tableWriteUnit],
      ['Table: reads', (2 * polls + readUnits) * prices.tableReadUnit],
      ['Events', (use.events / months) * prices.customEvent],
      ['Logs', logGb * (prices.logGb + prices.logGbMonth)],
      ['Heartbeat and alarms', watched * (prices.metricMonth + ALARMS * prices.alarmMetricMonth)],
    ],
  };
}
