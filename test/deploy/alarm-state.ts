/**
 * What CloudWatch makes of an alarm, for the alarms of this stack: MiniStack neither takes metrics out of logs nor notices
 * that data is missing.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
interface MetricStat {
  readonly Metric: {
    readonly Namespace: string;
    readonly MetricName: string;
    readonly Dimensions?: readonly Dimension[];
  };
  readonly Period: number;
  readonly Stat: string;
}

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

/** As CloudFormation has it: an alarm on `FILL(one metric, 0)`. */
export interface AlarmDefinition {
  readonly Metrics?: readonly { readonly Id: string; readonly Expression?: string; readonly MetricStat?: MetricStat }[];
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: string;
}

export interface Datapoint {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly value: number;
}

/**
 * The datapoints in lines of a log that are in the embedded metric format; all other lines are none.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function datapointsIn(lines: readonly string[]): Datapoint[] {
  return lines.flatMap(line => {
    if (!line.startsWith('{"_aws"')) return [];
    const { _aws, ...values } = JSON.parse(line);
    return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }: EmbeddedMetrics) =>
      Dimensions.flatMap(names =>
        Metrics.flatMap(({ Name }) =>
          [values[Name]].flat().map(value => ({
            namespace: Namespace,
            name: Name,
            dimensions: Object.fromEntries(names.map(name => [name, String(values[name])])),
            atMs: _aws.Timestamp,
            value,
          })),
        ),
      ),
    );
  });
}

interface EmbeddedMetrics {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

/**
 * The state of an alarm on the sum of a metric in which what is missing counts as 0, from the periods that have ended by now.
 * @throws Error for an alarm of another kind
 */
export function alarmState(alarm: AlarmDefinition, datapoints: readonly Datapoint[], nowMs: number): 'ALARM' | 'OK' {
  const [expression, metric] = alarm.Metrics ?? [];
  const { Metric, Period, Stat } = metric?.MetricStat ?? {};
  const isKnown =
    expression?.Expression === `FILL(${metric?.Id}, 0)` && alarm.ComparisonOperator === 'LessThanThreshold';
  if (!isKnown || Stat !== 'Sum' || !Metric || !Period) throw new Error(`Not such an alarm: ${JSON.stringify(alarm)}`);
  const dimensions = Object.fromEntries((Metric.Dimensions ?? []).map(({ Name, Value }) => [Name, Value]));
  const ours = datapoints.filter(
    ({ namespace, name, dimensions: given }) =>
      namespace === Metric.Namespace &&
      name === Metric.MetricName &&
      JSON.stringify(given) === JSON.stringify(dimensions),
  );
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, Threshold, TreatMissingData } = alarm;
  // There is nothing to fill where there never was anything.
  if (ours.length === 0) return TreatMissingData === 'breaching' ? 'ALARM' : 'OK';
  const sums = Array.from({ length: EvaluationPeriods }, (_, back) => {
    const endsMs = nowMs - back * Period * 1_000;
    const inPeriod = ours.filter(({ atMs }) => atMs <= endsMs && atMs > endsMs - Period * 1_000);
    return inPeriod.reduce((sum, { value }) => sum + value, 0);
  });
  return sums.filter(sum => sum < Threshold).length >= DatapointsToAlarm ? 'ALARM' : 'OK';
}
