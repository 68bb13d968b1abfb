/** Which endings a replay is about, read from the table. */
import { DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { type EpochMs, isTerminal, type TerminalStatus } from '../lambdas/poller/core/task';
import type { TaskRow } from '../lambdas/poller/core/task-row';
import { TASK_PREFIX, taskIdOf } from '../lambdas/poller/edges/row-item';
import { tableSchema } from '../lambdas/poller/table-schema';
import { clientOptions } from './command';

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
  { tableName, source }: { tableName: string; source: string },
  { since, until, status }: Period,
  progress: (rows: number) => void,
  signal: AbortSignal,
): Promise<Ending[]> {
  const client = new DynamoDBClient(clientOptions);
  const { partitionKey, sortKey, index } = tableSchema;
  const pages = paginateQuery(
    { client },
    {
      TableName: tableName,
      KeyConditionExpression: '#source = :source AND begins_with(#item, :task)',
      FilterExpression: `firstTerminalAt >= :since AND firstTerminalAt < :until AND attribute_not_exists(${index.partitionKey})`,
      ProjectionExpression: '#item, #status, firstTerminalAt',
      ExpressionAttributeNames: { '#source': partitionKey, '#item': sortKey, '#status': 'status' },
      ExpressionAttributeValues: marshall({
        ':source': source,
        ':task': TASK_PREFIX,
        ':since': new Date(since).toISOString(),
        ':until': new Date(until).toISOString(),
      }),
    },
    { abortSignal: signal },
  );
  const endings: Ending[] = [];
  let rows = 0;
  for await (const { Items = [], ScannedCount = 0 } of pages) {
    rows += ScannedCount;
    progress(rows);
    for (const marshalled of Items) {
      const item = unmarshall(marshalled);
      const ended = String(item.status);
      if (!isTerminal(ended) || (status ?? ended) !== ended) continue;
      endings.push({ taskId: taskIdOf(item), status: ended, seenAt: Date.parse(item.firstTerminalAt) });
    }
  }
  client.destroy();
  return endings.sort((a, b) => a.seenAt - b.seenAt);
}
