import type { EpochMs } from './task';

/** A poll that was asked for begins this long after the last one began, so that a storm of requests stays cheap. */
export const REQUESTED_POLL_SPACING_MS = 3_000;

const SHORTEST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * The pause before the next follow. It grows with the age of the youngest running task: most tasks finish within
 * seconds, and a task that has been running for a minute will hardly finish in the next two seconds.
 *
 *   polls at the ages   0   2   4.3   7.1   10.2   13.9   18.3   23.3   29.2   36   44   53   64 …   seconds
 */
export function followPauseMs(ageMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS + ageMs / 6);
}

export interface AfterPoll {
  /** Started the last poll, and when. */
  readonly startedAt: EpochMs;
  readonly now: EpochMs;
  /** Somebody asked for another poll while this one was at work. */
  readonly pollRequested: boolean;
  /** Milliseconds since the youngest running task started; absent when none runs. */
  readonly youngestAgeMs?: number | undefined;
  /** Up to which age a task is followed. 0 switches following off. */
  readonly followMs: number;
}

/** @returns in how many milliseconds to poll again in the same invocation; undefined when the schedule is soon enough */
export function nextPollInMs({
  startedAt,
  now,
  pollRequested,
  youngestAgeMs,
  followMs,
}: AfterPoll): number | undefined {
  if (pollRequested) return Math.max(0, startedAt + REQUESTED_POLL_SPACING_MS - now);
  if (youngestAgeMs === undefined) return undefined;
  // If our clock is behind Partner Central's, a task may start in the future.
  const ageMs = Math.max(0, youngestAgeMs);
  return ageMs < followMs ? followPauseMs(ageMs) : undefined;
}
