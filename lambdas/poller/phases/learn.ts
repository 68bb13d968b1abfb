import type { Allowance } from '../budget';
import type { Checkpoint, StoredCheckpoint } from '../core/checkpoint';
import { isTerminal } from '../core/task';
import { processTasks } from '../process-tasks';
import { attempt, type Phase, type Run, rulesFor } from '../run-state';
import { listRunning } from './recheck';

/** The checkpoint as the run found it. */
export interface Opening {
  readonly stored: StoredCheckpoint;
  /** `emitSince` is the time of the lease, by our own clock: none is configured, or it lies in the future. */
  readonly emitSinceIsOurs: boolean;
  /** Opens the checkpoint again with what has changed since. */
  readonly reopen: (stored: StoredCheckpoint) => Checkpoint;
}

/** Records the running tasks. Reads no history, so it costs the same whatever the history is. */
export async function learnRunning(
  run: Run,
  opening: Opening,
  opened: Checkpoint,
  allowance: Allowance,
): Promise<Phase> {
  const listed = await attempt(listRunning(run, allowance));
  const checkpoint = withEmitSinceCorrected(run, opening) ?? opened;
  if (!('value' in listed)) return { checkpoint, whole: false, failure: listed.failure };
  const running = listed.value;
  // What has finished meanwhile is left to the head: it can tell new from history.
  const tasks = [...running.tasks.values()].filter(({ status }) => !isTerminal(status));
  const processed = await attempt(processTasks(run, tasks, rulesFor(run, checkpoint, running), allowance));
  if (!('value' in processed)) return { checkpoint, whole: false, failure: processed.failure };
  // A task whose row was refused is unknown: nobody would notice when it finishes.
  const allKnown = tasks.every(({ taskId }) => run.rows.isDone(taskId));
  const whole = processed.value && running.whole && allKnown;
  return { checkpoint: whole ? { ...checkpoint, initialised: true } : checkpoint, whole };
}

/** Taking the lease set `emitSince` by our own clock. Now that Partner Central's clock is known, it is corrected. */
function withEmitSinceCorrected(run: Run, { stored: found, emitSinceIsOurs, reopen }: Opening): Checkpoint | undefined {
  const { emissionFloor: _, ...stored } = found; // the same as `emitSince` before the first head
  const { clockOffsetMs, watermark, emitSince } = stored;
  const isFirstAnswer = clockOffsetMs === undefined && watermark === undefined && run.clock.isMeasured();
  if (!isFirstAnswer || !emitSinceIsOurs) return undefined;
  return reopen({ ...stored, emitSince: emitSince + run.clock.offsetMs() });
}
