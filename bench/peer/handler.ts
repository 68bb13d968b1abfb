/**
 * THE PEER: NOT OUR CODE. It is the usual tutorial poller, and exists only to be measured against. Each run scans the
 * table, lists every page of tasks, compares, publishes an event for each ended task in batches of ten, and writes the
 * rows that changed.
 *
 * Where implementations differ, it uses the better variant: pages of 1,000 instead of the default 100; a Scan, which needs
 * a tenth of the capacity units of BatchGetItem and a hundredth of the calls; rows of three attributes; a first run that
 * publishes nothing. It keeps the typical bugs: it ignores FailedEntryCount and UnprocessedItems.
 */
import { BatchWriteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  type ListOpportunityFromEngagementTaskSummary,
  ListOpportunityFromEngagementTasksCommand,
  PartnerCentralSellingClient,
} from '@aws-sdk/client-partnercentral-selling';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

const partnerCentral = new PartnerCentralSellingClient({ region: 'us-east-1' });
const dynamoDb = new DynamoDBClient({});
const eventBridge = new EventBridgeClient({});
const { TABLE_NAME = '', EVENT_BUS_NAME = '', CATALOG = '' } = process.env;

type Task = ListOpportunityFromEngagementTaskSummary;

export async function handler() {
  const known = await readEveryRow();
  const isFirstRun = known.size === 0;
  let published = 0;
  for await (const tasks of everyPage()) {
    const changed = tasks.filter(task => known.get(task.TaskId as string) !== task.TaskStatus);
    const ended = changed.filter(task => task.TaskStatus === 'COMPLETE' || task.TaskStatus === 'FAILED');
    if (!isFirstRun) {
      await publish(ended);
      published += ended.length;
    }
    await write(changed);
  }
  return { published };
}

/** Status by task id. */
async function readEveryRow(): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  let start: Record<string, never> | undefined;
  do {
    const page = await dynamoDb.send(new ScanCommand({ TableName: TABLE_NAME, ExclusiveStartKey: start }));
    for (const item of page.Items ?? []) {
      const { taskId, status } = unmarshall(item);
      rows.set(taskId, status);
    }
    start = page.LastEvaluatedKey as typeof start;
  } while (start);
  return rows;
}

async function* everyPage(): AsyncGenerator<Task[]> {
  let token: string | undefined;
  do {
    const page = await partnerCentral.send(
      new ListOpportunityFromEngagementTasksCommand({ Catalog: CATALOG, MaxResults: 1_000, NextToken: token }),
    );
    yield page.TaskSummaries ?? [];
    token = page.NextToken;
  } while (token);
}

async function publish(tasks: Task[]): Promise<void> {
  for (let from = 0; from < tasks.length; from += 10) {
    const Entries = tasks.slice(from, from + 10).map(task => ({
      EventBusName: EVENT_BUS_NAME,
      Source: 'partner-central-poller',
      DetailType: 'TaskStatusChanged',
      Detail: JSON.stringify({
        taskId: task.TaskId,
        taskStatus: task.TaskStatus,
        reasonCode: task.ReasonCode,
        message: task.Message,
        opportunityId: task.OpportunityId,
        engagementId: task.EngagementId,
      }),
    }));
    await eventBridge.send(new PutEventsCommand({ Entries }));
  }
}

async function write(tasks: Task[]): Promise<void> {
  for (let from = 0; from < tasks.length; from += 25) {
    const requests = tasks.slice(from, from + 25).map(task => ({
      PutRequest: {
        Item: marshall({ taskId: task.TaskId, status: task.TaskStatus, updatedAt: new Date().toISOString() }),
      },
    }));
    await dynamoDb.send(new BatchWriteItemCommand({ RequestItems: { [TABLE_NAME]: requests } }));
  }
}
