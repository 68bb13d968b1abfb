import type { EpochMs } from './core/task';

/** An offset that is larger is not believed: then the Date of the answer is wrong, and not our clock. */
const MAX_OFFSET_MS = 45 * 86_400_000;

/** An offset that is larger is reported: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4-troubleshooting.html allows 5 minutes. */
export const REPORTED_OFFSET_MS = 30_000;

export type ServiceClock = ReturnType<typeof openServiceClock>;

/**
 * Partner Central's clock, as one run knows it. StartTime comes from that clock, so everything that is compared with a
 * StartTime has to be in its time too. Lease and deadline are in the time of our own clock.
 *
 * Each answer carries the service's date, in whole seconds. It was right at some moment between request and answer, which
 * bounds the offset from both sides. The offset stays as it is while it fits; otherwise it becomes the lower bound, since
 * a time that is too early only makes the run look further back.
 *
 * @param now our own clock
 * @param startedAt start of the run, by our own clock
 * @param offsetMs what the last run knew
 */
export function openServiceClock(now: () => EpochMs, startedAt: EpochMs, offsetMs = 0) {
  let offset = offsetMs;
  let isMeasured = false;
  return {
    /** How far Partner Central's clock is ahead of ours. */
    offsetMs: () => offset,
    /** Whether Partner Central has told its time in this run. */
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
      // Our own clock may have been put right since.
      const next = lowest <= 0 && highest >= 0 ? 0 : lowest;
      if (Math.abs(next) <= MAX_OFFSET_MS) offset = next;
    },
  };
}
