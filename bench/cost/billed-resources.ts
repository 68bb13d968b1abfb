import { environment } from '../../lambdas/poller/settings';
import type { Template } from '../../local/synthesized';

/** Resources with a fixed monthly cost, and settings that other costs depend on. */
export interface BilledResources {
  /** Of the poller's function. */
  readonly memoryMb: number;
  /** Period that an audit covers. */
  readonly retentionDays: number;
  /** 0 without an archive. */
  readonly archiveDays: number;
  /** Metrics that alarms read. An alarm on an expression reads several. */
  readonly alarmMetrics: number;
  readonly alarms: number;
  /** Alarms on queues that all sources share. */
  readonly sharedAlarms: number;
  readonly compositeAlarms: number;
  /** Customer managed keys. */
  readonly encryptionKeys: number;
  readonly dashboards: number;
  /** Pollers that Lambda keeps on an idle queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  readonly idlePollers: number;
  readonly maxExtraListCallsPerDay: number;
}

/** Reads them from a synthesized template. */
export function billedResources({ Resources }: Template): BilledResources {
  const ofType = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  const pollers = ofType('AWS::Lambda::Function').flatMap(({ Properties }) => {
    const { Variables } = (Properties.Environment ?? {}) as { Variables?: Record<string, string> };
    const settings = Variables?.[environment.settings];
    return settings === undefined ? [] : [{ memoryMb: Number(Properties.MemorySize), ...JSON.parse(settings) }];
  });
  const [poller] = pollers;
  if (poller === undefined) throw new Error('The template has no poller.');
  const hasMaximumConcurrency = ofType('AWS::Lambda::EventSourceMapping').some(
    ({ Properties }) => Properties.ScalingConfig !== undefined,
  );
  const [archive] = ofType('AWS::Events::Archive');
  const metricsOf = (queries: unknown) =>
    Array.isArray(queries) ? queries.filter(query => query.MetricStat !== undefined).length : 1;
  return {
    memoryMb: poller.memoryMb,
    retentionDays: poller.retentionDays,
    archiveDays: Number(archive?.Properties.RetentionDays ?? 0),
    alarmMetrics: ofType('AWS::CloudWatch::Alarm').reduce(
      (sum, { Properties }) => sum + metricsOf(Properties.Metrics),
      0,
    ),
    alarms: ofType('AWS::CloudWatch::Alarm').length,
    // Each source has an alarm on its own queue of failed runs.
    sharedAlarms:
      ofType('AWS::CloudWatch::Alarm').filter(({ Properties }) => Properties.Namespace === 'AWS/SQS').length -
      pollers.length,
    compositeAlarms: ofType('AWS::CloudWatch::CompositeAlarm').length,
    encryptionKeys: ofType('AWS::KMS::Key').length,
    dashboards: ofType('AWS::CloudWatch::Dashboard').length,
    idlePollers: hasMaximumConcurrency ? 5 : 2,
    maxExtraListCallsPerDay: poller.maxExtraListCallsPerDay,
  };
}
