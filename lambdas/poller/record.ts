import { reasonCategory } from '../reason-codes';
import { detailTypeOf } from './core/build-event';
import type { PendingEvent } from './core/pending-event';
import { isTerminal, withoutAbsent } from './core/task';
import type { TaskRow } from './core/task-row';
import type { Run } from './run-state';

type Recording = Pick<Run, 'table' | 'budget' | 'counts' | 'logger' | 'handled' | 'written'>;

/**
 * Writes rows and remembers what this run has dealt with.
 * @returns `lost`: ids of the rows of which the table takes nothing
 */
export async function record(run: Recording, rows: readonly TaskRow[]): Promise<{ lost: readonly string[] }> {
  const result = await tryRecord(run, rows);
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

/** Writes rows of tasks that are still to be dealt with. */
export async function tryRecord(run: Recording, rows: readonly TaskRow[]) {
  const { cut, lost } = await run.table.writeRows(rows, run.budget);
  run.counts.refusedRows += cut.length + lost.length;
  if (cut.length > 0) run.logger.error('The table refused rows; only their outcome was kept', { taskIds: cut });
  if (lost.length > 0) run.logger.error('The table refused rows; nothing of them was kept', { taskIds: lost });
  return { lost };
}

/** Counts and logs an event that is done with. @param code why EventBridge refused it; absent when it was published */
export function noteEvent(
  run: Pick<Run, 'counts' | 'logger' | 'now'> & { readonly settings: Pick<Run['settings'], 'shadow'> },
  event: PendingEvent,
  code?: string,
): void {
  const { counts, logger } = run;
  const { taskId, status } = event.row;
  const hasEnded = event.what === 'ended';
  if (hasEnded && event.isDrift) {
    counts.drift += 1;
    logger.warn('The audit found an ending that the polls had overlooked', { taskId });
  }
  if (code !== undefined) {
    if (hasEnded) counts.rejected += 1;
    else counts.refusedStalledEvents += 1;
    const attempts = hasEnded ? event.attempts + 1 : undefined;
    logger.error('EventBridge refused the event; it is kept and tried again', { taskId, code, attempts });
    return;
  }
  if (!hasEnded) counts.stalledEvents += 1;
  else if (status === 'FAILED') counts.failed += 1;
  else counts.completed += 1;
  if (!run.settings.shadow) logger.info('Published', whatWasPublished(event, run.now()));
}

/** Ids and codes only: what the API said may name a customer. */
function whatWasPublished({ what, row }: PendingEvent, now: number) {
  const { taskId, status: taskStatus, reasonCode, previousStatus, detectedAfter, settled } = row;
  // For a task that was never seen running, or ended before, nobody knows when the clock began to tick.
  const wasSeenRunning = what === 'ended' && previousStatus !== undefined && !isTerminal(previousStatus);
  return {
    detailType: detailTypeOf({ settled, status: taskStatus }),
    taskId,
    taskStatus,
    ...(reasonCode !== undefined && { reasonCode, reasonCategory: reasonCategory(reasonCode) }),
    ...(wasSeenRunning && detectedAfter !== undefined && { lagSeconds: (now - detectedAfter) / 1_000 }),
  };
}
