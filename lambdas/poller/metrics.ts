import type { EpochMs } from './core/task';
import type { Summary } from './run';

/** CloudWatch namespace of all metrics here. */
export const METRICS_NAMESPACE = 'PartnerCentralTaskPoller';

/**
 * Custom metrics, with the one dimension `service` (the stack's name). Each costs $0.30 a month while it reports, charged
 * by the hour in which it reports. Only the heartbeat always does; the others report when there is something to report,
 * so a quiet month costs one metric. Each is read by the alarm it is named with and by nothing else; what no alarm needs
 * is only logged.
 */
export const metricNames = {
  /** Complete runs, always: $0.30. Read by "not finishing", which alarms when it is absent. */
  heartbeat: 'CompleteRuns',
  /** Events published for failed tasks: $0.0004 for each hour with one. Read by "tasks failed". */
  failed: 'TasksFailed',
  /** Tasks that have been running for longer than `stalledAfterMinutes`, as long as there are any: up to $0.30. Read by "tasks stalled". */
  stalled: 'TasksStalled',
  /** Quarantined, damaged, malformed and missing items, as long as there are any: up to $0.30. Read by "set aside". */
  setAside: 'ItemsSetAside',
  /** Finished tasks that only an audit found, and one for each run while the audit is overdue: up to $0.30. Read by "audit". */
  auditProblems: 'AuditProblems',
  /** Open gaps, in runs that ended with the backlog as it was: up to $0.30. Read by "backlog". */
  backlogUnchanged: 'BacklogUnchanged',
} as const;

/**
 * The log line from which CloudWatch takes a run's metrics.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * @param service value of the one dimension
 * @returns undefined when there is nothing to report
 */
export function metricsLine(summary: Summary, service: string, now: EpochMs): string | undefined {
  const { malformed = 0, damagedRows = 0, refusedRows = 0, missing = 0, refusedStalledEvents = 0 } = summary;
  const counts: Record<keyof typeof metricNames, number> = {
    heartbeat: summary.outcome === 'complete' ? 1 : 0,
    failed: summary.shadow ? 0 : summary.failed, // shadow mode sends no mail
    stalled: summary.stalled ?? 0,
    setAside: (summary.setAside ?? 0) + malformed + damagedRows + refusedRows + missing + refusedStalledEvents,
    auditProblems: summary.drift + (summary.auditOverdue ? 1 : 0),
    backlogUnchanged: summary.backlogUnchanged ? summary.gaps : 0,
  };
  const reported = Object.entries(counts).flatMap(([key, count]) =>
    count > 0 ? [[metricNames[key as keyof typeof metricNames], count] as const] : [],
  );
  if (reported.length === 0) return undefined;
  const Metrics = reported.map(([Name]) => ({ Name, Unit: 'Count' }));
  const CloudWatchMetrics = [{ Namespace: METRICS_NAMESPACE, Dimensions: [['service']], Metrics }];
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics },
    service,
    ...Object.fromEntries(reported),
  });
}
