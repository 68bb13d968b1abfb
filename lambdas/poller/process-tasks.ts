import type { Allowance } from './budget';
import { type Decision, diff, type EmissionRules } from './core/diff';
import type { EpochMs, ListedTask } from './core/task';
import type { TaskRow } from './core/task-row';
import { TransientFailure } from './errors';
import { record } from './record';
import type { Run } from './run-state';

/**
 * Deals with listed tasks: reads their rows, decides, records and publishes.
 * @param isDrift tells of an ended task that the table doesn't know whether it should have known it
 * @returns false when time or the event budget ran out; what is left over is dealt with when the page is fetched again
 */
export async function processTasks(
  run: Run,
  tasks: readonly ListedTask[],
  rules: EmissionRules | ((listed: ListedTask) => EmissionRules),
  allowance: Allowance,
  isDrift: (startTime: EpochMs | undefined) => boolean = () => false,
): Promise<boolean> {
  const fresh = new Map(tasks.filter(({ taskId }) => !run.handled.has(taskId)).map(task => [task.taskId, task]));
  const rows = await readRows(run, [...fresh.keys()]);
  const rulesOf = typeof rules === 'function' ? rules : () => rules;
  const decided = [...fresh.values()].map(listed => ({
    taskId: listed.taskId,
    decision: diff(rows.get(listed.taskId), listed, rulesOf(listed)),
  }));
  return applyDecisions(run, decided, allowance, isDrift);
}

export async function readRows(run: Run, taskIds: readonly string[]): Promise<Map<string, TaskRow>> {
  const { rows, damaged } = await run.table.readRows(taskIds, run.budget);
  if (damaged.length > 0) {
    run.counts.damagedRows += damaged.length;
    run.logger.error('Rows with damaged attributes were read without them', { taskIds: damaged });
  }
  return rows;
}

export interface Decided {
  readonly taskId: string;
  readonly decision: Decision;
}

/** What is only recorded goes first: it is quick, and nothing has to precede it. */
export async function applyDecisions(
  run: Run,
  decided: readonly Decided[],
  allowance: Allowance,
  isDrift: (startTime: EpochMs | undefined) => boolean = () => false,
): Promise<boolean> {
  const records = decided.flatMap(({ decision }) => (decision.what === 'record' ? [decision.row] : []));
  const { lost } = await record(run, records);
  // One row that is refused must not hold up the others; where all of several are, the table is what is wrong.
  if (lost.length > 1 && lost.length === records.length) throw new TransientFailure('The table refuses every row');
  for (const { taskId, decision } of decided) {
    // Not what another sweep of this run may publish: a backfill reaches below the floor of the head, which lists it first.
    if (decision.what === 'nothing' && !decision.mayBeEligibleElsewhere) run.handled.add(taskId);
    if (decision.anomaly === undefined) continue;
    run.counts[decision.anomaly] += 1;
    run.logger.warn(
      decision.anomaly === 'reopened' ? 'An ended task runs again' : 'A task has a status that is not known here',
      { taskId },
    );
  }
  const endings = decided.flatMap(({ decision }) =>
    decision.what === 'publish'
      ? [
          {
            what: 'ended' as const,
            row: decision.row,
            attempts: decision.attempts,
            isDrift: decision.isNew && isDrift(decision.row.startTime),
          },
        ]
      : [],
  );
  return run.publisher.publish(endings, allowance);
}
