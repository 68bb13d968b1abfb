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
  stuckGaps: 'StuckGaps',
} as const;

export function report(metrics: Metrics, summary: Summary): void {
  if (summary.outcome === 'complete') metrics.addMetric(metricNames.heartbeat, 'Count', 1);
  const { heartbeat: _, ...onlyWhenSomethingHappened } = metricNames;
  for (const [key, name] of Object.entries(onlyWhenSomethingHappened)) {
    const count = summary[key as keyof typeof onlyWhenSomethingHappened];
    if (count) metrics.addMetric(name, 'Count', count);
  }
  metrics.publishStoredMetrics();
}
