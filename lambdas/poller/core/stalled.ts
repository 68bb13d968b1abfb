import { type EpochMs, isTerminal } from './task';

/** What is known of an unsettled task without reading its row. */
export interface Watched {
  readonly status: string;
  readonly startTime?: EpochMs;
  /** When it was told that the task stalls. */
  readonly stalledAt?: EpochMs;
  /** It is no longer listed: nobody knows whether it runs. */
  readonly missing?: boolean;
  /** Why it is set aside: EventBridge refuses its event, or Partner Central to look it up. */
  readonly lastError?: string;
}

export interface StallRules {
  readonly now: EpochMs;
  readonly stalledAfterMs: number;
  /** Tasks that started before this are none of our business. */
  readonly emitSince: EpochMs;
}

/**
 * Whether a task has been running for too long. One without a start time never has: nothing tells how long it has been
 * running.
 */
export function isStalled({ status, startTime, missing }: Watched, { now, stalledAfterMs, emitSince }: StallRules) {
  if (isTerminal(status) || missing || startTime === undefined || startTime < emitSince) return false;
  return startTime + stalledAfterMs <= now;
}

/**
 * Whether it is to be told that a task stalls: once a task, and not for one that stalled before anybody wanted to know.
 * @param since when the telling was switched on
 */
export const isReportable = (task: Watched, rules: StallRules, since: EpochMs) =>
  isStalled(task, rules) && task.stalledAt === undefined && (task.startTime ?? 0) + rules.stalledAfterMs >= since;
