import {
  type AttributeValue,
  BatchWriteItemCommand,
  type BatchWriteItemInput,
  type BatchWriteItemOutput,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Budget } from '../budget';
import { storedTime } from '../core/instant';
import type { EpochMs } from '../core/task';
import type { TaskRow } from '../core/task-row';
import { LeaseLost, RequestRefused } from '../errors';
import type { Lease, PollRequests, SnapshotTable } from '../ports';
import { toAttributeValues } from './attributes';
import { toAttributes, toCheckpoint } from './checkpoint-item';
import { quietLogger } from './quiet-sdk';
import { type CommandSender, repeatedCommand } from './repeated-command';
import { essentialsOf, toItem } from './row-item';
import {
  checkpointKey,
  chunks,
  openSourceTable,
  pauseBeforeRetry,
  present,
  readCandidates,
  readRows,
  sorted,
} from './table-reader';

/** DynamoDB takes 25. A write that arrives late undoes the records of a later run, and no more than one batch of events may repeat. */
const MAX_ROWS_PER_WRITE = 10;

/** No lease lasts longer than Lambda's longest timeout and a little: one that claims to is left by a clock that jumped. */
export const LONGEST_LEASE_MS = 16 * 60_000;

/**
 * The rows and the checkpoint of one source.
 * @param where for a table that is not where the environment says
 */
export function connectSnapshotTable(
  tableName: string,
  source: string,
  includeMessage: boolean,
  where: DynamoDBClientConfig = {},
): SnapshotTable & PollRequests {
  const client = new DynamoDBClient({
    ...where,
    logger: quietLogger,
    requestHandler: {
      ...where.requestHandler,
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
    },
  });
  const table = openSourceTable(client, tableName, source);
  // A burst makes a hundred of them.
  const batchWrite = repeatedCommand<BatchWriteItemInput, BatchWriteItemOutput>(
    client as unknown as CommandSender,
    input => new BatchWriteItemCommand(input),
  );

  /** Updates the checkpoint. @throws ConditionalCheckFailedException, and what sortFailure makes of the rest */
  async function updateCheckpoint(
    set: string,
    condition: string | undefined,
    values: Record<string, unknown>,
    signal: AbortSignal,
  ) {
    const operation = 'UpdateItem of the checkpoint';
    const update = new UpdateItemCommand({
      TableName: tableName,
      Key: checkpointKey(source),
      UpdateExpression: `SET ${set}`,
      ...(condition && { ConditionExpression: condition }),
      ExpressionAttributeValues: marshall(values),
      ReturnValues: 'ALL_NEW',
    });
    const answer = await client.send(update, { abortSignal: signal }).catch((error: unknown) => {
      if (error instanceof ConditionalCheckFailedException) throw error;
      return sorted(operation)(error);
    });
    return unmarshall(present(answer.Attributes, operation));
  }

  /** One BatchWriteItem, and what it leaves unprocessed. */
  async function writeItems(items: readonly Record<string, unknown>[], budget: Budget): Promise<void> {
    const operation = 'BatchWriteItem';
    let requests: { PutRequest?: { Item: Record<string, AttributeValue> | undefined } }[] = items.map(item => ({
      PutRequest: { Item: toAttributeValues(item) },
    }));
    for (let attempt = 0; requests.length > 0; attempt += 1) {
      if (attempt > 0) await pauseBeforeRetry(attempt, budget, operation);
      const answer = await batchWrite(
        { RequestItems: { [tableName]: requests as WriteRequest[] } },
        budget.signal,
      ).catch(sorted(operation));
      requests = (present(answer.UnprocessedItems, operation)[tableName] ?? []) as typeof requests;
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
      const mayBeTaken =
        lease.after === undefined
          ? [isFree, hasExpired, isMine, cannotBe].join(' OR ')
          : `${isMine} OR (leaseOwner = :after AND (${hasExpired} OR ${cannotBe}))`;
      const set = [
        'leaseOwner = :me',
        'leaseExpiresAtMs = :expiresAtMs',
        'leaseTakenAt = :now',
        'pollRequested = :false',
        'emitSince = if_not_exists(emitSince, :emitSince)',
        'extraCallsReserved = if_not_exists(extraCallsReserved, :zero) + :reserved',
      ];
      try {
        const item = await updateCheckpoint(
          set.join(', '),
          mayBeTaken,
          {
            ':me': lease.owner,
            ':nowMs': lease.now,
            ':now': new Date(lease.now).toISOString(),
            ':expiresAtMs': lease.expiresAt,
            ':longestMs': lease.now + LONGEST_LEASE_MS,
            ':emitSince': new Date(lease.emitSince).toISOString(),
            ':false': false,
            ':zero': 0,
            ':reserved': lease.reservedCalls ?? 0,
            ...(lease.after !== undefined && { ':after': lease.after }),
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
      const item = await updateCheckpoint(
        attributes.map(([name]) => `${name} = :${name}`).join(', '),
        'leaseOwner = :me',
        { ...Object.fromEntries(attributes.map(([name, value]) => [`:${name}`, value])), ':me': owner },
        signal,
      ).catch(leaseLost);
      return { pollRequested: item.pollRequested === true };
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

    async readLease(now, signal) {
      const operation = 'BatchGetItem of the checkpoint';
      const request = { Keys: [checkpointKey(source)], ConsistentRead: true };
      const answer = await table.batchGet({ RequestItems: { [tableName]: request } }, signal).catch(sorted(operation));
      const [item] = present(present(answer.Responses, operation)[tableName], operation);
      return toLease(item ? unmarshall(item) : {}, now);
    },

    async requestPoll({ owner, isHeld }, now, signal) {
      try {
        await updateCheckpoint(
          'pollRequested = :true',
          `leaseOwner = :owner AND pollRequested = :false${isHeld ? ' AND leaseExpiresAtMs >= :nowMs' : ''}`,
          { ':true': true, ':false': false, ':owner': owner, ...(isHeld && { ':nowMs': now }) },
          signal,
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },

    readRows: (taskIds, budget) => readRows(table, taskIds, budget),

    async writeRows(rows, budget) {
      const write = (part: readonly TaskRow[]) =>
        writeItems(
          part.map(row => toItem(source, row, includeMessage)),
          budget,
        );
      return await writeInBatches(rows, write);
    },

    unsettled: budget => readCandidates(table, budget.signal),
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
    } else if (await isRefused([essentialsOf(first)])) lost.push(first.taskId);
    else cut.push(first.taskId);
  }
  for (const part of chunks(rows, MAX_ROWS_PER_WRITE)) await writeOrHalve(part);
  return { cut, lost };
}

/** The lease in a checkpoint. Without attributes there was no poll yet. */
export function toLease(item: Record<string, unknown>, now: EpochMs): Lease {
  const expiresAt = Number(item.leaseExpiresAtMs ?? 0);
  return {
    owner: typeof item.leaseOwner === 'string' ? item.leaseOwner : undefined,
    takenAt: storedTime(item.leaseTakenAt) ?? 0,
    isHeld: expiresAt >= now && expiresAt <= now + LONGEST_LEASE_MS,
    pollRequested: item.pollRequested === true,
  };
}

function leaseLost(error: unknown): never {
  if (error instanceof ConditionalCheckFailedException)
    throw new LeaseLost('Another run has taken over the lease', { cause: error });
  throw error;
}
