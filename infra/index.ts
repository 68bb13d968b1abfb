/** Exports of the package for CDK apps. `partner-central-task-poller/events` is for consumers of the events. */
export type { ReasonCategory } from '../events/task-events';
export { ConfigurationError } from '../lambdas/poller/configuration-error';
export type { FailedTaskEventOptions, TaskEventOptions, TaskPollerMetricOptions, TaskSource } from './method-options';
export { type DeadLetterQueues, PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from './task-poller';
export type { FurtherSource, SourceSettings, TaskPollerSettings } from './task-poller-settings';
