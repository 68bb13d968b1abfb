/** The snapshot table in a folder of this machine, for a poller of which nothing is deployed. */
import { ConditionalCheckFailedException, DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { CHECKPOINT_KEY } from '../../../lambdas/poller/edges/row-item';
import { connectSnapshotTable } from '../../../lambdas/poller/edges/snapshot-table';
import { tableSchema } from '../../../lambdas/poller/table-schema';
import { createTableFromTemplate, startDynamoDb } from '../../../local/services/dynamodb';
import { lock } from '../../../local/start/kept-state';
import { CannotStart } from '../../lib/cannot-start';
import { CommandFailure } from '../../lib/context';
import { checkpointReader } from '../../lib/overlay-checkpoint';

const { partitionKey, sortKey, index } = tableSchema;
const TABLE = 'Snapshot';

/** The stack's own table, as far as an embedded one can be like it. */
export const embeddedTableTemplate = {
  Resources: {
    [TABLE]: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [partitionKey, sortKey, index.partitionKey, index.sortKey].map(AttributeName => ({
          AttributeName,
          AttributeType: 'S',
        })),
        BillingMode: 'PAY_PER_REQUEST',
        GlobalSecondaryIndexes: [
          {
            IndexName: index.name,
            KeySchema: [
              { AttributeName: index.partitionKey, KeyType: 'HASH' },
              { AttributeName: index.sortKey, KeyType: 'RANGE' },
            ],
            Projection: { NonKeyAttributes: [...index.projected], ProjectionType: 'INCLUDE' },
          },
        ],
      },
    },
  },
};

/** @throws CommandFailure when another process uses the folder, or it can't be used */
export async function openEmbeddedTable(folder: string, source: string, includeMessage: boolean) {
  const unlock = lockFolder(folder);
  process.once('exit', unlock);
  const dynamoDb = await startDynamoDb({ path: folder });
  await createTableFromTemplate(dynamoDb.url, embeddedTableTemplate, TABLE);
  const where = {
    endpoint: dynamoDb.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  await endLease(new DynamoDBClient(where), source);
  return {
    table: connectSnapshotTable(TABLE, source, includeMessage, where),
    checkpoint: checkpointReader(TABLE, source, where),
    async close() {
      await dynamoDb.close();
      unlock();
    },
  };
}

function lockFolder(folder: string): () => void {
  try {
    return lock(folder);
  } catch (error) {
    throw error instanceof CannotStart ? new CommandFailure(error.message) : error;
  }
}

/** The folder is ours alone: whoever left a lease in it was killed, and nobody has to wait for its end. */
async function endLease(client: DynamoDBClient, source: string): Promise<void> {
  const end = new UpdateItemCommand({
    TableName: TABLE,
    Key: marshall({ [partitionKey]: source, [sortKey]: CHECKPOINT_KEY }),
    UpdateExpression: 'SET leaseExpiresAtMs = :zero',
    ConditionExpression: 'attribute_exists(leaseOwner)',
    ExpressionAttributeValues: marshall({ ':zero': 0 }),
  });
  await client.send(end).catch((error: unknown) => {
    if (!(error instanceof ConditionalCheckFailedException)) throw error; // nobody was here before
  });
  client.destroy();
}
