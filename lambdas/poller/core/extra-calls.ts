import type { EpochMs } from './task';

/** List calls that follows and nudges made on one day. */
export interface ExtraCalls {
  /** UTC, such as 2026-11-28. */
  readonly day: string;
  readonly made: number;
}

/** What the checkpoint has of them. */
export interface StoredExtraCalls {
  readonly extraCalls?: ExtraCalls;
  /** By runs that have taken the lease and have not finished. */
  readonly extraCallsReserved?: number;
}

/**
 * The calls of the day so far. A run that died may have made all that it reserved, so its reservation counts.
 * @param ownReservation part of the stored reservations that belongs to the run that asks
 */
export function extraCallsOfToday(
  { extraCalls, extraCallsReserved = 0 }: StoredExtraCalls,
  now: EpochMs,
  ownReservation: number,
): ExtraCalls {
  const day = new Date(now).toISOString().slice(0, 10);
  // A stored day in the future comes from a clock that jumped. Its calls count today, so that a jump frees nothing.
  const before = extraCalls !== undefined && extraCalls.day >= day ? extraCalls.made : 0;
  return { day, made: before + Math.max(0, extraCallsReserved - ownReservation) };
}
