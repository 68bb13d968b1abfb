/**
 * US dollars, us-east-1, on demand, without free tier, as known on that date. AWS's pricing pages are authoritative.
 * Other regions differ by a few percent.
 */
export const pricesAsOf = '2026-11-22';

export const prices = {
  lambdaRequest: 0.2e-6,
  /** arm64 */
  lambdaGbSecond: 0.0000133334,
  schedulerInvocation: 1e-6,
  /** For 1 KB. */
  tableWriteUnit: 0.625e-6,
  /** For 4 KB, consistent. A read of an index costs half. */
  tableReadUnit: 0.125e-6,
  tableGbMonth: 0.25,
  /** Point-in-time recovery. */
  tableRecoveryGbMonth: 0.2,
  /** For 64 KB. */
  customEvent: 1e-6,
  archivedGb: 0.1,
  archiveGbMonth: 0.023,
  queueRequest: 0.4e-6,
  topicRequest: 0.5e-6,
  email: 2e-5,
  logGb: 0.5,
  logGbMonth: 0.03,
  metricMonth: 0.3,
  /** For each metric that an alarm reads, at periods of a minute or more. */
  alarmMetricMonth: 0.1,
  compositeAlarmMonth: 0.5,
  /** Each of the first two rotations costs the same again. */
  keyMonth: 1,
  keyRequest: 3e-6,
  /** The first three of an account are free. */
  dashboardMonth: 3,
} as const;
