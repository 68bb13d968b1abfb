/** `partner-central-task-poller/wait`, for whoever has started a task and needs its outcome. */
export type { ReasonCategory } from '../events/task-events';
export type { TaskFamily } from '../lambdas/poller/task-families';
export { TaskHasFailed, TaskLookUpFailed, type TaskSummary, TaskTookTooLong } from './task-errors';
export { type ListingClient, type WaitForTaskOptions, waitForTask } from './wait-for-task';
