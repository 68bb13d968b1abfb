import type { Checkpoint, StoredCheckpoint } from './checkpoint';
import { MAX_GAPS } from './gaps';
import type { EpochMs } from './task';

/**
 * Whether a run begins an audit. A request made during an audit is answered by that audit. Before the first head there is
 * nothing to compare with. With eight gaps an audit would be merged with one and find no drift: the request waits.
 */
export function isAuditDue(stored: StoredCheckpoint): boolean {
  const { auditRequestedAt, watermark, gaps = [] } = stored;
  if (auditRequestedAt === undefined || watermark === undefined || gaps.length >= MAX_GAPS) return false;
  return !isAuditRequestMet(stored) && !gaps.some(gap => gap.driftBefore !== undefined);
}

/** Requests are compared with requests, since whoever asks has its own clock. Older releases did not store `auditRequestMet`. */
export function isAuditRequestMet({ auditRequestedAt, auditRequestMet, auditedAt }: StoredCheckpoint): boolean {
  if (auditRequestMet !== undefined) return auditRequestMet === auditRequestedAt;
  return (auditRequestedAt ?? -Infinity) <= (auditedAt ?? -Infinity);
}

/** Polls count as paused after this many poll intervals without a whole run. */
const PAUSE_IN_POLLS = 3;

interface Schedule {
  readonly now: EpochMs;
  readonly pollEveryMs: number;
  readonly auditEveryMs: number;
}

/**
 * Since when audits are due at the present interval. A pause in the polls moves it on, since no audit can finish in one.
 * A changed interval starts it anew. A time in the future was written while a clock was wrong.
 */
export function auditsExpectedSince(stored: StoredCheckpoint, { now, pollEveryMs, auditEveryMs }: Schedule): EpochMs {
  const { lastSuccessAt, auditsExpectedSince: since, auditedAt = -Infinity } = stored;
  if (since === undefined || lastSuccessAt === undefined || stored.auditEveryMs !== auditEveryMs) return now;
  const sinceLastSuccess = now - lastSuccessAt;
  const pause = sinceLastSuccess > PAUSE_IN_POLLS * pollEveryMs ? sinceLastSuccess : 0;
  return Math.min(now, pause === 0 ? since : Math.max(since, auditedAt) + pause);
}

/** Whether no audit has finished for 2.5 intervals. That tolerates one missed audit and one slow audit. */
export function isAuditOverdue({ auditedAt, auditsExpectedSince, auditEveryMs }: Checkpoint, now: EpochMs): boolean {
  if (auditsExpectedSince === undefined || auditEveryMs === undefined) return false;
  return now - Math.max(auditedAt ?? -Infinity, auditsExpectedSince) > 2.5 * auditEveryMs;
}
