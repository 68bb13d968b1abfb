import type { Checkpoint, Cursor, Gap, StoredCheckpoint } from './checkpoint';
import { coverBoth } from './eligibility-window';
import type { EpochMs } from './task';

/** Eight cursors of 2,048 characters keep the checkpoint small. */
export const MAX_GAPS = 8;

/** Adds the newest gap. With more than eight, the two newest become one. */
export function addGap(gaps: readonly Gap[], gap: Gap): readonly Gap[] {
  const [next, ...older] = gaps;
  if (next === undefined || gaps.length < MAX_GAPS) return [gap, ...gaps];
  return [merged(gap, next), ...older];
}

/**
 * One gap for two: from the place of the newer one, or from the top, down to the lower floor. Rows keep what was
 * published from being published again. An audit that is merged with a gap that reaches further back can't tell drift
 * any more: it ends as an audit, and its request asks for another.
 */
function merged(newer: Gap, older: Gap): Gap {
  // A sweep to the end may be anywhere, even below its own floor. For the older gap it has to start from the top.
  const { driftBefore: newerDrift, ...place } = newer.toTheEnd ? dropCursor(newer, 'merged') : newer;
  const driftBefore =
    newerDrift !== undefined && older.floor >= newerDrift
      ? newerDrift
      : older.driftBefore !== undefined && newer.floor >= older.driftBefore
        ? older.driftBefore
        : undefined;
  return {
    ...place,
    madeAt: older.madeAt,
    floor: Math.min(newer.floor, older.floor),
    news: coverBoth(newer.news, older.news),
    ...(older.toTheEnd && { toTheEnd: older.toTheEnd }),
    ...(older.undatedAreHistory && { undatedAreHistory: older.undatedAreHistory }),
    ...(driftBefore !== undefined && { driftBefore }),
  };
}

/**
 * Why a gap loses its cursor: Partner Central refuses it or returned it twice; its page failed too often; it belongs to
 * another request; the whole list is to be swept in larger pages; the gap is merged with an older one.
 */
export type CursorLoss = 'refused' | 'repeated' | 'failing' | 'of another request' | 'for the whole list' | 'merged';

/** The gap without its cursor. It starts at the top of the list again. */
export function dropCursor(gap: Gap, why: CursorLoss): Gap {
  const { cursor: _, failures, ...place } = gap;
  switch (why) {
    // The sweep passes over what it has processed.
    case 'refused':
    case 'repeated':
    case 'failing':
      return { ...place, restarts: (gap.restarts ?? 0) + 1 };
    // Not a fault of the list, so it doesn't count as a loop.
    case 'of another request':
      return { ...place, ...(failures !== undefined && { failures }), restarts: 1 };
    // `reached` is worthless now.
    case 'for the whole list':
    case 'merged': {
      const { reached: _, restarts: __, ...anew } = place;
      return why === 'merged' ? anew : { ...anew, toTheEnd: true };
    }
  }
}

/** After this many failures in a row at one page, the cursor itself may be what fails. */
const FAILURES_BEFORE_RESTART = 3;

/** The gap after a transient failure at its next page. */
export function failed(gap: Gap): Gap {
  const failures = (gap.failures ?? 0) + 1;
  return failures >= FAILURES_BEFORE_RESTART && gap.cursor ? dropCursor(gap, 'failing') : { ...gap, failures };
}

/** Two lost cursors without progress: the sweep can't get through the list, and a person should know. */
export const isStuck = (gap: Gap) => (gap.restarts ?? 0) >= 2;

/** The gap after a processed page. @param reached how far down the page went */
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
 * Whether a finished task without a row was missed: an audit found it, it started before what the heads had swept when
 * the audit began, and no other gap was going to find it.
 */
export function isDrift(startTime: EpochMs | undefined, audit: Gap, gaps: readonly Gap[]): boolean {
  if (audit.driftBefore === undefined || startTime === undefined || startTime >= audit.driftBefore) return false;
  return !gaps.some(
    gap => gap.driftBefore === undefined && startTime >= gap.floor && startTime <= (gap.reached ?? Infinity),
  );
}

/** Whether one of the gaps is gone, or got further down. */
export function gotSmaller(before: readonly Gap[], after: readonly Gap[]): boolean {
  return before.some(gap => {
    const now = after.find(({ madeAt, floor }) => madeAt === gap.madeAt && floor === gap.floor);
    return now === undefined || (now.reached ?? Infinity) < (gap.reached ?? Infinity);
  });
}

/** Whether finished tasks without a start time are history in a part of the list that is not swept yet. */
export const mayBeHistory = ({ undatedAreHistory, gaps = [] }: Pick<StoredCheckpoint, 'undatedAreHistory' | 'gaps'>) =>
  undatedAreHistory === true || gaps.some(gap => gap.undatedAreHistory);

/** At most one sweep goes to the end of the list between two audits. It costs as much as the whole history. */
export const mayDistrustOrder = ({ distrustedAt, auditedAt }: Pick<Checkpoint, 'distrustedAt' | 'auditedAt'>) =>
  distrustedAt === undefined || (auditedAt !== undefined && auditedAt > distrustedAt);
