/** Detail types and source of the events, for rules. */
export const TASK_COMPLETED = 'TaskCompleted';
export const TASK_FAILED = 'TaskFailed';
/** Only where `taskStalledEvents` is on. */
export const TASK_STALLED = 'TaskStalled';
export type TaskDetailType = typeof TASK_COMPLETED | typeof TASK_FAILED | typeof TASK_STALLED;

/** Default source of the events. EventBridge reserves sources that begin with `aws.`. */
export const DEFAULT_EVENT_SOURCE = 'partnercentral.task-poller';
