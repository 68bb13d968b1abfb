/** Options of the construct's methods, and their check for callers without TypeScript: a typo makes a rule that never matches. */
import type { MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { OnEventOptions } from 'aws-cdk-lib/aws-events';
import type { ReasonCategory } from '../events/task-events';
import { ConfigurationError } from '../lambdas/poller/configuration-error';
import { reasonCategories } from '../lambdas/task-event';
import type { TaskPollerSettings } from './task-poller-settings';

type CatalogAndFamily = `${TaskPollerSettings['catalog']}/${NonNullable<TaskPollerSettings['taskFamily']>}`;

/** A source: catalog, task family and its name if it has one, such as `AWS/EngagementFromOpportunity/acme`. */
export type TaskSource = CatalogAndFamily | `${CatalogAndFamily}/${string}`;

/** Options of a rule of `onTask…`. `eventPattern` narrows it further. A `target` can also be added later. */
export interface TaskEventOptions extends OnEventOptions {
  /**
   * Only tasks of this source.
   * @default - all sources
   */
  readonly source?: TaskSource;
  /**
   * Whether the rule matches replayed events, from the table or from the bus's archive.
   * @default true
   */
  readonly replays?: boolean;
}

export interface FailedTaskEventOptions extends TaskEventOptions {
  /**
   * Only failures of these categories.
   * @default - all failures
   */
  readonly reasonCategories?: readonly ReasonCategory[];
  /**
   * Only failures with these reason codes.
   * @default - all failures
   */
  readonly reasonCodes?: readonly string[];
}

/** CloudWatch's options. The default `period` is 5 minutes, or the time between two polls if that is longer. */
export interface TaskPollerMetricOptions extends MetricOptions {
  /**
   * The metric of this source. Each source has its own.
   * @default - the first source
   */
  readonly source?: TaskSource;
}

/** Complete, because the compiler refuses a name that is missing. */
const names = <T>(keys: Record<keyof T, true>) => Object.keys(keys);

const ofEvents: Record<keyof TaskEventOptions, true> = {
  source: true,
  replays: true,
  target: true,
  description: true,
  eventPattern: true,
  ruleName: true,
  crossStackScope: true,
};
const eventOptions = names<TaskEventOptions>(ofEvents);
const failedEventOptions = names<FailedTaskEventOptions>({ ...ofEvents, reasonCategories: true, reasonCodes: true });
const metricOptions = names<TaskPollerMetricOptions>({
  source: true,
  period: true,
  statistic: true,
  unit: true,
  label: true,
  color: true,
  id: true,
  visible: true,
  account: true,
  region: true,
  stackAccount: true,
  stackRegion: true,
  dimensionsMap: true,
});

/** @throws ConfigurationError naming every option that is unknown or invalid */
export function checkEventOptions(where: string, options: FailedTaskEventOptions, hasReason: boolean): void {
  const { replays, reasonCategories: categories, reasonCodes } = options;
  const problems = unknownOptions(options, hasReason ? failedEventOptions : eventOptions);
  if (![undefined, true, false].includes(replays)) problems.push(invalid('replays', replays, 'true or false'));
  if (hasReason && !isListOf(categories, one => (reasonCategories as readonly unknown[]).includes(one)))
    problems.push(invalid('reasonCategories', categories, `a list of ${reasonCategories.join(', ')}`));
  if (hasReason && !isListOf(reasonCodes, one => typeof one === 'string' && one !== ''))
    problems.push(invalid('reasonCodes', reasonCodes, 'a list of reason codes'));
  if (problems.length > 0) throw new ConfigurationError(where, problems);
}

/** @throws ConfigurationError naming every option that is unknown */
export function checkMetricOptions(where: string, options: TaskPollerMetricOptions): void {
  const problems = unknownOptions(options, metricOptions);
  if (problems.length > 0) throw new ConfigurationError(where, problems);
}

function unknownOptions(options: object, allowed: readonly string[]): string[] {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given
    .filter(([key]) => !allowed.includes(key))
    .map(([key]) => `${key}: unknown option; allowed: ${allowed.join(', ')}`);
}

/** Undefined, or a list that EventBridge can match: an empty one matches nothing. */
const isListOf = (value: unknown, isItem: (one: unknown) => boolean) =>
  value === undefined || (Array.isArray(value) && value.length > 0 && value.every(isItem));

const invalid = (option: string, got: unknown, allowed: string) =>
  `${option}: got ${JSON.stringify(got)}, allowed: ${allowed}`;
