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

/** The poller as a stack of its own, configured by a CDK context. Several fit in one account: only the bus has a name of ours, made from the stack's. */
export class TaskPollerStack extends Stack {
  /** @throws ConfigurationError naming every bad key */
  constructor(scope: Construct, id: string, { context }: { readonly context: Record<string, unknown> }) {
    const config = readConfig(context);
    super(scope, id, {
      description: 'Publishes an event when an AWS Partner Central task completes or fails',
      ...(config.tags && { tags: config.tags }), // of the stack itself
    });
    // The id that leaves no trace in logical ids, so that they are those of a stack without the construct.
    const poller = new PartnerCentralTaskPoller(this, 'Default', propsOf(this, context, config));
    for (const [key, value] of Object.entries(config.tags ?? {})) Tags.of(this).add(key, value);
    if (config.permissionsBoundary) limitRoles(this, config.permissionsBoundary);

    const output = (key: string, value: string | undefined, description: string) =>
      value !== undefined && new CfnOutput(this, key, { value, description });
    const { failedRuns, undeliveredAlerts, keyFailures, unforwarded } = poller.deadLetterQueues;
    output('EventBusName', poller.eventBus.eventBusName, 'Bus with the TaskCompleted and TaskFailed events');
    output('EventBusArn', poller.eventBus.eventBusArn, 'The same bus, for rules and policies');
    output('SnapshotTableName', poller.table.tableName, 'Table with what the poller knows of each task');
    output('TaskAlertsTopicArn', poller.alertTopic.topicArn, 'Topic with a text for people about failed tasks');
    output(
      'ChatAlertsTopicArn',
      poller.chatAlertTopic?.topicArn,
      'Topic with the same for Slack or Teams; give it to Amazon Q Developer in chat applications',
    );
    config.sources.forEach(({ idSuffix, catalog, taskFamily }, at) => {
      const { functionName, logGroup } = poller.functions[at] as LambdaFunction;
      const which = idSuffix && ` (${catalog}/${taskFamily})`;
      output(
        `PollerFunctionName${idSuffix}`,
        functionName,
        `Function that polls; invoke it with {"mode":"poll"}${which}`,
      );
      output(`PollerLogGroupName${idSuffix}`, logGroup.logGroupName, `Log of that function${which}`);
      output(
        `FailedRunsQueueUrl${idSuffix}`,
        failedRuns[at]?.queueUrl,
        `Queue with the polls that failed, and why${which}`,
      );
    });
    output(
      'UndeliveredAlertsQueueUrl',
      undeliveredAlerts.queueUrl,
      'Queue with the failed tasks nobody was told about',
    );
    output('KeyFailuresQueueUrl', keyFailures?.queueUrl, 'Queue with events that the bus lost to its key');
    output('UnforwardedQueueUrl', unforwarded?.queueUrl, 'Queue with events that a bus of forwardTo did not take');
    if (config.alarmTopicArns === undefined)
      output('AlarmTopicArn', poller.alarmTopics[0]?.topicArn, 'Topic with the alarms that go off and recover');
  }
}

/** What the configuration only names, the construct takes as such. */
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

/** Every role of the stack, those that CDK may come to make for itself included. */
function limitRoles(stack: Stack, nameOrArn: string) {
  const policy = nameOrArn.startsWith('arn:')
    ? ManagedPolicy.fromManagedPolicyArn(stack, 'PermissionsBoundary', nameOrArn)
    : ManagedPolicy.fromManagedPolicyName(stack, 'PermissionsBoundary', nameOrArn);
  PermissionsBoundary.of(stack).apply(policy);
}
