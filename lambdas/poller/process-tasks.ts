import type { Allowance } from './budget';
import { type Decision, diff, type EmissionRules } from './core/diff';
import type { FinishedTask } from './core/pending-event';
import type { EpochMs, ListedTask } from './core/task';
import { TransientFailure } from './errors';
import type { Run } from './run-state';

/** Whether a finished task that the table doesn't know should have been known, by its start time. */
type DriftCheck = (startTime: EpochMs | undefined) => boolean;
const noDrift: DriftCheck = () => false;

/**
 * Reads the rows of listed tasks, decides what they mean, and applies it.
 * @returns false when time or the event budget ran out; the rest is processed when the page is listed again
 */
export async function processTasks(
  run: Run,
  tasks: readonly ListedTask[],
  rules: EmissionRules | ((listed: ListedTask) => EmissionRules),
  allowance: Allowance,
  isDrift = noDrift,
): Promise<boolean> {
  run.rows.noteRunning(tasks);
  const pending = new Map(tasks.filter(({ taskId }) => !run.rows.isDone(taskId)).map(task => [task.taskId, task]));
  const rows = await run.rows.read([...pending.keys()]);
  const rulesOf = typeof rules === 'function' ? rules : () => rules;
  const decided = [...pending.values()].map(listed => ({
    taskId: listed.taskId,
    decision: diff(rows.get(listed.taskId), listed, rulesOf(listed)),
  }));
  return applyDecisions(run, decided, allowance, isDrift);
}

export interface Decided {
  readonly taskId: string;
  readonly decision: Decision;
}

/**
 * Writes what is only recorded, then publishes. In this order because records are quick and don't depend on EventBridge.
 * @returns false when time or the event budget ran out
 */
export async function applyDecisions(
  run: Run,
  decided: readonly Decided[],
  allowance: Allowance,
  isDrift = noDrift,
): Promise<boolean> {
  const records = decided.flatMap(({ decision }) => (decision.what === 'record' ? [decision.row] : []));
  const { lost } = await run.rows.write(records);
  // One refused row must not hold up the others. If all of several are refused, the table itself is at fault.
  if (lost.length > 1 && lost.length === records.length) throw new TransientFailure('The table refuses every row');
  for (const { taskId, decision } of decided) {
    // Another sweep of this run may publish it: a backfill reaches below the floor of the head, which lists it first.
    if (decision.what === 'nothing' && !decision.mayBeEligibleElsewhere) run.rows.markDone(taskId);
    if (decision.anomaly === undefined) continue;
    run.count(decision.anomaly);
    run.logger.warn(
      decision.anomaly === 'reopened' ? 'An ended task runs again' : 'A task has a status that is not known here',
      { taskId },
    );
  }
  return run.publisher.publish(
    decided.flatMap(({ decision }) => (decision.what === 'publish' ? [finishedTask(decision, isDrift)] : [])),
    allowance,
  );
}

function finishedTask(
  { row, attempts, isNew }: Extract<Decision, { what: 'publish' }>,
  isDrift: DriftCheck,
): FinishedTask {
  return { what: 'ended', row, attempts, isDrift: isNew && isDrift(row.startTime) };
}
