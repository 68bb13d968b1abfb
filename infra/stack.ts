import { CfnOutput, Stack, Tags } from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { ManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Config, ownKeys, readConfig } from './config';
import { stackKeys } from './config-entries';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from './task-poller';
import type { TaskPollerSettings } from './task-poller-settings';

/**
 * The poller as a stack, configured by a CDK context. An account can have several: only the bus has an explicit name, and
 * that name is derived from the stack's.
 */
export class TaskPollerStack extends Stack {
  /** @throws ConfigurationError naming every invalid key */
  constructor(scope: Construct, id: string, { context }: { readonly context: Record<string, unknown> }) {
    const config = readConfig(context);
    super(scope, id, {
      description: 'Publishes an event when an AWS Partner Central task completes or fails',
      ...(config.tags && { tags: config.tags }), // of the stack itself
    });
    // CDK omits the id Default from logical ids, so that they equal those of a stack without the construct.
    const poller = new PartnerCentralTaskPoller(this, 'Default', propsOf(this, context, config));
    for (const [key, value] of Object.entries(config.tags ?? {})) Tags.of(this).add(key, value);
    if (config.permissionsBoundary) limitRoles(this, config.permissionsBoundary);

    const output = (key: string, value: string | undefined, description: string) =>
      value !== undefined && new CfnOutput(this, key, { value, description });
    const { failedRuns, undeliveredAlerts, keyFailures, unforwarded } = poller.deadLetterQueues;
    output('EventBusName', poller.eventBus.eventBusName, 'Bus with the TaskCompleted and TaskFailed events');
    output('EventBusArn', poller.eventBus.eventBusArn, 'The same bus, for rules and policies');
    output('SnapshotTableName', poller.table.tableName, 'DynamoDB table with the state of each task');
    output('TaskAlertsTopicArn', poller.alertTopic.topicArn, 'SNS topic with mails about failed tasks');
    output(
      'ChatAlertsTopicArn',
      poller.chatAlertTopic?.topicArn,
      'SNS topic with the same alerts for Slack or Teams; connect it to Amazon Q Developer in chat applications',
    );
    config.sources.forEach(({ idSuffix, label }, at) => {
      const { functionName, logGroup } = poller.functions[at] as LambdaFunction;
      const which = idSuffix && ` (${label})`;
      output(
        `PollerFunctionName${idSuffix}`,
        functionName,
        `Function that polls; invoke it with {"mode":"poll"}${which}`,
      );
      output(`PollerLogGroupName${idSuffix}`, logGroup.logGroupName, `Log group of that function${which}`);
      output(
        `FailedRunsQueueUrl${idSuffix}`,
        failedRuns[at]?.queueUrl,
        `Queue with the polls that failed, and their errors${which}`,
      );
    });
    output(
      'UndeliveredAlertsQueueUrl',
      undeliveredAlerts.queueUrl,
      'Queue with the failed tasks whose alert was not delivered',
    );
    output('KeyFailuresQueueUrl', keyFailures?.queueUrl, 'Queue with events that the bus could not encrypt or decrypt');
    output('UnforwardedQueueUrl', unforwarded?.queueUrl, 'Queue with events that a forwardTo bus did not accept');
    if (config.alarmTopicArns === undefined)
      output('AlarmTopicArn', poller.alarmTopics[0]?.topicArn, 'SNS topic of the alarms');
  }
}

/** The configuration has names and ARNs; the construct takes objects. */
function propsOf(stack: Stack, context: Record<string, unknown>, config: Config): PartnerCentralTaskPollerProps {
  const { existingTableName, existingEventBusName, alarmTopicArns } = config;
  const settings = Object.entries(ownKeys(context)).filter(([key]) => !stackKeys.includes(key));
  return {
    ...(Object.fromEntries(settings) as unknown as TaskPollerSettings),
    ...(existingTableName && { table: Table.fromTableName(stack, 'ExistingTable', existingTableName) }),
    ...(existingEventBusName && {
      eventBus: EventBus.fromEventBusName(stack, 'ExistingEventBus', existingEventBusName),
    }),
    ...(alarmTopicArns && {
      alarmTopics: alarmTopicArns.map((arn, at) => Topic.fromTopicArn(stack, `AlarmTopic${at}`, arn)),
    }),
  };
}

/** Applies to every role of the stack, including roles that CDK creates by itself. */
function limitRoles(stack: Stack, nameOrArn: string) {
  const policy = nameOrArn.startsWith('arn:')
    ? ManagedPolicy.fromManagedPolicyArn(stack, 'PermissionsBoundary', nameOrArn)
    : ManagedPolicy.fromManagedPolicyName(stack, 'PermissionsBoundary', nameOrArn);
  PermissionsBoundary.of(stack).apply(policy);
}
