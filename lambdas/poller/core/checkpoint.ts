import { coverBoth, type EligibilityWindow, newsRange } from './eligibility-window';
import type { EpochMs } from './task';
import { ROW_OUTLIVES_RETENTION_MS } from './task-row';

/** A token and the request it belongs to; with another request it means nothing. */
export interface Cursor {
  readonly token: string;
  readonly fingerprint: string;
}

/** A part of the list still to be swept: from where its sweep stands down to its floor. */
export interface Gap {
  readonly madeAt: EpochMs;
  readonly floor: EpochMs;
  /** A gap keeps what was news when it was made, however long it takes. */
  readonly news: EligibilityWindow;
  /** Fetches the next page; without it the gap starts at the top of the list. */
  readonly cursor?: Cursor;
  /** Everything at or above this start time has been dealt with. */
  readonly reached?: EpochMs;
  /** Cursors lost in a row without getting below `reached`. While there are any, the sweep is on its way back there. */
  readonly restarts?: number;
  /** Runs in a row that failed at the page which comes next. */
  readonly failures?: number;
  /** The order of the list was found wrong: only its end ends this gap. */
  readonly toTheEnd?: true;
  /** An audit: what it finds ended, unknown and older than this is drift. */
  readonly driftBefore?: EpochMs;
  /** Looks for tasks that were listed late, a few pages in each run. */
  readonly lookBack?: true;
  /** Ended tasks without a start time are history here: the gap was made before a whole head had been swept. */
  readonly undatedAreHistory?: true;
}

/**
 * What a source remembers from one run to the next. Moments are in Partner Central's time, unless it says otherwise:
 * nearly all of them are compared with a StartTime.
 */
export interface Checkpoint {
  /** The earliest moment since which events were ever asked for; what came after it was dealt with once. */
  readonly emitSince: EpochMs;
  readonly initialised: boolean;
  /** Start of the newest run whose head was swept, or handed over to a gap. */
  readonly watermark?: EpochMs;
  /** Tasks that were listed before this moment have been seen, or a gap is going to see them. */
  readonly lookedBackAt?: EpochMs;
  /** Start of the last run that looked at every unsettled row that was due. */
  readonly recheckedAt?: EpochMs;
  /** Stored because it is never lowered. */
  readonly emissionFloor: EpochMs;
  /** Newest first. */
  readonly gaps: readonly Gap[];
  /** Of whoever asked, by a clock of its own: it is compared with `auditRequestMet` only. */
  readonly auditRequestedAt?: EpochMs;
  /** The request that the last finished audit has met. */
  readonly auditRequestMet?: EpochMs;
  readonly auditedAt?: EpochMs;
  /** When a sweep last went on to the end because the order was wrong; not again before the next audit. */
  readonly distrustedAt?: EpochMs;
  readonly filters?: string;
  readonly lastSuccessAt?: EpochMs;
  /** Since when audits come as often as they do now; after a pause or with another rate, from then on. */
  readonly auditsExpectedSince?: EpochMs;
  readonly auditEveryMs?: number;
  /** Since when it is told that tasks stall; absent while that is switched off. */
  readonly tellStalledSince?: EpochMs;
  /** No head has been swept whole yet: ended tasks without a start time may be any piece of history. */
  readonly undatedAreHistory?: true;
  /** By which rows expire. */
  readonly retentionMs?: number;
  /** A retention that was shorter: rows written before `shorterRetentionUntil` expire by it. */
  readonly shorterRetentionMs?: number;
  readonly shorterRetentionUntil?: EpochMs;
  /** Since a record failed after its events were published, each record is tried before its events are. */
  readonly recordFailedAt?: EpochMs;
  /** The last run got nothing of the backlog: the next one begins with it. */
  readonly backlogWaited?: true;
  /** How far Partner Central's clock was ahead of ours; absent until it has answered. */
  readonly clockOffsetMs?: number;
}

/** The checkpoint as the table may have it: before the first run has finished, only `emitSince` is there. */
export type StoredCheckpoint = Pick<Checkpoint, 'emitSince'> &
  Partial<Checkpoint> & { readonly formatVersion?: unknown };

export interface OpeningTerms {
  readonly now: EpochMs;
  readonly retentionMs: number;
  readonly lookbackMs: number;
  /** As configured; undefined leaves what the first run set. */
  readonly emitSince?: EpochMs;
  /** Identifies the source's filters; the order of identifiers doesn't matter. */
  readonly filters: string;
  readonly pollEveryMs: number;
  readonly auditEveryMs: number;
  readonly tellStalled: boolean;
}

/**
 * The checkpoint a run works from: the emission floor raised, and the gaps added that configuration and audit ask for.
 * @returns also whether this run begins an audit
 */
export function openRun(kept: StoredCheckpoint, terms: OpeningTerms): { checkpoint: Checkpoint; auditBegins: boolean } {
  const { now, lookbackMs } = terms;
  const stored = withoutFutureTimes(kept, now);
  const emitSince = terms.emitSince ?? stored.emitSince;
  const retention = retentionInForce(stored, terms);
  const emissionFloor = raisedFloor(stored, emitSince, retention.shortestMs, terms);
  const filtersChanged = stored.filters !== undefined && stored.filters !== terms.filters;
  // Other filters may show tasks that ended long ago and have no start time.
  const undatedAreHistory = kept.watermark === undefined || filtersChanged || stored.undatedAreHistory === true;
  const marked = { undatedAreHistory: true } as const;
  const mark = (undatedAreHistory || mayBeHistory(stored)) && marked;
  let gaps = (stored.gaps ?? []).map(gap => withinRows(gap, now - retention.shortestMs - ROW_OUTLIVES_RETENTION_MS));

  if (emitSince < stored.emitSince) {
    // What came after the old moment was dealt with, up to the floor that is in force now; its rows may be gone.
    // Not where the stored floor lies ahead: what it silenced was not dealt with.
    const coveredTo = keptFloor(stored, now) === undefined ? stored.emitSince : emissionFloor;
    const news = newsRange(emitSince, stored.emitSince, coveredTo);
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
      // An audit sweeps all that a look back would.
      ...(auditBegins && { lookedBackAt: now }),
      ...(undatedAreHistory && marked),
      // Other filters may show tasks that run already and started long ago: learn them as a first run does.
      initialised: (stored.initialised ?? false) && !filtersChanged,
    },
    auditBegins,
  };
}

/** Whether there is a part of the list in which ended tasks without a start time are history, not yet swept. */
export const mayBeHistory = ({ undatedAreHistory, gaps = [] }: Pick<StoredCheckpoint, 'undatedAreHistory' | 'gaps'>) =>
  undatedAreHistory === true || gaps.some(gap => gap.undatedAreHistory);

/** Two readings of one clock may differ by this. */
const CLOCK_TOLERANCE_MS = 30_000;

/**
 * A moment that lies ahead was written while a clock was wrong. Kept, it would say for as long that there is nothing to
 * do. How far a head came that was swept then is unknown, so there is no watermark: the next head goes down to the
 * emission floor. A table from before `lookedBackAt` was looked back from by each head.
 */
function withoutFutureTimes(stored: StoredCheckpoint, now: EpochMs): StoredCheckpoint {
  const { watermark, lookedBackAt = watermark, recheckedAt, ...rest } = stored;
  const emitSince = rest.emitSince ?? rest.emissionFloor ?? watermark ?? now; // unreadable, in a damaged table
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
 * The row of an ended task expires a fixed time after it was written. After the retention was raised, rows from before
 * still expire by the shorter one: until the longer one reaches back no further than that, the shorter one counts.
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

/** Audits and look backs sweep what was dealt with before. Where rows may have expired, nothing tells that from news. */
function withinRows(gap: Gap, rowsSince: EpochMs): Gap {
  if (gap.driftBefore === undefined && !gap.lookBack) return gap;
  const { floor, news } = gap;
  const emissionFloor = Math.max(news.emissionFloor, rowsSince);
  return { ...gap, floor: Math.max(floor, rowsSince), news: { ...news, emissionFloor } };
}

/** Down to which start time everything that was listed in time has been seen, or a gap is going to see it. */
export function lookedBackDownTo(
  { watermark, lookedBackAt = watermark }: Pick<Checkpoint, 'watermark' | 'lookedBackAt'>,
  lookbackMs: number,
): EpochMs | undefined {
  if (watermark === undefined || lookedBackAt === undefined) return undefined;
  return Math.min(watermark, lookedBackAt) - lookbackMs;
}

/**
 * Never lowered, and not raised by mere time above what the heads have swept: what started after that has yet to be
 * looked at. A stored floor that lies ahead of us is the work of a clock that jumped or of a moment in the future
 * that was configured by mistake; kept, it would silence us until then.
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
  // After a pause so long that rows have expired, looking back would take for news what was published before it.
  const rowsSince = now - shortestMs - ROW_OUTLIVES_RETENTION_MS;
  const swept = (watermark ?? 0) < rowsSince ? watermark : lookedBackDownTo(stored, lookbackMs);
  const forgotten = swept === undefined ? -Infinity : Math.min(byTime, swept);
  return Math.max(keptFloor(stored, now) ?? -Infinity, emitSince, forgotten);
}

const keptFloor = ({ emissionFloor }: StoredCheckpoint, now: EpochMs) =>
  emissionFloor !== undefined && emissionFloor <= now ? emissionFloor : undefined;

/**
 * A request made while an audit is open is met by it. Before the first head there is nothing to compare with, and with
 * as many gaps as there may be an audit would be merged with one of them and tell nothing: the request waits.
 */
function isAuditDue(stored: StoredCheckpoint): boolean {
  const { auditRequestedAt, watermark, gaps = [] } = stored;
  if (auditRequestedAt === undefined || watermark === undefined || gaps.length >= MAX_GAPS) return false;
  return !isAuditRequestMet(stored) && !gaps.some(gap => gap.driftBefore !== undefined);
}

/** Whoever asks has a clock of its own, so a request is compared with requests. An older release stored none to compare. */
export function isAuditRequestMet({ auditRequestedAt, auditRequestMet, auditedAt }: StoredCheckpoint): boolean {
  if (auditRequestMet !== undefined) return auditRequestMet === auditRequestedAt;
  return (auditRequestedAt ?? -Infinity) <= (auditedAt ?? -Infinity);
}

/** What a head has to sweep. */
export interface HeadRange {
  /** Down to here it sweeps; a cut leaves the rest as a gap. */
  readonly floor: EpochMs;
  /** Down to here it deals with what its pages show below the floor. */
  readonly lookBackTo: EpochMs;
}

/** A head must not sweep again what earlier ones swept, or one that is always cut at the same depth gets no further. */
export function headRange(checkpoint: Checkpoint, lookbackMs: number): HeadRange {
  const { watermark, emissionFloor } = checkpoint;
  const floor = watermark ?? emissionFloor - lookbackMs;
  return { floor, lookBackTo: Math.min(floor, lookedBackDownTo(checkpoint, lookbackMs) ?? floor) };
}

/**
 * Notes a whole head. Where its pages did not reach so far back, a gap looks for what was listed late: one at a time, in
 * large pages, from the top of the list.
 * @param reachedLookBack whether its pages showed everything down to `lookBackTo`
 */
export function afterHead(
  checkpoint: Checkpoint,
  { lookBackTo }: HeadRange,
  startedAt: EpochMs,
  reachedLookBack: boolean,
): Checkpoint {
  const { undatedAreHistory: _, ...known } = checkpoint;
  const { gaps, emissionFloor } = known;
  if (reachedLookBack || known.watermark === undefined) return { ...known, lookedBackAt: startedAt };
  if (gaps.length >= MAX_GAPS || gaps.some(({ lookBack }) => lookBack)) return known;
  const lookBack: Gap = {
    madeAt: startedAt,
    floor: lookBackTo,
    news: { emissionFloor },
    lookBack: true,
    ...(mayBeHistory(checkpoint) && { undatedAreHistory: true }),
  };
  return { ...known, lookedBackAt: startedAt, gaps: addGap(gaps, lookBack) };
}

/** After so many poll periods without a whole run, somebody or something has paused the polls. */
const PAUSE_IN_POLLS = 3;

/**
 * Moves on over every pause, for no audit could finish in it. At another rate, what was expected before says nothing.
 * A moment that lies ahead of us is the work of a clock that jumped.
 */
function auditsExpectedSince(stored: StoredCheckpoint, { now, pollEveryMs, auditEveryMs }: OpeningTerms): EpochMs {
  const { lastSuccessAt, auditsExpectedSince: since, auditedAt = -Infinity } = stored;
  if (since === undefined || lastSuccessAt === undefined || stored.auditEveryMs !== auditEveryMs) return now;
  const sinceLastSuccess = now - lastSuccessAt;
  const pause = sinceLastSuccess > PAUSE_IN_POLLS * pollEveryMs ? sinceLastSuccess : 0;
  return Math.min(now, pause === 0 ? since : Math.max(since, auditedAt) + pause);
}

/**
 * Whether no audit has finished for more than two periods, though there should have been one in each: half a period more,
 * so that one that is missed, and the next that takes a little longer, trouble nobody.
 */
export function isAuditOverdue({ auditedAt, auditsExpectedSince, auditEveryMs }: Checkpoint, now: EpochMs): boolean {
  if (auditsExpectedSince === undefined || auditEveryMs === undefined) return false;
  return now - Math.max(auditedAt ?? -Infinity, auditsExpectedSince) > 2.5 * auditEveryMs;
}

/** Eight cursors of 2,048 characters keep the checkpoint small. */
export const MAX_GAPS = 8;

/** Adds the newest gap. More than eight: the two newest become one that covers both. */
export function addGap(gaps: readonly Gap[], gap: Gap): readonly Gap[] {
  const [next, ...older] = gaps;
  if (next === undefined || gaps.length < MAX_GAPS) return [gap, ...gaps];
  return [merged(gap, next), ...older];
}

/**
 * From where the newer one stands (or from the top) down to the lower floor; the rows keep what was published before
 * from being published again. An audit merged with a gap that was going to find older tasks can't tell drift any more:
 * it ends as an audit, and its request, still unmet, asks for another.
 */
function merged(newer: Gap, older: Gap): Gap {
  // A sweep to the end may stand anywhere, below its own floor even: the older one's part needs a start from the top.
  const { driftBefore: newerDrift, ...standing } = newer.toTheEnd ? dropCursor(newer, 'merged') : newer;
  const driftBefore =
    newerDrift !== undefined && older.floor >= newerDrift
      ? newerDrift
      : older.driftBefore !== undefined && newer.floor >= older.driftBefore
        ? older.driftBefore
        : undefined;
  return {
    ...standing,
    madeAt: older.madeAt,
    floor: Math.min(newer.floor, older.floor),
    news: coverBoth(newer.news, older.news),
    ...(older.toTheEnd && { toTheEnd: older.toTheEnd }),
    ...(older.undatedAreHistory && { undatedAreHistory: older.undatedAreHistory }),
    ...(driftBefore !== undefined && { driftBefore }),
  };
}

/**
 * Why a gap loses its cursor: Partner Central refuses it, or hands out the same one again; its page has failed too often;
 * it belongs to another request; the whole list is to be swept, with larger pages; the gap was merged with an older one.
 */
export type CursorLoss = 'refused' | 'repeated' | 'failing' | 'of another request' | 'for the whole list' | 'merged';

/** The gap without its cursor: it starts at the top of the list again. */
export function dropCursor(gap: Gap, why: CursorLoss): Gap {
  const { cursor: _, failures, ...standing } = gap;
  switch (why) {
    // What it has dealt with is passed over.
    case 'refused':
    case 'repeated':
    case 'failing':
      return { ...standing, restarts: (gap.restarts ?? 0) + 1 };
    // That is no fault of the list: it doesn't count as getting no further.
    case 'of another request':
      return { ...standing, ...(failures !== undefined && { failures }), restarts: 1 };
    // How far it came says nothing any more.
    case 'for the whole list':
    case 'merged': {
      const { reached: _, restarts: __, ...anew } = standing;
      return why === 'merged' ? anew : { ...anew, toTheEnd: true };
    }
  }
}

/** A page that fails in so many runs in a row is not waited for any longer: its cursor may be what is wrong with it. */
const FAILURES_BEFORE_RESTART = 3;

/** Something failed for now at the gap's next page. */
export function failed(gap: Gap): Gap {
  const failures = (gap.failures ?? 0) + 1;
  return failures >= FAILURES_BEFORE_RESTART && gap.cursor ? dropCursor(gap, 'failing') : { ...gap, failures };
}

/** Two lost cursors without progress: the list can't be got through, and a person should know. */
export const isStuck = (gap: Gap) => (gap.restarts ?? 0) >= 2;

/** After a page was dealt with: the cursor of the next page, and how far down the gap has come. */
export function advance(gap: Gap, cursor: Cursor, reached: EpochMs | undefined, toTheEnd: boolean): Gap {
  const { restarts, failures: _, ...rest } = gap;
  const cameLower = reached !== undefined && reached < (gap.reached ?? Infinity);
  return {
    ...rest,
    cursor,
    ...(cameLower ? { reached } : restarts !== undefined && { restarts }),
    ...(toTheEnd && { toTheEnd }),
  };
}

/**
 * Whether an ended task that the table doesn't know shows that something was overlooked: an audit found it, it is older
 * than what the heads had finished when the audit began, and no other gap was going to find it.
 */
export function isDrift(startTime: EpochMs | undefined, audit: Gap, gaps: readonly Gap[]): boolean {
  if (audit.driftBefore === undefined || startTime === undefined || startTime >= audit.driftBefore) return false;
  return !gaps.some(
    gap => gap.driftBefore === undefined && startTime >= gap.floor && startTime <= (gap.reached ?? Infinity),
  );
}

/** Whether one of the gaps is gone, or came further down. */
export function gotSmaller(before: readonly Gap[], after: readonly Gap[]): boolean {
  return before.some(gap => {
    const now = after.find(({ madeAt, floor }) => madeAt === gap.madeAt && floor === gap.floor);
    return now === undefined || (now.reached ?? Infinity) < (gap.reached ?? Infinity);
  });
}

/** At most one sweep goes to the end of the list between two audits; its cost is the whole history. */
export const mayDistrustOrder = ({ distrustedAt, auditedAt }: Pick<Checkpoint, 'distrustedAt' | 'auditedAt'>) =>
  distrustedAt === undefined || (auditedAt !== undefined && auditedAt > distrustedAt);
