/** What EventBridge and a rule see beside an event's detail. */
export const TASK_COMPLETED = 'TaskCompleted';
export const TASK_FAILED = 'TaskFailed';
/** Only where `taskStalledEvents` is on. */
export const TASK_STALLED = 'TaskStalled';
export type TaskDetailType = typeof TASK_COMPLETED | typeof TASK_FAILED | typeof TASK_STALLED;

/** Source of the events, unless configured. EventBridge reserves those that begin with `aws.`. */
export const DEFAULT_EVENT_SOURCE = 'partnercentral.task-poller';
