import type { EpochMs } from './task';

/**
 * Which tasks are news when they are first seen ended, by when they started: those at or after the emission floor, but
 * for a span that was dealt with long ago and whose rows may have expired since.
 */
export interface EligibilityWindow {
  readonly emissionFloor: EpochMs;
  /** From (inclusive) and to (exclusive); begins at or after the emission floor. */
  readonly coveredFrom?: EpochMs;
  readonly coveredTo?: EpochMs;
}

export function isEligible(startTime: EpochMs, { emissionFloor, coveredFrom, coveredTo }: EligibilityWindow): boolean {
  const isCovered =
    coveredFrom !== undefined && coveredTo !== undefined && startTime >= coveredFrom && startTime < coveredTo;
  return startTime >= emissionFloor && !isCovered;
}

/** A range with a covered span, or without one where that would be empty. */
export function newsRange(emissionFloor: EpochMs, coveredFrom: EpochMs, coveredTo: EpochMs): EligibilityWindow {
  return coveredFrom < coveredTo ? { emissionFloor, coveredFrom, coveredTo } : { emissionFloor };
}

/** All that is news to either. Where that is not one span with one hole, rather a repeat than a loss. */
export function coverBoth(a: EligibilityWindow, b: EligibilityWindow): EligibilityWindow {
  const emissionFloor = Math.min(a.emissionFloor, b.emissionFloor);
  const [holeA, holeB] = [hole(a), hole(b)];
  if (holeA && holeB) return newsRange(emissionFloor, Math.max(holeA.from, holeB.from), Math.min(holeA.to, holeB.to));
  if (holeA) return newsRange(emissionFloor, holeA.from, Math.min(holeA.to, b.emissionFloor));
  if (holeB) return newsRange(emissionFloor, holeB.from, Math.min(holeB.to, a.emissionFloor));
  return { emissionFloor };
}

const hole = ({ coveredFrom: from, coveredTo: to }: EligibilityWindow) =>
  from === undefined || to === undefined ? undefined : { from, to };
