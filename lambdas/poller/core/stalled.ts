import { type EpochMs, isTerminal } from './task';

/** What is known of an unsettled task without reading its row. */
export interface Watched {
  readonly status: string;
  readonly startTime?: EpochMs;
  /** When its TaskStalled event was published. */
  readonly stalledAt?: EpochMs;
  /** It is no longer listed, so it may not be running at all. */
  readonly missing?: boolean;
  /** Why it is quarantined: EventBridge refuses its event, or Partner Central refuses to look it up. */
  readonly lastError?: string;
}

export interface StallRules {
  readonly now: EpochMs;
  readonly stalledAfterMs: number;
  /** Tasks that started before this are ignored. */
  readonly emitSince: EpochMs;
}

/** Whether a task has been running for too long. Without a start time nobody can tell, so it never counts. */
export function isStalled({ status, startTime, missing }: Watched, { now, stalledAfterMs, emitSince }: StallRules) {
  if (isTerminal(status) || missing || startTime === undefined || startTime < emitSince) return false;
  return startTime + stalledAfterMs <= now;
}

/**
 * Whether a TaskStalled event is due: one for each task, and none for a task that had stalled before they were switched on.
 * @param since when they were switched on
 */
export const isReportable = (task: Watched, rules: StallRules, since: EpochMs) =>
  isStalled(task, rules) && task.stalledAt === undefined && (task.startTime ?? 0) + rules.stalledAfterMs >= since;
