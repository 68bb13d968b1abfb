import { type Allowance, type Budget, jitteredPauseMs } from './budget';
import {
  type EventEntry,
  type EventFrame,
  entryBytes,
  entryOf,
  MAX_CALL_BYTES,
  MAX_CALL_ENTRIES,
  MAX_ENTRY_BYTES,
} from './core/build-event';
import type { PendingEvent } from './core/pending-event';
import type { EpochMs } from './core/task';
import { refused, type TaskRow, unpublished } from './core/task-row';
import { PermanentFailure, publishingDenied, RequestRefused, TransientFailure } from './errors';
import type { EntryOutcome, EventBus } from './ports';

/** The table takes each of these rows or says which it does not take at all. */
type Write = (rows: readonly TaskRow[]) => Promise<{ readonly lost: readonly string[] }>;

export interface Publishing {
  readonly bus: EventBus;
  readonly budget: Budget;
  readonly frame: EventFrame;
  readonly now: () => EpochMs;
  /** Writes the rows of what was published or refused. */
  readonly record: Write;
  /** Tries whether the table takes a row at all. */
  readonly tryRecord: Write;
  /** Whether a record failed in an earlier run after its event was published. */
  readonly recordsAreInDoubt: boolean;
  /** Hears of each event that is done with. @param code why EventBridge refused it; absent when it was published */
  readonly onDone: (event: PendingEvent, code?: string) => void;
}

interface Queued {
  readonly event: PendingEvent;
  /** Retryable failures in this run, and the last one. */
  readonly tries: number;
  readonly code: string;
}

/** An event that is done with in this run. */
interface Done {
  readonly event: PendingEvent;
  /** Absent when it was published. */
  readonly code?: string;
}

/**
 * An entry that EventBridge could not take so often in one run, while it takes or took others, is poisoned: it is set
 * aside like one that was refused. Where it takes none, it is EventBridge that has a problem, and the next run tries again.
 * Throttling says nothing about an entry: that one is tried for as long as there is time.
 */
const MAX_TRIES = 8;
const THROTTLED = 'ThrottlingException';

export type Publisher = ReturnType<typeof openPublisher>;

/** Publishes what one run has to publish, and keeps what it needs to know for that from one call to the next. */
export function openPublisher({ bus, budget, frame, now, ...publishing }: Publishing) {
  let accepted = 0;
  let recordFailed = false;
  let waiting = 0;
  /** By task id: given up while EventBridge had taken nothing yet. Two sweeps may come by the same task. */
  const abandoned = new Map<string, Queued>();

  /**
   * Publishes events and records them, batch by batch: never the other way round, and never a batch before the one
   * ahead of it is recorded, so that a death in between repeats at most one batch and loses nothing.
   * @returns false when time or the event budget ran out before all were done, or EventBridge takes nothing
   * @throws TransientFailure, PermanentFailure; what was accepted before is recorded
   */
  async function publish(events: readonly PendingEvent[], allowance: Allowance): Promise<boolean> {
    const queue: Queued[] = events.map(event => ({ event, tries: 0, code: '' }));
    let batchLimit = MAX_CALL_ENTRIES;
    while (queue.length > 0) {
      const room = Math.min(budget.eventsLeft(allowance), batchLimit);
      if (room === 0 || !budget.hasTime(allowance)) return false;
      const { batch, entries } = takeBatch(queue, room);
      const tries = batch[0]?.tries ?? 0;
      if (tries > 0 && !(await budget.pause(jitteredPauseMs(tries), allowance))) return false;

      if (publishing.recordsAreInDoubt && tries === 0) {
        const refusedRows = await tryRecords(batch);
        if (refusedRows.size > 0) {
          waiting += refusedRows.size;
          queue.unshift(...batch.filter(({ event }) => !refusedRows.has(event.row.taskId)));
          continue;
        }
      }

      let outcomes: EntryOutcome[];
      try {
        outcomes = await put(entries);
      } catch (error) {
        if (!(error instanceof RequestRefused)) throw error;
        if (batch.length > 1) {
          // One of them is what the whole call is refused for: halve until it stands alone.
          queue.unshift(...batch);
          batchLimit = Math.ceil(batch.length / 2);
          continue;
        }
        outcomes = [{ became: 'refused', code: error.code }];
      }
      batchLimit = MAX_CALL_ENTRIES;
      const again = await recordOutcomes(batch, outcomes);
      const hopeless = again.filter(({ tries: soOften }) => soOften >= MAX_TRIES && accepted === 0);
      if (hopeless.length > 0) {
        for (const item of hopeless) abandoned.set(item.event.row.taskId, item);
        return false;
      }
      queue.push(...again);
    }
    return true;
  }

  /** The front of the queue, as much as one call takes. An entry that is too large for any call comes alone. */
  function takeBatch(queue: Queued[], room: number): { batch: Queued[]; entries: EventEntry[] } {
    const entries: EventEntry[] = [];
    let bytes = 0;
    for (const { event } of queue.slice(0, room)) {
      const entry = entryOf(event.row, frame);
      bytes += entryBytes(entry);
      if (bytes > MAX_CALL_BYTES && entries.length > 0) break;
      entries.push(entry);
    }
    return { batch: queue.splice(0, entries.length), entries };
  }

  async function put(entries: readonly EventEntry[]): Promise<EntryOutcome[]> {
    const [first] = entries;
    if (first && entries.length === 1 && entryBytes(first) > MAX_ENTRY_BYTES) {
      return [{ became: 'refused', code: 'EntryTooLarge' }]; // some field other than the message; no call would take it
    }
    return bus.put(entries, budget.signal);
  }

  /** @returns what is to be tried again */
  async function recordOutcomes(batch: readonly Queued[], outcomes: readonly EntryOutcome[]): Promise<Queued[]> {
    throwIfDenied(batch, outcomes);
    const othersWereAccepted = accepted > 0 || outcomes.some(({ became }) => became === 'accepted');
    const again: Queued[] = [];
    const done: Done[] = [];
    batch.forEach(({ event, tries }, at) => {
      const outcome = outcomes[at] as EntryOutcome;
      if (outcome.became === 'accepted') {
        done.push({ event });
        return;
      }
      const { code } = outcome;
      if (event.what === 'stalled') {
        if (code !== THROTTLED) done.push({ event, code }); // throttled, it can wait for the next run
        return;
      }
      const isPoisoned = (othersWereAccepted || event.attempts > 0) && tries + 1 >= MAX_TRIES && code !== THROTTLED;
      if (outcome.became === 'refused' || isPoisoned) done.push({ event, code });
      else again.push({ event, tries: tries + 1, code });
    });
    await recordDone(done);
    budget.used.events += done.length;
    return again;
  }

  /**
   * Writes rows as those of tasks that have yet to be published. Whatever fails here fails before anything is published,
   * so a table that takes no rows for hours repeats one batch, and not one in each poll.
   * @returns ids of the rows that the table refuses; their events wait until it takes them
   * @throws TransientFailure also when it refuses all of several
   */
  async function tryRecords(batch: readonly Queued[]): Promise<ReadonlySet<string>> {
    const { lost } = await publishing.tryRecord(batch.map(({ event }) => unpublished(event.row, now())));
    if (lost.length === batch.length && lost.length > 1) throw new TransientFailure('The table refuses every row');
    return new Set(lost);
  }

  async function recordDone(done: readonly Done[]): Promise<void> {
    const rows = done.flatMap(({ event, code }) => {
      if (code === undefined) return [event.row];
      // A stalled task needs no row to be tried again: as long as none says that it was told, the next run tries it once.
      return event.what === 'ended' ? [refused(event.row, event.attempts, now(), code)] : [];
    });
    const published = done.flatMap(({ event, code }) => (code === undefined ? [event.row.taskId] : []));
    try {
      const { lost } = await publishing.record(rows);
      if (lost.some(taskId => published.includes(taskId)))
        throw new TransientFailure('The table refuses the rows of events that were published');
    } catch (error) {
      recordFailed ||= published.length > 0;
      throw error;
    }
    accepted += published.length;
    for (const { event, code } of done) publishing.onDone(event, code);
  }

  /**
   * Where nothing at all was let through, we have lost the right to publish, and a person should know at once. One entry
   * of its own kind that is not let through, and was not before, is a poisoned one.
   */
  function throwIfDenied(batch: readonly Queued[], outcomes: readonly EntryOutcome[]): void {
    const endings = batch.flatMap(({ event }) => (event.what === 'ended' ? [event] : []));
    if (endings.length < batch.length) return; // endings, which matter more, may well be let through
    const codes = outcomes.flatMap(outcome => (outcome.became === 'refused' && outcome.denied ? [outcome.code] : []));
    const allDenied = codes.length === batch.length && accepted === 0;
    if (!allDenied || endings.every(({ attempts }) => attempts > 0)) return;
    throw new PermanentFailure(`PutEvents: every entry was refused with ${codes[0]}. ${publishingDenied}`);
  }

  return {
    publish,

    /**
     * What was given up while EventBridge seemed to take nothing is poisoned after all if it took something since: it is
     * set aside, so that the next run gets past it.
     */
    async quarantineAbandoned(isHandled: (taskId: string) => boolean): Promise<void> {
      if (accepted === 0) return;
      const aside = [...abandoned.values()].filter(
        ({ event, code }) => !isHandled(event.row.taskId) && code !== THROTTLED,
      );
      await recordDone(aside);
    },

    /** Why EventBridge took what was given up last; undefined when nothing was. */
    abandonedFor: () => [...abandoned.values()].at(-1)?.code,
    /** How many events wait for the table to take their rows. */
    waiting: () => waiting,
    /** Whether a record failed whose events were published. */
    recordFailed: () => recordFailed,
  };
}
