import type { EpochMs } from './core/task';

/** A larger offset is ignored: then the Date of the answer is wrong, not our clock. */
const MAX_OFFSET_MS = 45 * 86_400_000;

/** A larger offset is reported: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-troubleshooting.html allows 5 minutes. */
export const REPORTED_OFFSET_MS = 30_000;

export type ServiceClock = ReturnType<typeof openServiceClock>;

/**
 * Partner Central's clock, as measured in one run. StartTime comes from that clock, so everything that is compared with a
 * StartTime must be in its time. Lease and deadline are in our own time.
 *
 * Each answer carries the service's date, in whole seconds. It was right at some moment between request and answer, which
 * bounds the offset from both sides. The offset stays as it is while it fits; otherwise it becomes the lower bound, since
 * a time that is too early only makes the run look further back.
 *
 * @param now our own clock
 * @param startedAt start of the run, by our own clock
 * @param offsetMs as the last run measured it
 */
export function openServiceClock(now: () => EpochMs, startedAt: EpochMs, offsetMs = 0) {
  let offset = offsetMs;
  let isMeasured = false;
  return {
    /** How far Partner Central's clock is ahead of ours. */
    offsetMs: () => offset,
    /** Whether an answer of this run carried a date. */
    isMeasured: () => isMeasured,
    now: () => now() + offset,
    startedAt: () => startedAt + offset,

    /** @param date the Date of an answer; `askedAt` and `answeredAt` by our own clock */
    observe(date: string | undefined, askedAt: EpochMs, answeredAt: EpochMs): void {
      const second = Date.parse(date ?? '');
      if (Number.isNaN(second)) return;
      isMeasured = true;
      const lowest = second - answeredAt;
      const highest = second + 1_000 - askedAt;
      if (offset >= lowest && offset <= highest) return;
      // Our own clock may have been corrected since.
      const next = lowest <= 0 && highest >= 0 ? 0 : lowest;
      if (Math.abs(next) <= MAX_OFFSET_MS) offset = next;
    },
  };
}
