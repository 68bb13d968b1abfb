import type { Allowance } from '../budget';
import type { Checkpoint, StoredCheckpoint } from '../core/checkpoint';
import { isTerminal } from '../core/task';
import { processTasks } from '../process-tasks';
import { outcomeOf, type Phase, type Run, rulesFor } from '../run-state';
import { listRunning } from './recheck';

/** How the run found the checkpoint. */
export interface Opening {
  readonly stored: StoredCheckpoint;
  /** None is configured, or one that is still to come: the lease took the time of our own clock. */
  readonly emitSinceIsOurs: boolean;
  /** The checkpoint as it would be opened now. */
  readonly reopen: (stored: StoredCheckpoint) => Checkpoint;
}

/** Learns what is running. No history is read, so that it costs the same whatever went before. */
export async function learnRunning(
  run: Run,
  opening: Opening,
  opened: Checkpoint,
  allowance: Allowance,
): Promise<Phase> {
  const listing = await outcomeOf(listRunning(run, allowance));
  const checkpoint = withEmitSinceCorrected(run, opening) ?? opened;
  if (!('value' in listing)) return { checkpoint, whole: false, failure: listing.failure };
  const running = listing.value;
  // What is listed as ended after all is for the head: it can tell news from history.
  const tasks = [...running.tasks.values()].filter(({ status }) => !isTerminal(status));
  const dealt = await outcomeOf(processTasks(run, tasks, rulesFor(run, checkpoint, running), allowance));
  if (!('value' in dealt)) return { checkpoint, whole: false, failure: dealt.failure };
  // A task whose row was refused is not known: its end would be overlooked.
  const allKnown = tasks.every(({ taskId }) => run.handled.has(taskId));
  const whole = dealt.value && running.whole && allKnown;
  return { checkpoint: whole ? { ...checkpoint, initialised: true } : checkpoint, whole };
}

/** The lease was taken before Partner Central had told its time, and with it `emitSince` was set by our own clock. */
function withEmitSinceCorrected(run: Run, { stored: found, emitSinceIsOurs, reopen }: Opening): Checkpoint | undefined {
  const { emissionFloor: _, ...stored } = found; // before a first head it is nothing but `emitSince`
  const { clockOffsetMs, watermark, emitSince } = stored;
  const isFirstWord = clockOffsetMs === undefined && watermark === undefined && run.clock.isMeasured();
  if (!isFirstWord || !emitSinceIsOurs) return undefined;
  return reopen({ ...stored, emitSince: emitSince + run.clock.offsetMs() });
}
