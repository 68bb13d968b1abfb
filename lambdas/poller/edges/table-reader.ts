/** Reads the rows and the checkpoint of one source. All reads are consistent but that of the index, which names candidates only. */
import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemInput,
  type BatchGetItemOutput,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { type Budget, jitteredPauseMs } from '../budget';
import type { StoredCheckpoint } from '../core/checkpoint';
import { storedTime as epoch } from '../core/instant';
import { type EpochMs, withoutAbsent } from '../core/task';
import type { TaskRow } from '../core/task-row';
import { sortFailure, TransientFailure } from '../errors';
import type { Candidate } from '../ports';
import { tableSchema } from '../table-schema';
import { toCheckpoint } from './checkpoint-item';
import { type CommandSender, repeatedCommand } from './repeated-command';
import { CHECKPOINT_KEY, refuseNewerFormat, taskIdOf, taskKey, toRow } from './row-item';

const { partitionKey, sortKey, index } = tableSchema;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html */
const MAX_KEYS_PER_GET = 100;

export interface SourceTable {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly source: string;
  readonly batchGet: (input: BatchGetItemInput, signal: AbortSignal) => Promise<BatchGetItemOutput>;
}

export const openSourceTable = (client: DynamoDBClient, tableName: string, source: string): SourceTable => ({
  client,
  tableName,
  source,
  // A burst makes a hundred of them.
  batchGet: repeatedCommand(client as unknown as CommandSender, input => new BatchGetItemCommand(input)),
});

/** As much of a budget as a read uses. */
export type Patience = Pick<Budget, 'signal' | 'pause' | 'whole'>;

export const checkpointKey = (source: string) => marshall({ [partitionKey]: source, [sortKey]: CHECKPOINT_KEY });

export const sorted = (doing: string) => (error: unknown) => {
  throw sortFailure(error, doing, {
    denied: "Let the function's role use this operation on the snapshot table",
    notFound: 'The snapshot table is gone; the runbook says how to restore it',
    refused: 'Report it',
  });
};

/**
 * The SDK reads an empty body as an answer without members. Taken for an empty table, it would make us begin anew or
 * publish again; so what every answer has must be there.
 * @throws TransientFailure when it isn't
 */
export function present<T>(member: T | undefined, operation: string): T {
  if (member === undefined) throw new TransientFailure(`${operation}: the answer is empty`);
  return member;
}

/** @throws TransientFailure when no time of the whole run is left for it */
export async function pauseBeforeRetry(attempt: number, patience: Patience, operation: string): Promise<void> {
  if (await patience.pause(jitteredPauseMs(attempt), patience.whole)) return;
  throw new TransientFailure(`${operation}: left items unprocessed until the time was up`);
}

/** @throws PermanentFailure for a row of a newer release that this one would misread */
export function readRow(marshalled: Marshalled): { row: TaskRow; damaged: boolean } {
  const item = unmarshall(marshalled);
  refuseNewerFormat('A row', item.formatVersion);
  return toRow(item);
}

/** @returns rows by task id; `damaged` lists the ids of rows that could not be read whole */
export async function readRows(
  { batchGet, tableName, source }: SourceTable,
  taskIds: readonly string[],
  patience: Patience,
): Promise<{ rows: Map<string, TaskRow>; damaged: string[] }> {
  const rows = new Map<string, TaskRow>();
  const damaged: string[] = [];
  const operation = 'BatchGetItem';
  for (const chunk of chunks(taskIds, MAX_KEYS_PER_GET)) {
    let keys: Marshalled[] = chunk.map(taskId => marshall(taskKey(source, taskId)));
    for (let attempt = 0; keys.length > 0; attempt += 1) {
      if (attempt > 0) await pauseBeforeRetry(attempt, patience, operation);
      const read = { RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } };
      const answer = await batchGet(read, patience.signal).catch(sorted(operation));
      const unprocessed = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
      const found = present(answer.Responses, operation)[tableName];
      for (const marshalled of unprocessed.length > 0 ? (found ?? []) : present(found, operation)) {
        const result = readRow(marshalled);
        rows.set(result.row.taskId, result.row);
        if (result.damaged) damaged.push(result.row.taskId);
      }
      keys = unprocessed;
    }
  }
  return { rows, damaged };
}

/** All unsettled rows, the longest due first, as the index has them: it may lag. */
export async function readCandidates(table: SourceTable, signal: AbortSignal): Promise<Candidate[]> {
  const candidates = new Map<string, Candidate>(); // a row that moves between two pages shows on both
  const query = {
    TableName: table.tableName,
    IndexName: index.name,
    KeyConditionExpression: `${index.partitionKey} = :source`,
    ExpressionAttributeValues: marshall({ ':source': table.source }),
  };
  for await (const items of pagesOf(table, query, signal, 'Query of the index'))
    for (const item of items) {
      const candidate = toCandidate(unmarshall(item));
      candidates.set(candidate.taskId, candidate);
    }
  return [...candidates.values()];
}

export const toCandidate = (item: Record<string, unknown>): Candidate =>
  withoutAbsent({
    taskId: taskIdOf(item),
    nextCheckAt: epoch(item[index.sortKey]) ?? 0,
    inDoubt: Number(item.fruitlessChecks ?? 0) > 0,
    status: String(item.status),
    startTime: epoch(item.startTime),
    stalledAt: epoch(item.stalledAt),
    missing: item.missing === true,
    lastError: typeof item.lastError === 'string' ? item.lastError : undefined,
  });

/** The checkpoint with its lease. */
export interface LeasedCheckpoint extends StoredCheckpoint {
  /** Whoever took the lease last. */
  readonly leaseOwner?: string;
  /** 0 when it was given back. */
  readonly leaseExpiresAtMs: EpochMs;
}

/** What a poll reads by taking the lease, without taking it. @returns undefined before the first poll */
export async function readCheckpoint(
  { client, tableName, source }: SourceTable,
  signal: AbortSignal,
): Promise<LeasedCheckpoint | undefined> {
  const get = new GetItemCommand({ TableName: tableName, Key: checkpointKey(source), ConsistentRead: true });
  const { Item } = await client.send(get, { abortSignal: signal }).catch(sorted('GetItem of the checkpoint'));
  if (Item === undefined) return undefined;
  const item = unmarshall(Item);
  refuseNewerFormat('The checkpoint', item.formatVersion);
  return toLeased(item);
}

export const toLeased = (item: Record<string, unknown>): LeasedCheckpoint => ({
  ...toCheckpoint(item),
  ...(typeof item.leaseOwner === 'string' && { leaseOwner: item.leaseOwner }),
  leaseExpiresAtMs: Number(item.leaseExpiresAtMs ?? 0),
});

/** Every row, page by page, in the order of the task ids. */
export async function* allRows(table: SourceTable, signal: AbortSignal): AsyncGenerator<TaskRow[]> {
  const query = {
    TableName: table.tableName,
    KeyConditionExpression: '#source = :source AND begins_with(#item, :task)',
    ExpressionAttributeNames: { '#source': partitionKey, '#item': sortKey },
    ExpressionAttributeValues: marshall({ ':source': table.source, ':task': taskKey(table.source, '')[sortKey] }),
    ConsistentRead: true,
  };
  for await (const items of pagesOf(table, query, signal, 'Query of the rows'))
    yield items.map(item => readRow(item).row);
}

type Marshalled = Record<string, AttributeValue>;

async function* pagesOf(
  { client }: SourceTable,
  query: QueryCommandInput,
  signal: AbortSignal,
  doing: string,
): AsyncGenerator<Marshalled[]> {
  let start: Marshalled | undefined;
  do {
    const next = new QueryCommand({ ...query, ...(start && { ExclusiveStartKey: start }) });
    const answer = await client.send(next, { abortSignal: signal }).catch(sorted(doing));
    yield present(answer.Items, doing);
    start = answer.LastEvaluatedKey;
  } while (start);
}

export function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
