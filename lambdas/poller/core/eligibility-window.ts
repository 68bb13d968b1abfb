import type { EpochMs } from './task';

/**
 * Which finished tasks without a row may be published, by start time: those at or after the emission floor, except for a
 * covered span, which was processed long ago and whose rows may have expired.
 */
export interface EligibilityWindow {
  readonly emissionFloor: EpochMs;
  /** From (inclusive) and to (exclusive), at or after the emission floor. */
  readonly coveredFrom?: EpochMs;
  readonly coveredTo?: EpochMs;
}

export function isEligible(startTime: EpochMs, { emissionFloor, coveredFrom, coveredTo }: EligibilityWindow): boolean {
  const isCovered =
    coveredFrom !== undefined && coveredTo !== undefined && startTime >= coveredFrom && startTime < coveredTo;
  return startTime >= emissionFloor && !isCovered;
}

/** A window with a covered span; an empty span is left out. */
export function eligibilityWindow(emissionFloor: EpochMs, coveredFrom: EpochMs, coveredTo: EpochMs): EligibilityWindow {
  return coveredFrom < coveredTo ? { emissionFloor, coveredFrom, coveredTo } : { emissionFloor };
}

/** The union of two windows. If it is not one span with one hole, it is widened: a duplicate beats a loss. */
export function coverBoth(a: EligibilityWindow, b: EligibilityWindow): EligibilityWindow {
  const floor = Math.min(a.emissionFloor, b.emissionFloor);
  const [holeA, holeB] = [hole(a), hole(b)];
  if (holeA && holeB) return eligibilityWindow(floor, Math.max(holeA.from, holeB.from), Math.min(holeA.to, holeB.to));
  if (holeA) return eligibilityWindow(floor, holeA.from, Math.min(holeA.to, b.emissionFloor));
  if (holeB) return eligibilityWindow(floor, holeB.from, Math.min(holeB.to, a.emissionFloor));
  return { emissionFloor: floor };
}

const hole = ({ coveredFrom: from, coveredTo: to }: EligibilityWindow) =>
  from === undefined || to === undefined ? undefined : { from, to };
