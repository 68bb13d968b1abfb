import { type EpochMs, isTerminal, type ListedTask } from './task';

/** A list that is out of order by less is trusted: StartTime is coarse, and differs by milliseconds between Start and List. */
export const ORDER_TOLERANCE_MS = 60_000;

/** The place of a newest-first sweep. */
export interface SweepPosition {
  /** Entries that started at or after this are processed. */
  readonly floor: EpochMs;
  /** So are those that started at or after this, if a page shows them. */
  readonly alsoDownTo?: EpochMs | undefined;
  /** The sweep ends when the list gets below this start time. */
  readonly endsBelow: EpochMs;
  /** The oldest start time since the sweep was resumed. */
  readonly lowest: EpochMs;
  /** The last two start times since then, the latest one last. One entry may be out of place; two are not. */
  readonly lastTwo: readonly EpochMs[];
  /** Newer entries were processed before the cursor was lost; they are passed over. */
  readonly skipAbove?: EpochMs;
  /** The list was found out of order, so only its end ends the sweep. */
  readonly toTheEnd: boolean;
}

export interface ExaminedPage {
  /** Entries to process. */
  readonly inRange: ListedTask[];
  /** Of these, those without a start time that are listed below the floor. */
  readonly undatedBelow: ReadonlySet<ListedTask>;
  readonly outOfOrder: boolean;
  /** The place of the sweep after this page. */
  readonly lowest: EpochMs;
  readonly lastTwo: readonly EpochMs[];
  readonly toTheEnd: boolean;
  /** Everything that started at or after this has been listed, as far as the order can be trusted. */
  readonly reached?: EpochMs;
  readonly isAtEnd: boolean;
}

/**
 * Examines one page of a newest-first sweep: which entries count, and whether the sweep is at its end.
 *
 * An old entry that is always listed first, or last on each page, must not end the sweep or move its place down. So two
 * entries in a row must be below the end; on a page that is out of order, all of them.
 * @param mayDistrust whether a page that is out of order makes this sweep go to the end of the list
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
      // It started before the entries above it. A running task is watched, whenever it started.
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
