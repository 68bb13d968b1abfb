import { DynamoDBClient, type DynamoDBClientConfig, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { StoredCheckpoint } from '../../lambdas/poller/core/checkpoint';
import type { EpochMs } from '../../lambdas/poller/core/task';
import { toCheckpoint } from '../../lambdas/poller/edges/checkpoint-item';
import { CHECKPOINT_KEY } from '../../lambdas/poller/edges/row-item';
import { tableSchema } from '../../lambdas/poller/table-schema';
import { clientOptions } from './command';

export interface KeptCheckpoint extends StoredCheckpoint {
  /** Whoever took the lease last. */
  readonly leaseOwner?: string;
  /** 0 when it was given back. */
  readonly leaseExpiresAtMs: EpochMs;
}

/** Reads the checkpoint of a source, and leaves it as it is. @returns undefined before the first run */
export function checkpointReader(tableName: string, source: string, where: DynamoDBClientConfig = {}) {
  const client = new DynamoDBClient({ ...clientOptions, ...where });
  const Key = marshall({ [tableSchema.partitionKey]: source, [tableSchema.sortKey]: CHECKPOINT_KEY });
  return async (signal?: AbortSignal): Promise<KeptCheckpoint | undefined> => {
    const get = new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true });
    const { Item } = await client.send(get, signal && { abortSignal: signal });
    if (Item === undefined) return undefined;
    const item = unmarshall(Item);
    return {
      ...toCheckpoint(item),
      ...(typeof item.leaseOwner === 'string' && { leaseOwner: item.leaseOwner }),
      leaseExpiresAtMs: Number(item.leaseExpiresAtMs ?? 0),
    };
  };
}
