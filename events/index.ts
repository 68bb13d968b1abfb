/** `partner-central-task-poller/events`, for consumers of the events. See docs/events.md. */
export {
  DEFAULT_EVENT_SOURCE,
  DEFAULT_STARTER_SOURCE,
  TASK_COMPLETED,
  TASK_FAILED,
  TASK_STALLED,
  TASK_STARTED,
  type TaskDetailType,
} from '../lambdas/event-names';
export { NotATaskEvent, type Problem, parseTaskEvent } from './parse-task-event';
export type {
  EventEnvelope,
  ReasonCategory,
  TaskCompleted,
  TaskCompletedDetail,
  TaskEvent,
  TaskFailed,
  TaskFailedDetail,
  TaskStalled,
  TaskStalledDetail,
  TaskStarted,
  TaskStartedDetail,
} from './task-events';
export { type TaskStartedEntry, type TaskStartedOptions, taskStartedEntry } from './task-started';
