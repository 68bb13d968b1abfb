/** A month of one poll a minute, from what single polls use and what things cost. Pure arithmetic. */
import { ROW_OUTLIVES_RETENTION_MS } from '../../lambdas/poller/core/task-row';
import type { BilledResources } from './billed-resources';
import type { Partner } from './partners';
import { prices } from './prices';

/** What a poll, or many, use. */
export interface Usage {
  readonly polls: number;
  readonly listCalls: number;
  /** To the table and the bus. */
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
export const POLLS_A_MONTH = DAYS * 24 * 60;
const HOURS = DAYS * 24;
/** What the table keeps beyond the retention period. */

/** What can't be measured on one machine. */
export const assumed = {
  /** From the function to Partner Central and back; five a second is also the pace of List calls. */
  secondsAListCall: 0.2,
  /** To the table or the bus and back. */
  secondsAnotherCall: 0.01,
  /** A function has a whole CPU at this size, and its share below: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
  mbOfAWholeCpu: 1_769,
  /** Lambda's own START, END and REPORT, with what CloudWatch adds to each. */
  lambdaLogBytesAPoll: 340,
  /** Of each poller of an idle queue: long polls of 20 seconds, one after the other. */
  requestsAnIdlePoller: 3 * POLLS_A_MONTH,
  /** Send, receive, delete. */
  queueRequestsAFailure: 3,
  secondsAMail: 0.5,
  /** Table, logs and environment ask for the stack's own key, if there is one, and remember it for five minutes. */
  keyRequestsAPoll: 3 / 5,
  /** The bus and the archive encrypt it and decrypt it again. */
  keyRequestsAnEvent: 4,
  /** Into the queue, out of it, and to the topic. */
  keyRequestsAFailure: 5,
} as const;

/** Each part as the use of it alone, beyond that of a quiet poll. */
export interface MeasuredParts {
  readonly quietPoll: Usage;
  /** A task that starts and ends. */
  readonly ending: Usage;
  /** An audit of one task; a whole one goes through all of the retention period. */
  readonly auditOfATask: Usage;
  /** A row that was published. */
  readonly rowBytes: number;
  /** Follows and nudges of one task: how many polls, and for how long the function runs, pauses included. */
  readonly looks: { readonly polls: number; readonly seconds: number };
}

/** Everything, follows and nudges included. */
export const monthlyUsage = (partner: Partner, parts: MeasuredParts, resources: BilledResources): Usage =>
  plus(scheduledUsage(partner, parts, resources), extraUsage(partner, parts, resources));

/** Of the polls that follow another one and those of nudges. They are part of invocations that are counted elsewhere. */
export function extraUsage(
  { endingsADay }: Partner,
  { quietPoll, looks }: MeasuredParts,
  { maxExtraListCallsPerDay }: Pick<BilledResources, 'maxExtraListCallsPerDay'>,
): Usage {
  const polls = Math.min(endingsADay * looks.polls, maxExtraListCallsPerDay / quietPoll.listCalls);
  return { ...times(quietPoll, polls * DAYS), polls: 0 };
}

/** Of the scheduled polls, the endings and the audits. */
export function scheduledUsage(partner: Partner, parts: MeasuredParts, { retentionDays }: BilledResources): Usage {
  const { quietPoll, ending, auditOfATask } = parts;
  const endings = times(ending, partner.endingsADay * DAYS);
  const audits = times(auditOfATask, partner.endingsADay * retentionDays * DAYS);
  return plus(plus(times(quietPoll, POLLS_A_MONTH), endings), audits);
}

/** How long the function runs for it: round trips one after the other, and its share of a CPU. */
export function functionSeconds(usage: Usage, memoryMb: number): number {
  return (
    usage.listCalls * assumed.secondsAListCall +
    usage.otherCalls * assumed.secondsAnotherCall +
    (usage.cpuMs / 1_000) * (assumed.mbOfAWholeCpu / memoryMb)
  );
}

export type CostItem = readonly [name: string, dollars: number];

export function monthlyCost(partner: Partner, parts: MeasuredParts, resources: BilledResources): CostItem[] {
  const { memoryMb, retentionDays, archiveDays, encryptionKeys } = resources;
  const scheduled = scheduledUsage(partner, parts, resources);
  const usage = plus(scheduled, extraUsage(partner, parts, resources));
  const endings = partner.endingsADay * DAYS;
  // Tasks that run at the same time are followed by one invocation.
  const followed = Math.min(endings * parts.looks.seconds, DAYS * 86_400);
  const failures = partner.failuresADay * DAYS;
  const invocations = usage.polls + DAYS;
  const rowsGb =
    (partner.endingsADay * (retentionDays + ROW_OUTLIVES_RETENTION_MS / 86_400_000) * (parts.rowBytes + 100)) / 1e9;
  const archivedGb = usage.eventBytes / 1e9;
  const logGb = (usage.logBytes + usage.polls * assumed.lambdaLogBytesAPoll) / 1e9;
  const keyRequests =
    usage.polls * assumed.keyRequestsAPoll +
    usage.events * assumed.keyRequestsAnEvent +
    failures * assumed.keyRequestsAFailure;
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
        endings * (prices.customEvent + prices.lambdaRequest),
    ],
    ['Table: writes', usage.writeUnits * prices.tableWriteUnit],
    ['Table: reads', usage.readUnits * prices.tableReadUnit],
    ['Table: storage and recovery', rowsGb * (prices.tableGbMonth + prices.tableRecoveryGbMonth)],
    [
      'Events and their archive',
      usage.events * prices.customEvent +
        archivedGb * (prices.archivedGb + prices.archiveGbMonth * (archiveDays / DAYS)),
    ],
    ['Metrics: the heartbeat', prices.metricMonth],
    // A metric is charged by the hour in which it reports.
    ['Metrics: failed tasks', prices.metricMonth * (Math.min(HOURS, failures) / HOURS)],
    [
      'Alarms',
      resources.alarmMetrics * prices.alarmMetricMonth + resources.compositeAlarms * prices.compositeAlarmMonth,
    ],
    // A row for what only some have; the rest need not read about it.
    ...(resources.dashboards > 0
      ? [['Dashboard', resources.dashboards * prices.dashboardMonth] satisfies CostItem]
      : []),
    ['Logs', logGb * (prices.logGb + prices.logGbMonth)],
    ['Alerts: queue', (idleQueueRequests(resources) + failures * assumed.queueRequestsAFailure) * prices.queueRequest],
    [
      'Alerts: function and mails',
      failures * (prices.lambdaRequest + gbSeconds(assumed.secondsAMail, 256) + prices.topicRequest + prices.email),
    ],
    ...encryptionKey,
  ];
}

/** What another source of the same stack adds: it shares the queue of alerts, the key, and the alarms on shared queues. */
export function furtherSourceCost(partner: Partner, parts: MeasuredParts, resources: BilledResources): number {
  const alarmMetrics = resources.alarmMetrics - resources.sharedAlarms;
  const alone = monthlyCost(partner, parts, { ...resources, alarmMetrics, dashboards: 0, encryptionKeys: 0 });
  return total(alone) - idleQueueRequests(resources) * prices.queueRequest;
}

/** Requests a month that Lambda makes to the queue of alerts while nothing is in it. */
export const idleQueueRequests = ({ idlePollers }: BilledResources) => idlePollers * assumed.requestsAnIdlePoller;

export const total = (items: readonly CostItem[]) => items.reduce((sum, [, dollars]) => sum + dollars, 0);
