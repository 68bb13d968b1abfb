/** Monthly cost at one poll a minute, from the usage of single polls and prices. Pure arithmetic. */
import { ROW_OUTLIVES_RETENTION_MS } from '../../lambdas/poller/core/task-row';
import type { BilledResources } from './billed-resources';
import type { Partner } from './partners';
import { prices } from './prices';

/** Usage of one or more polls. */
export interface Usage {
  readonly polls: number;
  readonly listCalls: number;
  /** Calls to the table and the bus. */
  readonly otherCalls: number;
  readonly cpuMs: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly logBytes: number;
  readonly events: number;
  readonly eventBytes: number;
}

const keys = [
  'polls',
  'listCalls',
  'otherCalls',
  'cpuMs',
  'readUnits',
  'writeUnits',
  'logBytes',
  'events',
  'eventBytes',
] as const satisfies readonly (keyof Usage)[];

const combine = (of: (key: keyof Usage) => number) =>
  Object.fromEntries(keys.map(key => [key, of(key)])) as unknown as Usage;
export const plus = (a: Usage, b: Usage): Usage => combine(key => a[key] + b[key]);
export const times = (usage: Usage, factor: number): Usage => combine(key => usage[key] * factor);

export const DAYS = 30;
export const POLLS_PER_MONTH = DAYS * 24 * 60;
const HOURS = DAYS * 24;

/** Values that one machine can't measure. */
export const assumed = {
  /** Round trip to Partner Central. Also the pace of List calls: five a second. */
  secondsPerListCall: 0.2,
  /** Round trip to the table or the bus. */
  secondsPerOtherCall: 0.01,
  /** At this size a function has one full vCPU, below it a share: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
  mbPerVcpu: 1_769,
  /** Lambda's START, END and REPORT lines, with the overhead of CloudWatch for each. */
  lambdaLogBytesPerPoll: 340,
  /** Each poller of an idle queue makes consecutive long polls of 20 seconds. */
  requestsPerIdlePoller: 3 * POLLS_PER_MONTH,
  /** Send, receive, delete. */
  queueRequestsPerFailure: 3,
  secondsPerMail: 0.5,
  /** Table, logs and environment request the stack's key, and cache it for five minutes. */
  keyRequestsPerPoll: 3 / 5,
  /** The bus and the archive each encrypt and decrypt it. */
  keyRequestsPerEvent: 4,
  /** Into the queue, out of it, and to the topic. */
  keyRequestsPerFailure: 5,
} as const;

/** Usage of each part beyond a quiet poll. */
export interface MeasuredParts {
  readonly quietPoll: Usage;
  /** One task that starts and finishes. */
  readonly finishedTask: Usage;
  /** One task of an audit. A whole audit covers the retention period. */
  readonly auditPerTask: Usage;
  /** Mean size of a published row. */
  readonly rowBytes: number;
  /** Follows and nudges of one task: number of polls, and duration of the function, pauses included. */
  readonly extraPolls: { readonly polls: number; readonly seconds: number };
}

/** Total usage, follows and nudges included. */
export const monthlyUsage = (partner: Partner, parts: MeasuredParts, resources: BilledResources): Usage =>
  plus(scheduledUsage(partner, parts, resources), extraUsage(partner, parts, resources));

/** Usage of follows and nudges. Their invocations are counted elsewhere. */
export function extraUsage(
  { finishedPerDay }: Partner,
  { quietPoll, extraPolls }: MeasuredParts,
  { maxExtraListCallsPerDay }: Pick<BilledResources, 'maxExtraListCallsPerDay'>,
): Usage {
  const polls = Math.min(finishedPerDay * extraPolls.polls, maxExtraListCallsPerDay / quietPoll.listCalls);
  return { ...times(quietPoll, polls * DAYS), polls: 0 };
}

/** Usage of scheduled polls, finished tasks and audits. */
export function scheduledUsage(partner: Partner, parts: MeasuredParts, { retentionDays }: BilledResources): Usage {
  const { quietPoll, finishedTask, auditPerTask } = parts;
  const finished = times(finishedTask, partner.finishedPerDay * DAYS);
  const audits = times(auditPerTask, partner.finishedPerDay * retentionDays * DAYS);
  return plus(plus(times(quietPoll, POLLS_PER_MONTH), finished), audits);
}

/** Duration of the function: consecutive round trips, and CPU time at its share of a vCPU. */
export function functionSeconds(usage: Usage, memoryMb: number): number {
  return (
    usage.listCalls * assumed.secondsPerListCall +
    usage.otherCalls * assumed.secondsPerOtherCall +
    (usage.cpuMs / 1_000) * (assumed.mbPerVcpu / memoryMb)
  );
}

export type CostItem = readonly [name: string, dollars: number];

export function monthlyCost(partner: Partner, parts: MeasuredParts, resources: BilledResources): CostItem[] {
  const { memoryMb, retentionDays, archiveDays, encryptionKeys } = resources;
  const scheduled = scheduledUsage(partner, parts, resources);
  const usage = plus(scheduled, extraUsage(partner, parts, resources));
  const finished = partner.finishedPerDay * DAYS;
  // One invocation follows all tasks that run at the same time.
  const followed = Math.min(finished * parts.extraPolls.seconds, DAYS * 86_400);
  const failures = partner.failuresPerDay * DAYS;
  const invocations = usage.polls + DAYS;
  const rowsGb =
    (partner.finishedPerDay * (retentionDays + ROW_OUTLIVES_RETENTION_MS / 86_400_000) * (parts.rowBytes + 100)) / 1e9;
  const archivedGb = usage.eventBytes / 1e9;
  const logGb = (usage.logBytes + usage.polls * assumed.lambdaLogBytesPerPoll) / 1e9;
  const keyRequests =
    usage.polls * assumed.keyRequestsPerPoll +
    usage.events * assumed.keyRequestsPerEvent +
    failures * assumed.keyRequestsPerFailure;
  const encryptionKey: CostItem[] =
    encryptionKeys === 0
      ? []
      : [['Encryption key', encryptionKeys * prices.keyMonth + keyRequests * prices.keyRequest]];
  const gbSeconds = (seconds: number, mb: number) => seconds * (mb / 1_024) * prices.lambdaGbSecond;
  return [
    ['Compute: scheduled polls', gbSeconds(functionSeconds(scheduled, memoryMb), memoryMb)],
    ['Compute: follows and nudges', gbSeconds(followed, memoryMb)],
    [
      'Requests: schedules, nudges and function',
      invocations * (prices.schedulerInvocation + prices.lambdaRequest) +
        finished * (prices.customEvent + prices.lambdaRequest),
    ],
    ['Table: writes', usage.writeUnits * prices.tableWriteUnit],
    ['Table: reads', usage.readUnits * prices.tableReadUnit],
    ['Table: storage and recovery', rowsGb * (prices.tableGbMonth + prices.tableRecoveryGbMonth)],
    [
      'Events and their archive',
      usage.events * prices.customEvent +
        archivedGb * (prices.archivedGb + prices.archiveGbMonth * (archiveDays / DAYS)),
    ],
    ['Metrics: complete polls', prices.metricMonth],
    // A metric is charged for each hour in which it is published.
    ['Metrics: failed tasks', prices.metricMonth * (Math.min(HOURS, failures) / HOURS)],
    [
      'Alarms',
      resources.alarmMetrics * prices.alarmMetricMonth + resources.compositeAlarms * prices.compositeAlarmMonth,
    ],
    // Only stacks with a dashboard have this row.
    ...(resources.dashboards > 0
      ? [['Dashboard', resources.dashboards * prices.dashboardMonth] satisfies CostItem]
      : []),
    ['Logs', logGb * (prices.logGb + prices.logGbMonth)],
    [
      'Alerts: queue',
      (idleQueueRequests(resources) + failures * assumed.queueRequestsPerFailure) * prices.queueRequest,
    ],
    [
      'Alerts: function and mails',
      failures * (prices.lambdaRequest + gbSeconds(assumed.secondsPerMail, 256) + prices.topicRequest + prices.email),
    ],
    ...encryptionKey,
  ];
}

/** Cost of a further source in the same stack. The alert queue, the key and the alarms on shared queues are not counted again. */
export function furtherSourceCost(partner: Partner, parts: MeasuredParts, resources: BilledResources): number {
  const alarmMetrics = resources.alarmMetrics - resources.sharedAlarms;
  const alone = monthlyCost(partner, parts, { ...resources, alarmMetrics, dashboards: 0, encryptionKeys: 0 });
  return total(alone) - idleQueueRequests(resources) * prices.queueRequest;
}

/** Monthly requests of Lambda to the empty alert queue. */
export const idleQueueRequests = ({ idlePollers }: BilledResources) => idlePollers * assumed.requestsPerIdlePoller;

export const total = (items: readonly CostItem[]) => items.reduce((sum, [, dollars]) => sum + dollars, 0);
