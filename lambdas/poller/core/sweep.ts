import type { EpochMs, ListedTask } from './task';

/** How far a listing may be out of order and still be trusted: StartTime is coarse, and Start and List differ by milliseconds. */
export const ORDER_TOLERANCE_MS = 60_000;

/** Where a newest-first sweep stands. */
export interface SweepPosition {
  /** The sweep ends below this start time. */
  readonly floor: EpochMs;
  /** Oldest start time met since the sweep was last resumed. */
  readonly lowest: EpochMs;
  /** Entries newer than this were dealt with before a cursor died; they are passed over. */
  readonly skipAbove?: EpochMs;
  /** The order was found wrong, so nothing but the end of the list ends the sweep. */
  readonly toTheEnd: boolean;
}

export interface ExaminedPage {
  /** Entries to deal with: at or above the floor, or without a start time. */
  readonly inRange: ListedTask[];
  readonly outOfOrder: boolean;
  /** Oldest start time met so far, this page included. */
  readonly lowest: EpochMs;
  readonly reachedFloor: boolean;
}

/**
 * Says what a page means for a newest-first sweep: which entries count, and whether the floor is reached.
 * @param mayDistrust whether an order found wrong now is to turn the sweep into one that goes to the end
 */
export function examinePage(
  position: SweepPosition,
  tasks: readonly ListedTask[],
  mayDistrust: boolean,
): ExaminedPage & Pick<SweepPosition, 'toTheEnd'> {
  let { lowest } = position;
  let outOfOrder = false;
  for (const { startTime } of tasks) {
    if (startTime === undefined) continue;
    if (startTime > lowest + ORDER_TOLERANCE_MS) outOfOrder = true;
    lowest = Math.min(lowest, startTime);
  }
  const toTheEnd = position.toTheEnd || (outOfOrder && mayDistrust);
  const ceiling = toTheEnd || position.skipAbove === undefined ? Infinity : position.skipAbove + ORDER_TOLERANCE_MS;
  const inRange = tasks.filter(
    ({ startTime }) => startTime === undefined || (startTime >= position.floor && startTime <= ceiling),
  );
  return {
    inRange,
    outOfOrder,
    lowest,
    toTheEnd,
    reachedFloor: !toTheEnd && lowest < position.floor - ORDER_TOLERANCE_MS,
  };
}
