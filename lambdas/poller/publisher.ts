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

/** Writes rows. @returns ids of the rows that the table refuses */
type Write = (rows: readonly TaskRow[]) => Promise<{ readonly lost: readonly string[] }>;

export interface Publishing {
  readonly bus: EventBus;
  readonly budget: Budget;
  readonly frame: EventFrame;
  readonly now: () => EpochMs;
  /** Writes the rows of events that were published or refused. */
  readonly record: Write;
  /** Writes rows of tasks that are still unpublished, to learn whether the table accepts them. */
  readonly tryRecord: Write;
  /** Whether a record failed in an earlier run after its event was published. */
  readonly recordsAreInDoubt: boolean;
  /** Called for each event that is published or quarantined. @param code why EventBridge refused it; absent when it was published */
  readonly onDone: (event: PendingEvent, code?: string) => void;
}

interface Queued {
  readonly event: PendingEvent;
  /** Retryable failures in this run. */
  readonly tries: number;
  /** Of the last failure. */
  readonly code: string;
}

/** An event that this run does not try again. */
interface Done {
  readonly event: PendingEvent;
  /** Absent when it was published. */
  readonly code?: string;
}

/**
 * Quarantine an entry after this many failures in one run if any other entry succeeded. If none did, EventBridge itself is
 * down, and the next run tries again. Throttling says nothing about an entry: it is retried as long as there is time.
 */
const MAX_TRIES = 8;
const THROTTLED = 'ThrottlingException';

export type Publisher = ReturnType<typeof openPublisher>;

/** Publishes the events of one run. What it counts, it counts over all calls of the run. */
export function openPublisher({ bus, budget, frame, now, ...publishing }: Publishing) {
  let accepted = 0;
  let recordFailed = false;
  let waiting = 0;
  /** By task id, because two sweeps may list the same task: tried too often while EventBridge had accepted nothing. */
  const abandoned = new Map<string, Queued>();

  /**
   * Publishes events and records them, batch by batch. A batch is recorded after it is published, and before the next one
   * is: a crash in between repeats at most one batch and loses nothing.
   * @returns false when time or the event budget ran out, or EventBridge accepts nothing
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
          // One entry makes EventBridge refuse the call: halve until it is alone.
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

  /** Takes from the front of the queue what fits into one call. An entry that is too large for any call comes alone. */
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
      return [{ became: 'refused', code: 'EntryTooLarge' }]; // a field other than the message is too long
    }
    return bus.put(entries, budget.signal);
  }

  /** @returns the events to retry */
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
        if (code !== THROTTLED) done.push({ event, code }); // throttled: the next run tries again
        return;
      }
      const isQuarantined = (othersWereAccepted || event.attempts > 0) && tries + 1 >= MAX_TRIES && code !== THROTTLED;
      if (outcome.became === 'refused' || isQuarantined) done.push({ event, code });
      else again.push({ event, tries: tries + 1, code });
    });
    await recordDone(done);
    budget.used.events += done.length;
    return again;
  }

  /**
   * Writes the rows as unpublished. What fails here fails before anything is published: a table that accepts no rows for
   * hours repeats one batch, not one in each poll.
   * @returns ids of the rows that the table refuses; their events wait until it accepts them
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
      // Stalled events need no retry state: without `stalledAt` the next run tries again.
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
   * If every entry is denied, the right to publish is gone, and a person must know at once. A single entry that was denied
   * in an earlier run too is quarantined instead.
   */
  function throwIfDenied(batch: readonly Queued[], outcomes: readonly EntryOutcome[]): void {
    const finished = batch.flatMap(({ event }) => (event.what === 'ended' ? [event] : []));
    if (finished.length < batch.length) return; // denied stalled events say nothing about finished tasks
    const codes = outcomes.flatMap(outcome => (outcome.became === 'refused' && outcome.denied ? [outcome.code] : []));
    const allDenied = codes.length === batch.length && accepted === 0;
    if (!allDenied || finished.every(({ attempts }) => attempts > 0)) return;
    throw new PermanentFailure(`PutEvents: every entry was refused with ${codes[0]}. ${publishingDenied}`);
  }

  return {
    publish,

    /**
     * Quarantines abandoned events if EventBridge has accepted any other event since, so that the next run gets past
     * them.
     */
    async quarantineAbandoned(isHandled: (taskId: string) => boolean): Promise<void> {
      if (accepted === 0) return;
      const quarantined = [...abandoned.values()].filter(
        ({ event, code }) => !isHandled(event.row.taskId) && code !== THROTTLED,
      );
      await recordDone(quarantined);
    },

    /** Why the last abandoned event failed; undefined when none was abandoned. */
    abandonedFor: () => [...abandoned.values()].at(-1)?.code,
    /** How many events wait for the table to accept their rows. */
    waiting: () => waiting,
    /** Whether a record failed after its events were published. */
    recordFailed: () => recordFailed,
  };
}
