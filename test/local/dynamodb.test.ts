import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { createTableFromTemplate, startDynamoDb } from '../../local/services/dynamodb';
import { clientOf } from './clients';

const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: 'HASH' },
  { AttributeName: range, KeyType: 'RANGE' },
];
const Properties = {
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: keys('source', 'item'),
  AttributeDefinitions: ['source', 'item', 'due'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
  GlobalSecondaryIndexes: [
    {
      IndexName: 'unsettled',
      KeySchema: keys('source', 'due'),
      Projection: { ProjectionType: 'KEYS_ONLY' },
      ContributorInsightsSpecification: { Enabled: false },
    },
  ],
  TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
  PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  DeletionProtectionEnabled: true,
  SSESpecification: { SSEEnabled: true },
  Tags: [{ Key: 'a', Value: 'b' }],
};
const template = {
  Resources: {
    Topic: { Type: 'AWS::SNS::Topic' },
    Snapshot: { Type: 'AWS::DynamoDB::Table', Properties },
    Global: { Type: 'AWS::DynamoDB::GlobalTable', Properties: { ...Properties, Replicas: [{ Region: 'us-east-1' }] } },
  },
};
const Item = { source: { S: 's' }, item: { S: 'i' }, due: { S: '1' } };
const Key = { source: Item.source, item: Item.item };

test("creates the template's table once, reads and writes it", async () => {
  const db = await startDynamoDb();
  const client = new DynamoDBClient(clientOf(db));
  try {
    await expect(createTableFromTemplate(db.url, template, 'Global')).resolves.toBe('Global');
    const TableName = await createTableFromTemplate(db.url, template, 'Snapshot', 'my-table');
    await client.send(new PutItemCommand({ TableName, Item }));
    await createTableFromTemplate(db.url, template, 'Snapshot', 'my-table');
    await expect(client.send(new GetItemCommand({ TableName, Key }))).resolves.toMatchObject({ Item });
    const query = {
      IndexName: 'unsettled',
      KeyConditionExpression: '#s = :s',
      ExpressionAttributeNames: { '#s': 'source' },
    };
    const found = await client.send(
      new QueryCommand({ TableName, ...query, ExpressionAttributeValues: { ':s': Item.source } }),
    );
    expect(found.Items).toEqual([Item]);
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    expect(db.calls.of('PutItem')).toBe(1);
  } finally {
    client.destroy();
    await db.close();
  }
});

test('supports faults: a lost write, and a lost answer', async () => {
  const db = await startDynamoDb();
  const client = new DynamoDBClient(clientOf(db));
  try {
    const TableName = await createTableFromTemplate(db.url, template, 'Snapshot');
    const exists = async () => (await client.send(new GetItemCommand({ TableName, Key }))).Item !== undefined;
    for (const when of ['before', 'after'] as const) {
      db.intercept = call =>
        call.operation === 'PutItem' && call.input.TableName === TableName ? { when, how: 'reset' } : undefined;
      await expect(client.send(new PutItemCommand({ TableName, Item }))).rejects.toThrow('ECONNRESET');
      await expect(exists()).resolves.toBe(when === 'after');
    }
  } finally {
    client.destroy();
    await db.close();
  }
});

test('keeps its tables in a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tables-'));
  const TableName = 'Snapshot';
  try {
    for (const start of [1, 2]) {
      const db = await startDynamoDb({ path: join(folder, 'not', 'there') });
      const client = new DynamoDBClient(clientOf(db));
      await createTableFromTemplate(db.url, template, TableName);
      if (start === 1) await client.send(new PutItemCommand({ TableName, Item }));
      else await expect(client.send(new GetItemCommand({ TableName, Key }))).resolves.toMatchObject({ Item });
      client.destroy();
      await Promise.all([db.close(), db.close()]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('fails when the template has no such table, naming those it has', async () => {
  const made = createTableFromTemplate('http://127.0.0.1:1', template, 'Topic');
  await expect(made).rejects.toThrow('no table Topic; its tables are: Snapshot, Global');
});
