/** Reads what the poller has written of one source. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import {
  allRows,
  type LeasedCheckpoint,
  openSourceTable,
  type Patience,
  readCandidates,
  readCheckpoint,
  readRows,
} from '../../lambdas/poller/edges/table-reader';
import type { Aws } from './aws';
import { CommandFailure } from './context';
import type { DeployedSource } from './deployment';

export type TableReader = ReturnType<typeof openTable>;

/** @throws CommandFailure, from each of its methods, when the table is gone */
export function openTable(
  { tableName, id: source }: Pick<DeployedSource, 'tableName' | 'id'>,
  { aws, signal }: { readonly aws: Aws; readonly signal: AbortSignal },
) {
  const table = openSourceTable(new DynamoDBClient(aws('DYNAMODB')), tableName, source);
  /** A person waits for it, and stops it by Ctrl-C. */
  const patience: Patience = {
    signal,
    whole: { until: Number.POSITIVE_INFINITY, listCalls: 0, events: 0 },
    pause: ms => sleep(ms, true, { signal }),
  };

  const explainGone = (error: Error): never => {
    if ((error.cause as Error | undefined)?.name !== 'ResourceNotFoundException') throw error;
    throw new CommandFailure(`The table ${tableName} is gone: docs/runbook.md says how to restore it.`);
  };

  async function rowsOf(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskRow>> {
    const { rows } = await readRows(table, taskIds, patience).catch(explainGone);
    return rows;
  }

  return {
    /** @returns undefined before the first poll */
    checkpoint: (): Promise<LeasedCheckpoint | undefined> => readCheckpoint(table, signal).catch(explainGone),

    /** By task id; there are none of tasks that the table doesn't know. */
    rowsOf,

    /** The rows that are still watched, as they are now: the index may lag. */
    async unsettledRows(): Promise<TaskRow[]> {
      const candidates = await readCandidates(table, signal).catch(explainGone);
      const rows = await rowsOf(candidates.map(({ taskId }) => taskId));
      return [...rows.values()].filter(({ settled }) => !settled);
    },

    /** Every row, page by page, in the order of the task ids. */
    async *allRows(): AsyncGenerator<TaskRow[]> {
      try {
        yield* allRows(table, signal);
      } catch (error) {
        explainGone(error as Error);
      }
    },
  };
}
