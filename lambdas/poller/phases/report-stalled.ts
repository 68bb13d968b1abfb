import type { Allowance } from '../budget';
import type { Checkpoint } from '../core/checkpoint';
import { isReportable, isStalled, type StallRules, type Watched } from '../core/stalled';
import type { Candidate } from '../ports';
import { readRows } from '../process-tasks';
import { outcomeOf, type Phase, type Run } from '../run-state';

function stallRules({ settings, startedAt }: Run, checkpoint: Checkpoint): StallRules {
  // The checkpoint has the earliest moment that was ever asked for; a later one, configured since, is asked for now.
  const configured = settings.emitSince === undefined ? -Infinity : Date.parse(settings.emitSince);
  const emitSince = Math.max(checkpoint.emitSince, configured);
  return { now: startedAt, stalledAfterMs: settings.stalledAfterMinutes * 60_000, emitSince };
}

/** What the index had when it was asked, with what this run has changed since. */
export function unsettledOnes(run: Run, checkpoint: Checkpoint, candidates: readonly Candidate[]) {
  const unsettled = new Map<string, Watched>(candidates.map(candidate => [candidate.taskId, candidate]));
  for (const [taskId, watched] of run.written) {
    if (watched === undefined) unsettled.delete(taskId);
    else unsettled.set(taskId, watched);
  }
  const tasks = [...unsettled.values()];
  const rules = stallRules(run, checkpoint);
  const stalled = tasks.filter(task => isStalled(task, rules)).length;
  const setAside = tasks.filter(({ lastError }) => lastError !== undefined).length;
  return { unsettled: tasks.length, ...(stalled > 0 && { stalled }), ...(setAside > 0 && { setAside }) };
}

/**
 * Publishes that tasks stall, where that is wanted. Only after a whole recheck, and of tasks that were a part of it: the
 * others may have ended long ago.
 */
export async function reportStalled(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  allowance: Allowance,
): Promise<Phase> {
  const published = await outcomeOf(publishStalled(run, checkpoint, candidates, allowance));
  return 'value' in published
    ? { checkpoint, whole: published.value }
    : { checkpoint, whole: false, failure: published.failure };
}

async function publishStalled(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  allowance: Allowance,
): Promise<boolean> {
  const { tellStalledSince } = checkpoint;
  if (tellStalledSince === undefined) return true;
  const rules = stallRules(run, checkpoint);
  const isOne = (task: Watched) => isReportable(task, rules, tellStalledSince);
  const reportable = candidates.filter(task => task.nextCheckAt <= run.startedAt && isOne(task));
  const some = reportable.slice(0, run.budget.eventsLeft(allowance));
  const rows = await readRows(
    run,
    some.map(({ taskId }) => taskId),
  );
  const running = [...rows.values()].filter(row => !row.settled && !row.misses && isOne(row));
  const stalled = running.map(row => ({ what: 'stalled' as const, row: { ...row, stalledAt: run.now() } }));
  return run.publisher.publish(stalled, allowance);
}
