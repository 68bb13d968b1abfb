import { type EpochMs, isTerminal, type ListedTask } from './task';

/** How far a listing may be out of order and still be trusted: StartTime is coarse, and Start and List differ by milliseconds. */
export const ORDER_TOLERANCE_MS = 60_000;

/** Where a newest-first sweep stands. */
export interface SweepPosition {
  /** Entries that started at or after this are dealt with. */
  readonly floor: EpochMs;
  /** And those that started at or after this, where the page happens to show them. */
  readonly alsoDownTo?: EpochMs | undefined;
  /** The sweep ends where the list gets below this start time. */
  readonly endsBelow: EpochMs;
  /** Oldest start time met since the sweep was last resumed. */
  readonly lowest: EpochMs;
  /** The last two start times met since then, the latest one last. One entry may be out of place; two tell where the sweep stands. */
  readonly lastTwo: readonly EpochMs[];
  /** Entries newer than this were dealt with before a cursor died; they are passed over. */
  readonly skipAbove?: EpochMs;
  /** The order was found wrong, so nothing but the end of the list ends the sweep. */
  readonly toTheEnd: boolean;
}

export interface ExaminedPage {
  /** Entries to deal with. */
  readonly inRange: ListedTask[];
  /** Of these, the ones without a start time that stand below the floor. */
  readonly undatedBelow: ReadonlySet<ListedTask>;
  readonly outOfOrder: boolean;
  /** Where the sweep stands after this page. */
  readonly lowest: EpochMs;
  readonly lastTwo: readonly EpochMs[];
  readonly toTheEnd: boolean;
  /** Everything that started at or after this has been listed, as far as the order can be trusted. */
  readonly reached?: EpochMs;
  readonly isAtEnd: boolean;
}

/**
 * Says what a page means for a newest-first sweep: which entries count, and whether the sweep is at its end.
 *
 * An old entry that is always listed first, or last on each page, must neither end a sweep nor make it believe that it
 * is further down than it is. So two entries in a row have to be below the end; on a page that is out of order, all of
 * them.
 * @param mayDistrust whether an order found wrong now is to turn the sweep into one that goes to the end
 */
export function examinePage(position: SweepPosition, tasks: readonly ListedTask[], mayDistrust: boolean): ExaminedPage {
  let { lowest } = position;
  let lastTwo = position.lastTwo;
  let highest = -Infinity;
  let outOfOrder = false;
  const lowestTaken = Math.min(position.floor, position.alsoDownTo ?? position.floor);
  const belongs = new Set<ListedTask>();
  const undatedBelow = new Set<ListedTask>();
  for (const task of tasks) {
    const { startTime } = task;
    if (startTime === undefined) {
      // It started before those above it. A running one is watched, whenever it started.
      const startedBy = lastTwo.length < 2 ? Infinity : Math.max(...lastTwo);
      if (!isTerminal(task.status) || startedBy >= lowestTaken) belongs.add(task);
      if (startedBy < position.floor) undatedBelow.add(task);
      continue;
    }
    if (startTime > lowest + ORDER_TOLERANCE_MS) outOfOrder = true;
    lowest = Math.min(lowest, startTime);
    highest = Math.max(highest, startTime);
    lastTwo = [...lastTwo, startTime].slice(-2);
    if (startTime >= lowestTaken) belongs.add(task);
  }
  const toTheEnd = position.toTheEnd || (outOfOrder && mayDistrust);
  const ceiling = toTheEnd || position.skipAbove === undefined ? Infinity : position.skipAbove + ORDER_TOLERANCE_MS;
  const isKnown = lastTwo.length === 2 && highest > -Infinity;
  const reached = !isKnown ? undefined : outOfOrder ? highest : Math.max(...lastTwo);
  return {
    inRange: tasks.filter(task => belongs.has(task) && (task.startTime === undefined || task.startTime <= ceiling)),
    undatedBelow,
    outOfOrder,
    lowest,
    lastTwo,
    toTheEnd,
    ...(reached !== undefined && { reached }),
    isAtEnd: !toTheEnd && reached !== undefined && reached < position.endsBelow,
  };
}
