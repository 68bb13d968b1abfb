import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemInput,
  type BatchGetItemOutput,
  BatchWriteItemCommand,
  type BatchWriteItemInput,
  type BatchWriteItemOutput,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
  QueryCommand,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { type Budget, jitteredPauseMs } from '../budget';
import { storedTime as epoch } from '../core/instant';
import { withoutAbsent } from '../core/task';
import type { TaskRow } from '../core/task-row';
import { LeaseLost, RequestRefused, sortFailure, TransientFailure } from '../errors';
import type { Candidate, SnapshotTable } from '../ports';
import { tableSchema } from '../table-schema';
import { toAttributeValues } from './attributes';
import { toAttributes, toCheckpoint } from './checkpoint-item';
import { quietLogger } from './quiet-sdk';
import { type CommandSender, repeatedCommand } from './repeated-command';
import { CHECKPOINT_KEY, refuseNewerFormat, taskIdOf, taskKey, toItem, toRow } from './row-item';

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html */
const MAX_KEYS_PER_GET = 100;
/** DynamoDB takes 25. A write that arrives late undoes the records of a later run, and no more than one batch of events may repeat. */
const MAX_ROWS_PER_WRITE = 10;

/** No lease lasts longer than Lambda's longest timeout and a little: one that claims to is left by a clock that jumped. */
export const LONGEST_LEASE_MS = 16 * 60_000;

const { partitionKey, sortKey, index } = tableSchema;

/**
 * The rows and the checkpoint of one source.
 * @param where for a table that is not where the environment says
 */
export function connectSnapshotTable(
  tableName: string,
  source: string,
  includeMessage: boolean,
  where: DynamoDBClientConfig = {},
): SnapshotTable {
  const client = new DynamoDBClient({
    ...where,
    logger: quietLogger,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  // A burst makes a hundred of each.
  const sender = client as unknown as CommandSender;
  const batchWrite = repeatedCommand<BatchWriteItemInput, BatchWriteItemOutput>(
    sender,
    input => new BatchWriteItemCommand(input),
  );
  const batchGet = repeatedCommand<BatchGetItemInput, BatchGetItemOutput>(
    sender,
    input => new BatchGetItemCommand(input),
  );
  const checkpointKey = marshall({ [partitionKey]: source, [sortKey]: CHECKPOINT_KEY });

  const sorted = (doing: string) => (error: unknown) => {
    throw sortFailure(error, doing, {
      denied: "Let the function's role use this operation on the snapshot table",
      notFound: 'The snapshot table is gone; the runbook says how to restore it',
      refused: 'Report it',
    });
  };

  /** Updates the checkpoint. @throws ConditionalCheckFailedException, and what sortFailure makes of the rest */
  async function updateCheckpoint(
    set: string,
    condition: string | undefined,
    values: Record<string, unknown>,
    signal: AbortSignal,
  ) {
    const update = new UpdateItemCommand({
      TableName: tableName,
      Key: checkpointKey,
      UpdateExpression: `SET ${set}`,
      ...(condition && { ConditionExpression: condition }),
      ExpressionAttributeValues: marshall(values),
      ReturnValues: 'ALL_NEW',
    });
    const answer = await client.send(update, { abortSignal: signal }).catch((error: unknown) => {
      if (error instanceof ConditionalCheckFailedException) throw error;
      return sorted('UpdateItem of the checkpoint')(error);
    });
    return unmarshall(present(answer.Attributes, 'UpdateItem of the checkpoint'));
  }

  /** One BatchWriteItem, and what it leaves unprocessed. */
  async function writeItems(items: readonly Record<string, unknown>[], budget: Budget): Promise<void> {
    let requests: { PutRequest?: { Item: Record<string, AttributeValue> | undefined } }[] = items.map(item => ({
      PutRequest: { Item: toAttributeValues(item) },
    }));
    for (let attempt = 0; requests.length > 0; attempt += 1) {
      if (attempt > 0) await pauseBeforeRetry(attempt, budget, 'BatchWriteItem');
      const answer = await batchWrite(
        { RequestItems: { [tableName]: requests as WriteRequest[] } },
        budget.signal,
      ).catch(sorted('BatchWriteItem'));
      requests = (present(answer.UnprocessedItems, 'BatchWriteItem')[tableName] ?? []) as typeof requests;
    }
  }

  return {
    async requestAudit(now, signal) {
      await updateCheckpoint('auditRequestedAt = :now', undefined, { ':now': new Date(now).toISOString() }, signal);
    },

    async takeLease(lease) {
      const isFree = 'attribute_not_exists(leaseOwner)';
      const hasExpired = 'leaseExpiresAtMs < :nowMs';
      // A retried request whose first answer was lost must not lock us out.
      const isMine = 'leaseOwner = :me';
      const cannotBe = 'leaseExpiresAtMs > :longestMs';
      try {
        const item = await updateCheckpoint(
          'leaseOwner = :me, leaseExpiresAtMs = :expiresAtMs, emitSince = if_not_exists(emitSince, :emitSince)',
          [isFree, hasExpired, isMine, cannotBe].join(' OR '),
          {
            ':me': lease.owner,
            ':nowMs': lease.now,
            ':expiresAtMs': lease.expiresAt,
            ':longestMs': lease.now + LONGEST_LEASE_MS,
            ':emitSince': new Date(lease.emitSince).toISOString(),
          },
          lease.signal,
        );
        return toCheckpoint(item);
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw error;
      }
    },

    async finish(owner, checkpoint, signal) {
      const attributes = Object.entries({ ...toAttributes(checkpoint), leaseExpiresAtMs: 0 });
      await updateCheckpoint(
        attributes.map(([name]) => `${name} = :${name}`).join(', '),
        'leaseOwner = :me',
        { ...Object.fromEntries(attributes.map(([name, value]) => [`:${name}`, value])), ':me': owner },
        signal,
      ).catch(leaseLost);
    },

    async release(owner, signal, recordFailedAt) {
      const failed = recordFailedAt !== undefined && new Date(recordFailedAt).toISOString();
      await updateCheckpoint(
        `leaseExpiresAtMs = :zero${failed ? ', recordFailedAt = :failed' : ''}`,
        'leaseOwner = :me',
        { ':zero': 0, ':me': owner, ...(failed && { ':failed': failed }) },
        signal,
      ).catch(leaseLost);
    },

    async readRows(taskIds, budget) {
      const rows = new Map<string, TaskRow>();
      const damaged: string[] = [];
      for (const chunk of chunks(taskIds, MAX_KEYS_PER_GET)) {
        let keys: Record<string, AttributeValue>[] = chunk.map(taskId => marshall(taskKey(source, taskId)));
        for (let attempt = 0; keys.length > 0; attempt += 1) {
          if (attempt > 0) await pauseBeforeRetry(attempt, budget, 'BatchGetItem');
          const read = { RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } };
          const answer = await batchGet(read, budget.signal).catch(sorted('BatchGetItem'));
          const unprocessed = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
          const found = present(answer.Responses, 'BatchGetItem')[tableName];
          for (const marshalled of unprocessed.length > 0 ? (found ?? []) : present(found, 'BatchGetItem')) {
            const item = unmarshall(marshalled);
            refuseNewerFormat('A row', item.formatVersion);
            const result = toRow(item);
            rows.set(result.row.taskId, result.row);
            if (result.damaged) damaged.push(result.row.taskId);
          }
          keys = unprocessed;
        }
      }
      return { rows, damaged };
    },

    async writeRows(rows, budget) {
      const write = (part: readonly TaskRow[]) =>
        writeItems(
          part.map(row => toItem(source, row, includeMessage)),
          budget,
        );
      return await writeInBatches(rows, write);
    },

    async unsettled(budget) {
      const candidates = new Map<string, Candidate>(); // a row that moves between two pages shows on both
      let start: Record<string, AttributeValue> | undefined;
      do {
        const query: QueryCommand = new QueryCommand({
          TableName: tableName,
          IndexName: index.name,
          KeyConditionExpression: `${index.partitionKey} = :source`,
          ExpressionAttributeValues: marshall({ ':source': source }),
          ...(start && { ExclusiveStartKey: start }),
        });
        const answer = await client.send(query, { abortSignal: budget.signal }).catch(sorted('Query of the index'));
        for (const marshalled of present(answer.Items, 'Query of the index')) {
          const item = unmarshall(marshalled);
          const candidate = toCandidate(item);
          candidates.set(candidate.taskId, candidate);
        }
        start = answer.LastEvaluatedKey;
      } while (start);
      return [...candidates.values()];
    },
  };
}

/**
 * Writes rows, 10 a call. A call that is refused as a whole is halved until one row is left; of that row only what keeps
 * the event from being published again is written.
 * @param write makes one call
 * @returns ids of the rows of which only that was written (`cut`), and of those of which nothing was (`lost`)
 */
export async function writeInBatches(
  rows: readonly TaskRow[],
  write: (part: readonly TaskRow[]) => Promise<void>,
): Promise<{ cut: string[]; lost: string[] }> {
  const cut: string[] = [];
  const lost: string[] = [];
  const isRefused = (part: readonly TaskRow[]) =>
    write(part).then(
      () => false,
      (error: unknown) => {
        if (error instanceof RequestRefused) return true;
        throw error;
      },
    );
  async function writeOrHalve(part: readonly TaskRow[]): Promise<void> {
    const [first, ...others] = part;
    if (first === undefined || !(await isRefused(part))) return;
    if (others.length > 0) {
      const middle = Math.ceil(part.length / 2);
      await writeOrHalve(part.slice(0, middle));
      await writeOrHalve(part.slice(middle));
    } else if (await isRefused([essentials(first)])) lost.push(first.taskId);
    else cut.push(first.taskId);
  }
  for (const part of chunks(rows, MAX_ROWS_PER_WRITE)) await writeOrHalve(part);
  return { cut, lost };
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

/**
 * The SDK reads an empty body as an answer without members. Taken for a table that has nothing, it would make us begin
 * anew or publish again; so what every answer has must be there.
 * @throws TransientFailure when it isn't
 */
function present<T>(member: T | undefined, operation: string): T {
  if (member === undefined) throw new TransientFailure(`${operation}: the answer is empty`);
  return member;
}

/** @throws TransientFailure when no time of the whole run is left for it */
async function pauseBeforeRetry(attempt: number, budget: Budget, operation: string): Promise<void> {
  if (await budget.pause(jitteredPauseMs(attempt), budget.whole)) return;
  throw new TransientFailure(`${operation}: left items unprocessed until the time was up`);
}

function leaseLost(error: unknown): never {
  if (error instanceof ConditionalCheckFailedException)
    throw new LeaseLost('Another run has taken over the lease', { cause: error });
  throw error;
}

/** What says what was done about a task, without what the API said about it. */
function essentials(row: TaskRow): TaskRow {
  const { message, reasonCode, taskArn, opportunityId, resourceSnapshotJobId, ...most } = row;
  const { engagementId, engagementInvitationId, contextId, unknownAttributes, previousStatus, ...least } = most;
  return { ...least, lastError: 'The table refused the row' };
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
