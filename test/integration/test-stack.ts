/**
 * A local stack for tests: the deployed bundles and template, over HTTP, on the project's stand-ins for AWS, and dynalite or
 * Amazon's DynamoDB Local.
 */
import {
  BatchWriteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  ScanCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { sourceId } from '../../lambdas/source-id';
import type { Call } from '../../local/services/service';
import { type LocalStackOptions, startLocalStack } from '../../local/start/local-stack';
import { ownRequest } from '../faults';
import { stackActions } from './stack-actions';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export type TestStack = Awaited<ReturnType<typeof openTestStack>>;

/**
 * @param settings overrides of the synthesized settings
 * @param skipPauses whether to skip the poller's own pauses
 * @param more other options of the stack
 */
export async function openTestStack(
  settings: Record<string, unknown> = {},
  skipPauses = true,
  more: Partial<LocalStackOptions> = {},
) {
  const logs: string[] = [];
  const stack = await startLocalStack({
    directory: process.env.SYNTHESIZED as string,
    stackName: 'PartnerCentralTaskPoller',
    dynamoDbEndpoint: process.env.DYNAMODB_ENDPOINT,
    settings,
    skipPauses,
    onLog: line => logs.push(line),
    ...more,
  });
  const store = stack.partnerCentral.store(stack.catalog, stack.taskFamily);
  const database = new DynamoDBClient({
    endpoint: stack.dynamoDb.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });

  async function items() {
    const found: Record<string, unknown>[] = [];
    let start: Record<string, never> | undefined;
    do {
      const page = await database.send(
        new ScanCommand({ TableName: stack.tableName, ExclusiveStartKey: start, ConsistentRead: true }),
      );
      found.push(...(page.Items ?? []).map(item => unmarshall(item)));
      start = page.LastEvaluatedKey as typeof start;
    } while (start);
    return found;
  }

  async function item(sortKey: string): Promise<Record<string, unknown> | undefined> {
    const Key = marshall({ source: sourceId(stack), item: sortKey });
    const { Item } = await database.send(new GetItemCommand({ TableName: stack.tableName, Key, ConsistentRead: true }));
    return Item && unmarshall(Item);
  }

  /** 25 items at a time, the limit of one call. */
  async function write(requests: WriteRequest[]) {
    for (let from = 0; from < requests.length; from += 25) {
      const some = requests.slice(from, from + 25);
      await database.send(new BatchWriteItemCommand({ RequestItems: { [stack.tableName]: some } }));
    }
  }
  const put = (all: readonly Record<string, unknown>[]) =>
    write(all.map(item => ({ PutRequest: { Item: marshall(item) } })));
  const remove = async (which: (item: Record<string, unknown>) => boolean) =>
    write(
      (await items()).filter(which).map(({ source, item }) => ({ DeleteRequest: { Key: marshall({ source, item }) } })),
    );

  const basics = { ...stack, store, logs, now: Date.now, items, item, putItems: put, removeItems: remove };
  return {
    ...basics,
    ...stackActions(basics),
    poll: stack.poll,

    /** The table's own answer, for an intercept that changes it. */
    async askTable(operation: string, input: Call['input']): Promise<Record<string, unknown>> {
      const answer = await fetch(stack.dynamoDb.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${operation}`,
          'x-amz-date': '20261122T000000Z',
          authorization:
            'AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
        },
        body: JSON.stringify({ ...input, ...ownRequest }),
      });
      return (await answer.json()) as Record<string, unknown>;
    },

    /** Restores the initial state. Processes stay warm. */
    async reset() {
      for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) {
        service.intercept = undefined;
        service.calls.reset();
      }
      stack.partnerCentral.tamper = undefined;
      stack.eventBridge.entryFault = undefined;
      stack.eventBridge.clear();
      store.fromJSON({ nextNumber: 0, tasks: [], clientTokens: [] });
      logs.length = 0;
      await remove(() => true);
    },
    async close() {
      database.destroy();
      await stack.close();
    },
  };
}
