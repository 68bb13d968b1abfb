import { CfnOutput, Stack, Tags } from 'aws-cdk-lib';
import { ManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Config } from './config';
import { Alarms } from './constructs/alarms';
import { Dashboard } from './constructs/dashboard';
import { encryptionKey as newEncryptionKey } from './constructs/encryption-key';
import { EventSchemas } from './constructs/event-schemas';
import { FailedTaskAlerts } from './constructs/failed-task-alerts';
import { LogQueries } from './constructs/log-queries';
import { Poller } from './constructs/poller';
import { SnapshotTable } from './constructs/snapshot-table';
import { TaskBus } from './constructs/task-bus';

/** One source's poller with all it needs. Several fit in one account: nothing in it has a name of ours. */
export class TaskPollerStack extends Stack {
  constructor(scope: Construct, id: string, { config }: { readonly config: Config }) {
    super(scope, id, {
      description: 'Publishes an event when an AWS Partner Central task completes or fails',
      ...(config.tags && { tags: config.tags }), // of the stack itself
    });

    const encryptionKey = config.customerManagedKey ? newEncryptionKey(this, 'EncryptionKey') : undefined;
    const { table } = new SnapshotTable(this, 'SnapshotTable', { config, encryptionKey });
    const { bus, keyFailures } = new TaskBus(this, 'TaskBus', { config, encryptionKey });
    if (config.schemaRegistry) new EventSchemas(this, 'EventSchemas', { config });
    const poller = new Poller(this, 'Poller', { config, table, bus, encryptionKey });
    const pollerLogs = poller.function.logGroup;
    const alerts = new FailedTaskAlerts(this, 'FailedTaskAlerts', { config, bus, pollerLogs, encryptionKey });
    const { undelivered } = alerts;
    const alarms = new Alarms(this, 'Alarms', { config, poller, undelivered, keyFailures, encryptionKey });
    new LogQueries(this, 'LogQueries', { config, logGroup: pollerLogs });
    if (config.dashboard) new Dashboard(this, 'Dashboard', { config, poller, table, alarms: alarms.all });

    const output = (key: string, value: string, description: string) =>
      new CfnOutput(this, key, { value, description });
    output('EventBusName', bus.eventBusName, 'Bus with the TaskCompleted and TaskFailed events');
    output('EventBusArn', bus.eventBusArn, 'The same bus, for rules and policies');
    output('SnapshotTableName', table.tableName, 'Table with what the poller knows of each task');
    output('TaskAlertsTopicArn', alerts.topic.topicArn, 'Topic with a text for people about failed tasks');
    if (alerts.chatTopic)
      output(
        'ChatAlertsTopicArn',
        alerts.chatTopic.topicArn,
        'Topic with the same for Slack or Teams; give it to Amazon Q Developer in chat applications',
      );
    output('PollerFunctionName', poller.function.functionName, 'Function that polls; invoke it with {"mode":"poll"}');
    output('PollerLogGroupName', pollerLogs.logGroupName, 'Log of that function');
    output('FailedRunsQueueUrl', poller.failedRuns.queueUrl, 'Queue with the polls that failed, and why');
    output('UndeliveredAlertsQueueUrl', undelivered.queueUrl, 'Queue with the failed tasks nobody was told about');
    if (keyFailures)
      output('KeyFailuresQueueUrl', keyFailures.queueUrl, 'Queue with events that the bus lost to its key');
    if (alarms.topic) output('AlarmTopicArn', alarms.topic.topicArn, 'Topic with the alarms that go off and recover');

    for (const [key, value] of Object.entries(config.tags ?? {})) Tags.of(this).add(key, value);
    if (config.permissionsBoundary) limitRoles(this, config.permissionsBoundary);
  }
}

/** Every role of the stack, those that CDK may come to make for itself included. */
function limitRoles(stack: Stack, nameOrArn: string) {
  const policy = nameOrArn.startsWith('arn:')
    ? ManagedPolicy.fromManagedPolicyArn(stack, 'PermissionsBoundary', nameOrArn)
    : ManagedPolicy.fromManagedPolicyName(stack, 'PermissionsBoundary', nameOrArn);
  PermissionsBoundary.of(stack).apply(policy);
}
