import { type Allowance, jitteredPauseMs } from './budget';
import {
  buildEvent,
  type EventEntry,
  entryBytes,
  MAX_CALL_BYTES,
  MAX_CALL_ENTRIES,
  MAX_ENTRY_BYTES,
  toEntry,
} from './core/build-event';
import { refused, type TaskRow } from './core/task-row';
import type { EntryOutcome } from './edges/event-bus';
import { RequestRefused } from './errors';
import type { Run } from './run-state';

/** An ending to be published, and the row to be written once it is. */
export interface Ending {
  readonly row: TaskRow;
  /** How often EventBridge refused it in earlier runs. */
  readonly attempts: number;
  readonly isDrift: boolean;
}

interface Queued extends Ending {
  readonly entry: EventEntry;
  /** Retryable failures in this run. */
  readonly tries: number;
}

/**
 * Publishes endings and records them, batch by batch: never the other way round, and never a batch before the one
 * ahead of it is recorded, so that a death in between repeats at most one batch and loses nothing.
 * @returns false when time or the event budget ran out before all were done
 * @throws TransientFailure, PermanentFailure; what was accepted before is recorded
 */
export async function publishAndRecord(run: Run, endings: readonly Ending[], allowance: Allowance): Promise<boolean> {
  const queue: Queued[] = endings.map(ending => ({
    ...ending,
    entry: toEntry(buildEvent(ending.row, run.frame), run.frame),
    tries: 0,
  }));
  let batchLimit = MAX_CALL_ENTRIES;
  while (queue.length > 0) {
    const room = Math.min(run.budget.eventsLeft(allowance), batchLimit);
    if (room === 0 || !run.budget.hasTime(allowance)) return false;
    const batch = takeBatch(queue, room);
    const tries = batch[0]?.tries ?? 0;
    if (tries > 0) await run.budget.pause(jitteredPauseMs(tries), allowance);

    let outcomes: EntryOutcome[];
    try {
      outcomes = await put(run, batch);
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
    await recordOutcomes(run, batch, outcomes, allowance);
    queue.push(
      ...batch
        .filter((_, at) => outcomes[at]?.became === 'retryable')
        .map(ending => ({ ...ending, tries: ending.tries + 1 })),
    );
  }
  return true;
}

/** The front of the queue, as much as one call takes. An entry that is too large for any call comes alone. */
function takeBatch(queue: Queued[], room: number): Queued[] {
  let bytes = 0;
  let count = 0;
  for (const { entry } of queue.slice(0, room)) {
    bytes += entryBytes(entry);
    if (bytes > MAX_CALL_BYTES && count > 0) break;
    count += 1;
  }
  return queue.splice(0, count);
}

async function put(run: Run, batch: readonly Queued[]): Promise<EntryOutcome[]> {
  const [first] = batch;
  if (first && batch.length === 1 && entryBytes(first.entry) > MAX_ENTRY_BYTES) {
    return [{ became: 'refused', code: 'EntryTooLarge' }]; // some field other than the message; no call would take it
  }
  return run.bus.put(
    batch.map(({ entry }) => entry),
    run.budget.signal,
  );
}

async function recordOutcomes(
  run: Run,
  batch: readonly Queued[],
  outcomes: readonly EntryOutcome[],
  allowance: Allowance,
) {
  const done = batch.flatMap(({ row, attempts, isDrift }, at) => {
    const outcome = outcomes[at];
    if (outcome === undefined || outcome.became === 'retryable') return [];
    if (outcome.became === 'accepted') return [{ row, isDrift, accepted: true }];
    return [{ row: refused(row, attempts, run.now(), outcome.code), isDrift, accepted: false }];
  });
  await writeRows(
    run,
    done.map(({ row }) => row),
    allowance,
  );
  run.budget.used.events += done.length;
  for (const { row, isDrift, accepted } of done) {
    if (isDrift) {
      run.counts.drift += 1;
      run.logger.warn('The audit found an ending that the polls had overlooked', { taskId: row.taskId });
    }
    if (!accepted) {
      run.counts.rejected += 1;
      run.logger.error('EventBridge refused the event; it is kept and tried again', {
        taskId: row.taskId,
        code: row.lastError,
        attempts: row.publishAttempts,
      });
    } else if (row.status === 'FAILED') run.counts.failed += 1;
    else run.counts.completed += 1;
  }
}

/** Writes rows and remembers what this run has dealt with. */
export async function writeRows(run: Run, rows: readonly TaskRow[], allowance: Allowance): Promise<void> {
  const cut = await run.table.writeRows(rows, run.budget, allowance);
  for (const { taskId, settled } of rows) {
    run.handled.add(taskId);
    run.written.set(taskId, settled);
  }
  if (cut.length === 0) return;
  run.counts.refusedRows += cut.length;
  run.logger.error('The table refused rows; only their outcome was kept', { taskIds: cut });
}
