/** Is the snapshot table there, and set up as the stack does it? */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { tableSchema } from '../../../lambdas/poller/table-schema';
import { type Found, gone, type Sending, Wrong } from './check';

export async function describeTable(
  client: DynamoDBClient,
  TableName: string,
  sending: Sending,
): Promise<Found<TableDescription>> {
  const { Table } = await client
    .send(new DescribeTableCommand({ TableName }), sending)
    .catch(gone(`the table ${TableName} is gone: docs/runbook.md says how to restore it.`));
  if (Table?.TableStatus !== 'ACTIVE' && Table?.TableStatus !== 'UPDATING')
    throw new Wrong(`the table ${TableName} is ${Table?.TableStatus}: wait until it is ACTIVE.`);
  return [Table, TableName] as const;
}

export async function isProtected(
  table: { readonly DeletionProtectionEnabled?: boolean | undefined },
  tableName: string,
) {
  if (table.DeletionProtectionEnabled) return [true, 'on'] as const;
  throw new Wrong(`off: aws dynamodb update-table --table-name ${tableName} --deletion-protection-enabled`);
}

export async function expiresRows(client: DynamoDBClient, TableName: string, sending: Sending) {
  const { TimeToLiveDescription: ttl } = await client.send(new DescribeTimeToLiveCommand({ TableName }), sending);
  const attribute = tableSchema.timeToLive;
  const isSetUp = ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING';
  if (isSetUp && ttl.AttributeName === attribute) return [true, `on, by ${attribute}`] as const;
  const set = (enabled: boolean, name: string = attribute) =>
    `aws dynamodb update-time-to-live --table-name ${TableName} --time-to-live-specification Enabled=${enabled},AttributeName=${name}`;
  if (!isSetUp) throw new Wrong(`off, so old rows stay for ever: ${set(true)}`);
  // DynamoDB refuses another attribute while it is on, and another change within an hour.
  throw new Wrong(
    `on by ${ttl.AttributeName}, not by ${attribute}: ${set(false, ttl.AttributeName)}, and an hour later ${set(true)}`,
  );
}

export async function isBackedUp(client: DynamoDBClient, TableName: string, sending: Sending) {
  const answer = await client.send(new DescribeContinuousBackupsCommand({ TableName }), sending);
  const recovery = answer.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
  if (recovery?.PointInTimeRecoveryStatus === 'ENABLED') return [true, 'on'] as const;
  throw new Wrong(
    `off: aws dynamodb update-continuous-backups --table-name ${TableName} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
  );
}
