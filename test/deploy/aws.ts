/** The questions that the story of a deployment asks, by the AWS SDK and nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { MiniStack } from '../../local/ministack/ministack';

export function awsOf({ clientOptions: options, environment }: MiniStack) {
  const cloudFormation = new CloudFormationClient(options);
  const logs = new CloudWatchLogsClient(options);
  const dynamoDb = new DynamoDBClient(options);
  const sqs = new SQSClient(options);

  return {
    options,
    eventBridge: new EventBridgeClient(options),
    cloudWatch: new CloudWatchClient(options),
    iam: new IAMClient(options),
    lambda: new LambdaClient(options),
    scheduler: new SchedulerClient(options),
    stepFunctions: new SFNClient(options),
    partnerCentral: new PartnerCentralSellingClient({
      ...options,
      endpoint: environment.AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING,
      requestHandler: {},
    }),

    /** Names of a stack's resources, by logical id. */
    async resourcesOf(stack: string): Promise<Readonly<Record<string, string>>> {
      const found: Record<string, string> = {};
      for await (const page of paginateListStackResources({ client: cloudFormation }, { StackName: stack }))
        for (const { LogicalResourceId = '', PhysicalResourceId = '' } of page.StackResourceSummaries ?? [])
          found[LogicalResourceId] = PhysicalResourceId;
      return found;
    },

    /** @throws Error when there is no such stack */
    async statusOf(stack: string): Promise<string | undefined> {
      const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stack }));
      return Stacks[0]?.StackStatus;
    },

    async templateOf(stack: string) {
      const { TemplateBody = '' } = await cloudFormation.send(new GetTemplateCommand({ StackName: stack }));
      return JSON.parse(TemplateBody);
    },

    async linesOf(logGroup: string): Promise<string[]> {
      const lines: string[] = [];
      for await (const page of paginateFilterLogEvents({ client: logs }, { logGroupName: logGroup }))
        lines.push(...(page.events ?? []).map(({ message = '' }) => message.trimEnd()));
      return lines;
    },

    async itemsOf(table: string): Promise<Record<string, unknown>[]> {
      const found: Record<string, unknown>[] = [];
      for await (const page of paginateScan({ client: dynamoDb }, { TableName: table, ConsistentRead: true }))
        found.push(...(page.Items ?? []).map(item => unmarshall(item)));
      return found;
    },

    /** Takes all that is in a queue just now. */
    async take(queue: string): Promise<string[]> {
      const bodies: string[] = [];
      for (;;) {
        const receive = new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 });
        const { Messages = [] } = await sqs.send(receive);
        if (Messages.length === 0) return bodies;
        for (const { Body = '', ReceiptHandle } of Messages) {
          bodies.push(Body);
          await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
        }
      }
    },
  };
}

export type Aws = ReturnType<typeof awsOf>;

/**
 * Asks again and again, once a second unless told, until there is an answer.
 * @throws Error saying what did not happen
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined | false>,
  everyMs = 1_000,
): Promise<T> {
  for (const end = Date.now() + seconds * 1_000; ; await sleep(everyMs)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`Within ${seconds} seconds it did not happen that ${what}`);
  }
}
