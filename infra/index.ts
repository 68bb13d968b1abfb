/** What the package offers to CDK apps; `partner-central-task-poller/events` is for those who read the events. */
export {
  type DeadLetterQueues,
  type FailedTaskEventOptions,
  PartnerCentralTaskPoller,
  type PartnerCentralTaskPollerProps,
  type TaskEventOptions,
  type TaskPollerMetricOptions,
  type TaskSource,
} from './task-poller';
export type { FurtherSource, ReasonCategory, TaskPollerSettings } from './task-poller-settings';
