import type { Budget } from './budget';
import type { Watched } from './core/stalled';
import { type EpochMs, isTerminal, type ListedTask, withoutAbsent } from './core/task';
import type { TaskRow } from './core/task-row';
import type { Candidate, RunLogger, SnapshotTable } from './ports';
import type { Count } from './tally';

export type RunRows = ReturnType<typeof openRunRows>;

interface Given {
  readonly table: Pick<SnapshotTable, 'readRows' | 'writeRows' | 'unsettled'>;
  readonly budget: Budget;
  readonly logger: Pick<RunLogger, 'error'>;
  readonly count: Count;
}

/** The rows of one source as one run sees them, and which tasks the run is done with. */
export function openRunRows({ table, budget, logger, count }: Given) {
  /**
   * By task id, each task that this run is done with. A written row is kept as far as `unsettled` needs it: the index
   * may not show it yet, and a first run may write a great many.
   */
  const done = new Map<string, Watched | 'settled' | 'unchanged'>();
  /** Start of the youngest task that was listed as running. The index may not have it yet. */
  let youngestListed: EpochMs | undefined;

  /** Writes rows of tasks that are not done yet. @returns ids of the rows that the table refuses */
  async function tryWrite(rows: readonly TaskRow[]): Promise<{ readonly lost: readonly string[] }> {
    const { cut, lost } = await table.writeRows(rows, budget);
    count('refusedRows', cut.length + lost.length);
    if (cut.length > 0) logger.error('The table refused rows; only their outcome was kept', { taskIds: cut });
    if (lost.length > 0) logger.error('The table refused rows; nothing of them was kept', { taskIds: lost });
    return { lost };
  }

  return {
    /** Consistent reads. Rows by task id. */
    async read(taskIds: readonly string[]): Promise<Map<string, TaskRow>> {
      const { rows, damaged } = await table.readRows(taskIds, budget);
      count('damagedRows', damaged.length);
      if (damaged.length > 0) logger.error('Rows with damaged attributes were read without them', { taskIds: damaged });
      return rows;
    },

    tryWrite,

    /** The unsettled rows as the index has them, the longest due first. */
    candidates: (): Promise<Candidate[]> => table.unsettled(budget),

    /** Writes rows. The run is done with these tasks, but for those whose rows are refused. */
    async write(rows: readonly TaskRow[]): Promise<{ readonly lost: readonly string[] }> {
      const { lost } = await tryWrite(rows);
      const refused = new Set(lost);
      for (const { taskId, settled, status, startTime, stalledAt, missing, lastError } of rows) {
        if (refused.has(taskId)) continue;
        done.set(taskId, settled ? 'settled' : withoutAbsent({ status, startTime, stalledAt, missing, lastError }));
      }
      return { lost };
    },

    /** Remembers the youngest of the listed tasks that run. */
    noteRunning(listed: readonly ListedTask[]): void {
      for (const { status, startTime } of listed)
        if (!isTerminal(status)) youngestListed = later(youngestListed, startTime);
    },

    /** Start of the youngest running task; undefined when none runs. */
    youngestStart(candidates: readonly Candidate[]): EpochMs | undefined {
      const running = this.unsettled(candidates).filter(({ status, missing }) => !isTerminal(status) && !missing);
      return running.reduce((youngest, { startTime }) => later(youngest, startTime), youngestListed);
    },

    /** The run is done with this task, and its row stays as it is. */
    markDone(taskId: string): void {
      if (!done.has(taskId)) done.set(taskId, 'unchanged');
    },

    /** A task that is listed twice, or by two sweeps, is processed once. */
    isDone: (taskId: string): boolean => done.has(taskId),

    /** The unsettled tasks: as the index had them, with what this run has written since. */
    unsettled(candidates: readonly Candidate[]): Watched[] {
      const unsettled = new Map<string, Watched>(candidates.map(candidate => [candidate.taskId, candidate]));
      for (const [taskId, row] of done) {
        if (row === 'settled') unsettled.delete(taskId);
        else if (row !== 'unchanged') unsettled.set(taskId, row);
      }
      return [...unsettled.values()];
    },
  };
}

const later = (one: EpochMs | undefined, other: EpochMs | undefined) =>
  one === undefined || (other !== undefined && other > one) ? other : one;
