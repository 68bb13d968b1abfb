/** Detail types and source of the events, for rules. */
export const TASK_COMPLETED = 'TaskCompleted';
export const TASK_FAILED = 'TaskFailed';
/** Only where `taskStalledEvents` is on. */
export const TASK_STALLED = 'TaskStalled';
/** Not of the poller: whoever starts a task announces it, and the poller looks at once. */
export const TASK_STARTED = 'TaskStarted';
export type TaskDetailType = typeof TASK_COMPLETED | typeof TASK_FAILED | typeof TASK_STALLED;

/** Default source of the events. EventBridge reserves sources that begin with `aws.`. */
export const DEFAULT_EVENT_SOURCE = 'partnercentral.task-poller';
/** Default source of `TaskStarted`. */
export const DEFAULT_STARTER_SOURCE = 'partnercentral.task-starter';
