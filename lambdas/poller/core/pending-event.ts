import type { TaskRow } from './task-row';

/** An event to be published, and the row to be written once EventBridge has accepted it. */
export type PendingEvent = FinishedTask | StalledTask;

export interface FinishedTask {
  readonly what: 'ended';
  /** Settled. */
  readonly row: TaskRow;
  /** Refusals by EventBridge in earlier runs. */
  readonly attempts: number;
  /** An audit found it, and the polls had missed it. */
  readonly isDrift: boolean;
}

export interface StalledTask {
  readonly what: 'stalled';
  /** Unsettled, with `stalledAt`. */
  readonly row: TaskRow;
}
