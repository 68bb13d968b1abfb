/** Which endings a replay is about, read from the table. */
import { type EpochMs, isTerminal, type TerminalStatus } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import type { DeployedSource } from '../../lib/deployment';
import { openTable } from '../../lib/read-table';

export interface Ending {
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

/** The ending that a row tells of; nothing for one that is not done with. */
export function endingOf({ taskId, status, settled, firstTerminalAt: seenAt }: TaskRow): Ending | undefined {
  return settled && isTerminal(status) && seenAt !== undefined ? { taskId, status, seenAt } : undefined;
}

/**
 * All settled endings of a period, oldest first. Reads all rows of the source, for no index has the settled ones.
 * @param progress told how many rows have been read
 */
export async function findEndings(
  source: Pick<DeployedSource, 'tableName' | 'id'>,
  { since, until, status }: Period,
  progress: (rows: number) => void,
  signal: AbortSignal,
): Promise<Ending[]> {
  const endings: Ending[] = [];
  let read = 0;
  for await (const rows of openTable(source, signal).allRows()) {
    read += rows.length;
    progress(read);
    const found = rows.map(endingOf).filter(ending => ending !== undefined);
    endings.push(
      ...found.filter(
        ended => ended.seenAt >= since && ended.seenAt < until && (status ?? ended.status) === ended.status,
      ),
    );
  }
  return endings.sort((a, b) => a.seenAt - b.seenAt);
}
