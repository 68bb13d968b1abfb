/** Which outcomes a replay publishes again, read from the table. */
import { type EpochMs, isTerminal, type TerminalStatus } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import type { TableReader } from '../../lib/table';

export interface Outcome {
  readonly taskId: string;
  readonly status: TerminalStatus;
  /** When it was seen first. */
  readonly seenAt: EpochMs;
}

/** What was seen from `since` until before `until`. */
export interface Period {
  readonly since: EpochMs;
  readonly until: EpochMs;
  readonly status?: TerminalStatus | undefined;
}

/** The outcome in a settled row; undefined for any other. */
export function outcomeOf({ taskId, status, settled, firstTerminalAt: seenAt }: TaskRow): Outcome | undefined {
  return settled && isTerminal(status) && seenAt !== undefined ? { taskId, status, seenAt } : undefined;
}

/**
 * All settled outcomes of a period, oldest first. Reads all rows of the source, for no index has the settled ones.
 * @param progress gets the number of rows read
 */
export async function findOutcomes(
  table: Pick<TableReader, 'allRows'>,
  { since, until, status }: Period,
  progress: (rows: number) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let read = 0;
  for await (const rows of table.allRows()) {
    read += rows.length;
    progress(read);
    const found = rows.map(outcomeOf).filter(outcome => outcome !== undefined);
    outcomes.push(
      ...found.filter(
        ended => ended.seenAt >= since && ended.seenAt < until && (status ?? ended.status) === ended.status,
      ),
    );
  }
  return outcomes.sort((a, b) => a.seenAt - b.seenAt);
}
