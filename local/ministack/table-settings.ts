import { CloudFormationClient, DescribeStackResourceCommand } from '@aws-sdk/client-cloudformation';
import {
  DynamoDBClient,
  type PointInTimeRecoverySpecification,
  type TimeToLiveSpecification,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import type { Template } from '../synthesized';
import type { MiniStack } from './ministack';

/** Settings of the table that MiniStack's CloudFormation ignores: time to live and point-in-time recovery. */
export async function applyTableSettings(
  { clientOptions }: Pick<MiniStack, 'clientOptions'>,
  StackName: string,
  template: Template,
): Promise<void> {
  const cloudFormation = new CloudFormationClient(clientOptions);
  const dynamoDb = new DynamoDBClient(clientOptions);
  for (const [LogicalResourceId, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::DynamoDB::Table') continue;
    const describe = new DescribeStackResourceCommand({ StackName, LogicalResourceId });
    const TableName = (await cloudFormation.send(describe)).StackResourceDetail?.PhysicalResourceId;
    const settings = Properties as {
      TimeToLiveSpecification?: TimeToLiveSpecification;
      PointInTimeRecoverySpecification?: PointInTimeRecoverySpecification;
    };
    const { TimeToLiveSpecification, PointInTimeRecoverySpecification } = settings;
    if (TimeToLiveSpecification)
      await dynamoDb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    if (PointInTimeRecoverySpecification)
      await dynamoDb.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
  }
}
