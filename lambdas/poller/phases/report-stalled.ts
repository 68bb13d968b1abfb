import type { Allowance } from '../budget';
import type { Checkpoint } from '../core/checkpoint';
import { isReportable, isStalled, type StallRules, type Watched } from '../core/stalled';
import type { Candidate } from '../ports';
import { attempt, type Phase, type Run } from '../run-state';

function stallRules({ settings, startedAt }: Run, checkpoint: Checkpoint): StallRules {
  // The checkpoint has the earliest `emitSince` ever configured. A later one configured since applies to stalled tasks at once.
  const configured = settings.emitSince === undefined ? -Infinity : Date.parse(settings.emitSince);
  const emitSince = Math.max(checkpoint.emitSince, configured);
  return { now: startedAt, stalledAfterMs: settings.stalledAfterMinutes * 60_000, emitSince };
}

/** Counts the unsettled tasks, the stalled among them, and those that EventBridge or a look-up refuses. */
export function countUnsettled(run: Run, checkpoint: Checkpoint, candidates: readonly Candidate[]) {
  const tasks = run.rows.unsettled(candidates);
  const rules = stallRules(run, checkpoint);
  const stalled = tasks.filter(task => isStalled(task, rules)).length;
  const setAside = tasks.filter(({ lastError }) => lastError !== undefined).length;
  return { unsettled: tasks.length, ...(stalled > 0 && { stalled }), ...(setAside > 0 && { setAside }) };
}

/**
 * Publishes TaskStalled events, where they are switched on. Only after a whole recheck, and only for tasks that were
 * part of it: any other may have finished long ago.
 */
export async function reportStalled(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  allowance: Allowance,
): Promise<Phase> {
  const published = await attempt(publishStalled(run, checkpoint, candidates, allowance));
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
  const isDue = (task: Watched) => isReportable(task, rules, tellStalledSince);
  const taskIds = candidates
    .filter(candidate => candidate.nextCheckAt <= run.startedAt && isDue(candidate))
    .slice(0, run.budget.eventsLeft(allowance))
    .map(({ taskId }) => taskId);
  const rows = await run.rows.read(taskIds);
  const running = [...rows.values()].filter(row => !row.settled && !row.misses && isDue(row));
  const stalled = running.map(row => ({ what: 'stalled' as const, row: { ...row, stalledAt: run.startedAt } }));
  return run.publisher.publish(stalled, allowance);
}
