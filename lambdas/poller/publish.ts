import { reasonCategory } from '../reason-codes';
import { type Allowance, jitteredPauseMs } from './budget';
import {
  detailTypeOf,
  type EventEntry,
  entryBytes,
  entryOf,
  MAX_CALL_BYTES,
  MAX_CALL_ENTRIES,
  MAX_ENTRY_BYTES,
} from './core/build-event';
import { isTerminal, withoutAbsent } from './core/task';
import { pending, refused, type TaskRow } from './core/task-row';
import { publishingDenied } from './edges/event-bus';
import { PermanentFailure, RequestRefused, TransientFailure } from './errors';
import type { EntryOutcome } from './ports';
import type { GivenUp, PublishingRun } from './run-state';

/** What is to be published, and the row to be written once it is: a settled one for an ending, any other stalls. */
export interface News {
  readonly row: TaskRow;
  /** How often EventBridge refused it in earlier runs. */
  readonly attempts: number;
  readonly isDrift: boolean;
}

interface Queued extends GivenUp {
  /** Retryable failures in this run. */
  readonly tries: number;
}

/**
 * An entry that EventBridge could not take so often in one run, while it takes or took others, is poisoned: it is set
 * aside like one that was refused. Where it takes none, it is EventBridge that has a problem, and the next run tries again.
 * Throttling says nothing about an entry: that one is tried for as long as there is time.
 */
const MOST_TRIES = 8;
const THROTTLED = 'ThrottlingException';

/**
 * Publishes news and records it, batch by batch: never the other way round, and never a batch before the one
 * ahead of it is recorded, so that a death in between repeats at most one batch and loses nothing.
 * @returns false when time or the event budget ran out before all were done
 * @throws TransientFailure, PermanentFailure; what was accepted before is recorded
 */
export async function publishAndRecord(
  run: PublishingRun,
  news: readonly News[],
  allowance: Allowance,
): Promise<boolean> {
  const queue: Queued[] = news.map(item => ({ ...item, tries: 0, code: '' }));
  let batchLimit = MAX_CALL_ENTRIES;
  while (queue.length > 0) {
    const room = Math.min(run.budget.eventsLeft(allowance), batchLimit);
    if (room === 0 || !run.budget.hasTime(allowance)) return false;
    const { batch, entries } = takeBatch(run, queue, room);
    const tries = batch[0]?.tries ?? 0;
    if (tries > 0 && !(await run.budget.pause(jitteredPauseMs(tries), allowance))) return false;

    if (run.checkpoint?.recordFailedAt !== undefined && tries === 0) {
      const refusedRows = await tryRecords(run, batch);
      if (refusedRows.size > 0) {
        queue.unshift(...batch.filter(({ row }) => !refusedRows.has(row.taskId)));
        continue;
      }
    }

    let outcomes: EntryOutcome[];
    try {
      outcomes = await put(run, entries);
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
    const again = await recordOutcomes(run, batch, outcomes);
    const hopeless = again.filter(({ tries: soOften }) => soOften >= MOST_TRIES && published(run) === 0);
    if (hopeless.length > 0) {
      for (const item of hopeless) run.givenUp.set(item.row.taskId, item);
      return false;
    }
    queue.push(...again);
  }
  return true;
}

/** The front of the queue, as much as one call takes. An entry that is too large for any call comes alone. */
function takeBatch(run: PublishingRun, queue: Queued[], room: number): { batch: Queued[]; entries: EventEntry[] } {
  const entries: EventEntry[] = [];
  let bytes = 0;
  for (const { row } of queue.slice(0, room)) {
    const entry = entryOf(row, run.frame);
    bytes += entryBytes(entry);
    if (bytes > MAX_CALL_BYTES && entries.length > 0) break;
    entries.push(entry);
  }
  return { batch: queue.splice(0, entries.length), entries };
}

async function put(run: PublishingRun, entries: readonly EventEntry[]): Promise<EntryOutcome[]> {
  const [first] = entries;
  if (first && entries.length === 1 && entryBytes(first) > MAX_ENTRY_BYTES) {
    return [{ became: 'refused', code: 'EntryTooLarge' }]; // some field other than the message; no call would take it
  }
  return run.bus.put(entries, run.budget.signal);
}

/** @returns what is to be tried again */
async function recordOutcomes(
  run: PublishingRun,
  batch: readonly Queued[],
  outcomes: readonly EntryOutcome[],
): Promise<Queued[]> {
  throwIfDenied(run, batch, outcomes);
  const othersWereAccepted = published(run) > 0 || outcomes.some(({ became }) => became === 'accepted');
  const again: Queued[] = [];
  const done: Done[] = [];
  batch.forEach(({ row, attempts, isDrift, tries }, at) => {
    const outcome = outcomes[at] as EntryOutcome;
    if (outcome.became === 'accepted') done.push({ row, isDrift, accepted: true });
    else if (!row.settled && outcome.code === THROTTLED)
      return; // that a task stalls can wait for the next run
    else if (
      !row.settled ||
      outcome.became === 'refused' ||
      ((othersWereAccepted || attempts > 0) && tries + 1 >= MOST_TRIES && outcome.code !== THROTTLED)
    ) {
      done.push(setAside(run, { row, attempts, isDrift, code: outcome.code }));
    } else again.push({ row, attempts, isDrift, tries: tries + 1, code: outcome.code });
  });
  await recordDone(run, done);
  run.budget.used.events += done.length;
  return again;
}

interface Done {
  readonly row: TaskRow;
  readonly isDrift: boolean;
  readonly accepted: boolean;
}

/** That a task stalls needs no row to be tried again: as long as nothing says that it was told, the next run tries it once. */
function setAside(run: PublishingRun, { row, attempts, isDrift, code }: GivenUp): Done {
  const next = row.settled ? refused(row, attempts, run.now(), code) : { ...row, lastError: code };
  return { row: next, isDrift, accepted: false };
}

/**
 * Writes rows as those of tasks that have yet to be published. Whatever fails here fails before anything is published, so
 * a table that takes no rows for hours repeats one batch, and not one in each poll.
 * @returns ids of the rows that the table refuses; their events wait until it takes them
 * @throws TransientFailure also when it refuses all of several
 */
async function tryRecords(run: PublishingRun, batch: readonly Queued[]): Promise<ReadonlySet<string>> {
  const { lost } = await write(
    run,
    batch.map(({ row }) => pending(row, run.now())),
  );
  if (lost.length === batch.length && lost.length > 1) throw new TransientFailure('The table refuses every row');
  return new Set(lost);
}

async function recordDone(run: PublishingRun, done: readonly Done[]): Promise<void> {
  const rows = done.filter(({ row, accepted }) => accepted || isTerminal(row.status)).map(({ row }) => row);
  const isPublished = new Set(done.filter(({ accepted }) => accepted).map(({ row }) => row.taskId));
  try {
    const { lost } = await writeRows(run, rows);
    if (lost.some(taskId => isPublished.has(taskId)))
      throw new TransientFailure('The table refuses the rows of events that were published');
  } catch (error) {
    run.recordFailed ||= isPublished.size > 0;
    throw error;
  }
  for (const { row, isDrift, accepted } of done) tell(run, row, isDrift, accepted);
}

const published = ({ counts }: PublishingRun) => counts.completed + counts.failed + counts.stalledEvents;

/**
 * Where nothing at all was let through, we have lost the right to publish, and a person should know at once. One entry
 * of its own kind that is not let through, and was not before, is a poisoned one.
 */
function throwIfDenied(run: PublishingRun, batch: readonly Queued[], outcomes: readonly EntryOutcome[]): void {
  if (batch.some(({ row }) => !row.settled)) return; // endings, which matter more, may well be let through
  const codes = outcomes.flatMap(outcome => (outcome.became === 'refused' && outcome.denied ? [outcome.code] : []));
  const allDenied = codes.length === batch.length && published(run) === 0;
  if (!allDenied || batch.every(({ attempts }) => attempts > 0)) return;
  throw new PermanentFailure(`PutEvents: every entry was refused with ${codes[0]}. ${publishingDenied}`);
}

function tell(run: PublishingRun, row: TaskRow, isDrift: boolean, accepted: boolean): void {
  const { taskId } = row;
  if (isDrift) {
    run.counts.drift += 1;
    run.logger.warn('The audit found an ending that the polls had overlooked', { taskId });
  }
  if (accepted) {
    if (!row.settled) run.counts.stalledEvents += 1;
    else if (row.status === 'FAILED') run.counts.failed += 1;
    else run.counts.completed += 1;
    if (!run.settings.shadow) run.logger.info('Published', whatWasPublished(run, row));
    return;
  }
  if (isTerminal(row.status)) run.counts.rejected += 1;
  else run.counts.refusedStalledEvents += 1;
  const { lastError: code, publishAttempts: attempts } = row;
  run.logger.error('EventBridge refused the event; it is kept and tried again', { taskId, code, attempts });
}

/** Ids and codes only: what the API said may name a customer. */
function whatWasPublished(
  run: PublishingRun,
  { taskId, status: taskStatus, reasonCode, previousStatus, ...row }: TaskRow,
) {
  // For a task that was never seen running, or ended before, nobody knows when the clock began to tick.
  const wasSeenRunning = row.settled && previousStatus !== undefined && !isTerminal(previousStatus);
  return {
    detailType: detailTypeOf({ settled: row.settled, status: taskStatus }),
    taskId,
    taskStatus,
    ...(reasonCode !== undefined && { reasonCode, reasonCategory: reasonCategory(reasonCode) }),
    ...(wasSeenRunning && row.detectedAfter !== undefined && { lagSeconds: (run.now() - row.detectedAfter) / 1_000 }),
  };
}

/**
 * What was given up while EventBridge seemed to take nothing is poisoned after all if it took something since: it is set
 * aside, so that the next run gets past it.
 */
export async function setGivenUpAside(run: PublishingRun): Promise<void> {
  if (published(run) === 0) return;
  const aside = [...run.givenUp.values()].filter(({ row, code }) => !run.handled.has(row.taskId) && code !== THROTTLED);
  await recordDone(
    run,
    aside.map(item => setAside(run, item)),
  );
}

/**
 * Writes rows and remembers what this run has dealt with.
 * @returns `lost`: ids of the rows of which the table takes nothing
 */
export async function writeRows(run: PublishingRun, rows: readonly TaskRow[]): Promise<{ lost: readonly string[] }> {
  const result = await write(run, rows);
  const lost = new Set(result.lost);
  for (const { taskId, settled, ...row } of rows) {
    if (lost.has(taskId)) continue;
    run.handled.add(taskId);
    // Not the whole row: a first run may write very many of them.
    const { status, startTime, stalledAt, missing, lastError } = row;
    run.written.set(taskId, settled ? undefined : withoutAbsent({ status, startTime, stalledAt, missing, lastError }));
  }
  return result;
}

async function write(run: PublishingRun, rows: readonly TaskRow[]) {
  const { cut, lost } = await run.table.writeRows(rows, run.budget);
  run.counts.refusedRows += cut.length + lost.length;
  if (cut.length > 0) run.logger.error('The table refused rows; only their outcome was kept', { taskIds: cut });
  if (lost.length > 0) run.logger.error('The table refused rows; nothing of them was kept', { taskIds: lost });
  return { lost };
}
