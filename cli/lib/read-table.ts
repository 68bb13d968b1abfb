/** Reads what the poller has written of one source. All reads are consistent but that of the index, which only names candidates. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  paginateQuery,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { StoredCheckpoint } from '../../lambdas/poller/core/checkpoint';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { refuseNewerFormat, taskIdOf, taskKey, toRow } from '../../lambdas/poller/edges/row-item';
import { tableSchema } from '../../lambdas/poller/table-schema';
import { clientOptions } from './command';
import { CommandFailure } from './context';
import type { DeployedSource } from './deployment';
import { checkpointReader } from './overlay-checkpoint';

export interface Lease {
  readonly owner: string;
  readonly expiresAt: number;
}

const { partitionKey, sortKey, index } = tableSchema;
type Item = Record<string, unknown>;

export function openTable(
  { tableName: TableName, id: source }: Pick<DeployedSource, 'tableName' | 'id'>,
  signal: AbortSignal,
) {
  const client = new DynamoDBClient(clientOptions);
  const sending = { abortSignal: signal };

  function readRow(marshalled: Record<string, AttributeValue>): TaskRow {
    const item: Item = unmarshall(marshalled);
    refuseNewerFormat('A row', item.formatVersion);
    return toRow(item).row;
  }

  const explainGone = (error: Error): never => {
    if (error.name !== 'ResourceNotFoundException') throw error;
    throw new CommandFailure(`The table ${TableName} is gone: docs/runbook.md tells how to restore it.`);
  };

  return {
    /** @returns undefined before the first poll */
    async checkpoint(): Promise<{ checkpoint: StoredCheckpoint; lease?: Lease } | undefined> {
      const kept = await checkpointReader(TableName, source)(signal).catch(explainGone);
      if (!kept) return undefined;
      refuseNewerFormat('The checkpoint', kept.formatVersion);
      const { leaseOwner: owner, leaseExpiresAtMs: expiresAt, ...checkpoint } = kept;
      return { checkpoint, ...(owner !== undefined && expiresAt > 0 && { lease: { owner, expiresAt } }) };
    },

    async row(taskId: string): Promise<TaskRow | undefined> {
      const get = new GetItemCommand({ TableName, Key: marshall(taskKey(source, taskId)), ConsistentRead: true });
      const { Item } = await client.send(get, sending).catch(explainGone);
      return Item && readRow(Item);
    },

    /** The rows that are still watched, as they are now: the index may lag. */
    async unsettledRows(): Promise<TaskRow[]> {
      const taskIds = new Set<string>();
      const query = {
        TableName,
        IndexName: index.name,
        KeyConditionExpression: `${index.partitionKey} = :source`,
        ExpressionAttributeValues: marshall({ ':source': source }),
      };
      const pages = paginateQuery({ client }, query, sending);
      try {
        for await (const { Items = [] } of pages) for (const item of Items) taskIds.add(taskIdOf(unmarshall(item)));
      } catch (error) {
        explainGone(error as Error);
      }
      const rows: TaskRow[] = [];
      const all = [...taskIds];
      for (let from = 0; from < all.length; from += 100) {
        let Keys: Record<string, AttributeValue>[] = all
          .slice(from, from + 100)
          .map(id => marshall(taskKey(source, id)));
        while (Keys.length > 0) {
          const get = new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys, ConsistentRead: true } } });
          const { Responses, UnprocessedKeys } = await client.send(get, sending);
          rows.push(...(Responses?.[TableName] ?? []).map(readRow));
          Keys = UnprocessedKeys?.[TableName]?.Keys ?? [];
          if (Keys.length > 0) await sleep(200, undefined, { signal });
        }
      }
      return rows.filter(({ settled }) => !settled);
    },

    /** Every row, page by page, in the order of the task ids. */
    async *allRows(): AsyncGenerator<TaskRow[]> {
      const query = {
        TableName,
        KeyConditionExpression: '#source = :source AND begins_with(#item, :task)',
        ExpressionAttributeNames: { '#source': partitionKey, '#item': sortKey },
        ExpressionAttributeValues: marshall({ ':source': source, ':task': taskKey(source, '')[sortKey] }),
        ConsistentRead: true,
      };
      try {
        for await (const { Items = [] } of paginateQuery({ client }, query, sending)) yield Items.map(readRow);
      } catch (error) {
        explainGone(error as Error);
      }
    },
  };
}
