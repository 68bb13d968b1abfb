import type { Metrics } from '@aws-lambda-powertools/metrics';
import type { Summary } from './run';

/** CloudWatch namespace of all metrics here. */
export const METRICS_NAMESPACE = 'PartnerCentralTaskPoller';

/**
 * Custom metrics cost $0.30 a month for each name that reports. Only the heartbeat always does; the others report when
 * there is something to report, and a quiet month costs one metric.
 */
export const metricNames = {
  /** Runs that were complete. Its absence is how one finds out that the poller doesn't finish. */
  heartbeat: 'CompleteRuns',
  failed: 'TasksFailed',
  rejected: 'EventsRejected',
  drift: 'Drift',
  missing: 'TasksMissing',
  /** Summaries, rows and look-ups that were set aside so that the others could go on. */
  setAside: 'ItemsSetAside',
  skipped: 'RunsSkipped',
  stuckGaps: 'StuckGaps',
} as const;

export function report(metrics: Metrics, summary: Summary): void {
  const { malformed = 0, damagedRows = 0, refusedRows = 0, refusedLookUps = 0 } = summary;
  const counts: Record<keyof typeof metricNames, number> = {
    heartbeat: summary.outcome === 'complete' ? 1 : 0,
    failed: summary.failed,
    rejected: summary.rejected,
    drift: summary.drift,
    missing: summary.missing ?? 0,
    setAside: malformed + damagedRows + refusedRows + refusedLookUps,
    skipped: summary.outcome === 'skipped' ? 1 : 0,
    stuckGaps: summary.stuckGaps ?? 0,
  };
  const reported = Object.entries(counts).filter(([, count]) => count > 0);
  for (const [key, count] of reported) metrics.addMetric(metricNames[key as keyof typeof metricNames], 'Count', count);
  if (reported.length > 0) metrics.publishStoredMetrics(); // it complains where there is nothing to publish
}
