import { auditsExpectedSince, isAuditDue } from './audits';
import type { Checkpoint, Gap, StoredCheckpoint } from './checkpoint';
import { eligibilityWindow } from './eligibility-window';
import { addGap, mayBeHistory } from './gaps';
import { lookedBackDownTo } from './head-range';
import type { EpochMs } from './task';
import { ROW_OUTLIVES_RETENTION_MS } from './task-row';

/** The settings that a checkpoint depends on, and the time. */
export interface OpeningTerms {
  readonly now: EpochMs;
  readonly retentionMs: number;
  readonly lookbackMs: number;
  /** As configured. Without it, the stored one stays. */
  readonly emitSince?: EpochMs;
  /** Identifies the source's filters; the order of identifiers doesn't matter. */
  readonly filters: string;
  readonly pollEveryMs: number;
  readonly auditEveryMs: number;
  readonly tellStalled: boolean;
}

/** The checkpoint that a run starts from, and whether the run begins an audit. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly auditBegins: boolean;
}

/** Raises the emission floor, and adds the gaps that changed settings and a requested audit call for. */
export function openCheckpoint(kept: StoredCheckpoint, terms: OpeningTerms): OpenedCheckpoint {
  const { now, lookbackMs } = terms;
  const stored = withoutFutureTimes(kept, now);
  const emitSince = terms.emitSince ?? stored.emitSince;
  const retention = retentionInForce(stored, terms);
  const emissionFloor = raisedFloor(stored, emitSince, retention.shortestMs, terms);
  const filtersChanged = stored.filters !== undefined && stored.filters !== terms.filters;
  // New filters may show tasks that finished long ago and have no start time.
  const undatedAreHistory = kept.watermark === undefined || filtersChanged || stored.undatedAreHistory === true;
  const marked = { undatedAreHistory: true } as const;
  const mark = (undatedAreHistory || mayBeHistory(stored)) && marked;
  let gaps = (stored.gaps ?? []).map(gap => withinRows(gap, now - retention.shortestMs - ROW_OUTLIVES_RETENTION_MS));

  if (emitSince < stored.emitSince) {
    // Between the old `emitSince` and the present floor everything was processed, and its rows may have expired. If the
    // stored floor lies in the future, what it held back was not processed.
    const coveredTo = keptFloor(stored, now) === undefined ? stored.emitSince : emissionFloor;
    const news = eligibilityWindow(emitSince, stored.emitSince, coveredTo);
    gaps = [...addGap(gaps, { madeAt: now, floor: emitSince, news, ...mark })];
  }
  if (filtersChanged) gaps = [...addGap(gaps, { madeAt: now, floor: emissionFloor, news: { emissionFloor }, ...mark })];

  const auditBegins = isAuditDue(stored);
  if (auditBegins) {
    const driftBefore = (lookedBackDownTo(stored, lookbackMs) ?? emissionFloor) as EpochMs;
    gaps = [...addGap(gaps, { madeAt: now, floor: emissionFloor, news: { emissionFloor }, driftBefore, ...mark })];
  }
  const { formatVersion: _, tellStalledSince, undatedAreHistory: __, ...remembered } = stored;
  const { shorterRetentionMs: ___, shorterRetentionUntil: ____, ...rest } = remembered;
  return {
    checkpoint: {
      ...rest,
      ...(terms.tellStalled && { tellStalledSince: Math.min(tellStalledSince ?? now, now) }),
      auditsExpectedSince: auditsExpectedSince(stored, terms),
      auditEveryMs: terms.auditEveryMs,
      emitSince: Math.min(emitSince, stored.emitSince),
      emissionFloor,
      gaps,
      filters: terms.filters,
      retentionMs: terms.retentionMs,
      ...retention.shorter,
      // An audit covers what a look back would.
      ...(auditBegins && { lookedBackAt: now }),
      ...(undatedAreHistory && marked),
      // New filters may show tasks that have been running for long: learn them as in a first run.
      initialised: (stored.initialised ?? false) && !filtersChanged,
    },
    auditBegins,
  };
}

/** Two readings of one clock may differ by this much. */
const CLOCK_TOLERANCE_MS = 30_000;

/**
 * A stored time in the future was written while a clock was wrong. Until then, it would say that there is nothing to do.
 * Nobody knows how far the head of that run came, so the watermark is dropped, and the next head goes down to the
 * emission floor. Releases before `lookedBackAt` looked back in each head.
 */
function withoutFutureTimes(stored: StoredCheckpoint, now: EpochMs): StoredCheckpoint {
  const { watermark, lookedBackAt = watermark, recheckedAt, ...rest } = stored;
  const emitSince = rest.emitSince ?? rest.emissionFloor ?? watermark ?? now; // unreadable in a damaged table
  const isKnown = (at: EpochMs | undefined): at is EpochMs => at !== undefined && at <= now + CLOCK_TOLERANCE_MS;
  const past = <K extends 'auditedAt' | 'lastSuccessAt' | 'distrustedAt' | 'recordFailedAt'>(name: K) =>
    rest[name] === undefined ? {} : { [name]: Math.min(rest[name], now) };
  return {
    ...rest,
    emitSince: Math.min(emitSince, now),
    ...past('auditedAt'),
    ...past('lastSuccessAt'),
    ...past('distrustedAt'),
    ...past('recordFailedAt'),
    ...(isKnown(watermark) && { watermark: Math.min(watermark, now) }),
    ...(isKnown(watermark) && isKnown(lookedBackAt) && { lookedBackAt: Math.min(lookedBackAt, now) }),
    ...(recheckedAt !== undefined && recheckedAt <= now && { recheckedAt }),
  };
}

/**
 * A row expires by the retention that was in force when it was written. After the retention was raised, the shorter one
 * counts until the longer one reaches back no further than the change.
 */
function retentionInForce(stored: StoredCheckpoint, { now, retentionMs }: OpeningTerms) {
  const { retentionMs: last = retentionMs, shorterRetentionMs, shorterRetentionUntil } = stored;
  const wasRaised = last < retentionMs;
  const until = wasRaised ? now : shorterRetentionUntil;
  const shorterMs = wasRaised ? Math.min(last, shorterRetentionMs ?? last) : shorterRetentionMs;
  if (until === undefined || shorterMs === undefined || now - retentionMs >= until) return { shortestMs: retentionMs };
  return {
    shortestMs: Math.min(retentionMs, shorterMs),
    shorter: { shorterRetentionMs: shorterMs, shorterRetentionUntil: until },
  };
}

/** Audits and look backs sweep what was processed before. Where its rows may have expired, they would publish it again. */
function withinRows(gap: Gap, rowsSince: EpochMs): Gap {
  if (gap.driftBefore === undefined && !gap.lookBack) return gap;
  const { floor, news } = gap;
  const emissionFloor = Math.max(news.emissionFloor, rowsSince);
  return { ...gap, floor: Math.max(floor, rowsSince), news: { ...news, emissionFloor } };
}

/**
 * The emission floor. It never falls. Time alone does not raise it above what the heads have swept, since what started
 * after that was not looked at yet. A stored floor in the future comes from a clock that jumped, or from an `emitSince`
 * in the future: kept, it would hold back every event until then.
 */
function raisedFloor(
  stored: StoredCheckpoint,
  emitSince: EpochMs,
  shortestMs: number,
  { now, retentionMs, lookbackMs }: OpeningTerms,
): EpochMs {
  const { watermark, shorterRetentionUntil = now } = stored;
  const byShorter = shortestMs < retentionMs ? Math.min(now - shortestMs, shorterRetentionUntil) : -Infinity;
  const byTime = Math.max(now - retentionMs, byShorter);
  // After a pause in which rows have expired, looking back would publish again what was published before the pause.
  const rowsSince = now - shortestMs - ROW_OUTLIVES_RETENTION_MS;
  const swept = (watermark ?? 0) < rowsSince ? watermark : lookedBackDownTo(stored, lookbackMs);
  const forgotten = swept === undefined ? -Infinity : Math.min(byTime, swept);
  return Math.max(keptFloor(stored, now) ?? -Infinity, emitSince, forgotten);
}

const keptFloor = ({ emissionFloor }: StoredCheckpoint, now: EpochMs) =>
  emissionFloor !== undefined && emissionFloor <= now ? emissionFloor : undefined;
