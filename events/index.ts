/** `partner-central-task-poller/events`, for consumers of the events. See docs/events.md. */
export {
  DEFAULT_EVENT_SOURCE,
  TASK_COMPLETED,
  TASK_FAILED,
  TASK_STALLED,
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
} from './task-events';
