import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config';
import { Alarms } from './constructs/alarms';
import { Dashboard } from './constructs/dashboard';
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
    });

    const { table } = new SnapshotTable(this, 'SnapshotTable');
    const { bus } = new TaskBus(this, 'TaskBus', { config });
    const poller = new Poller(this, 'Poller', { config, table, bus });
    const alerts = new FailedTaskAlerts(this, 'FailedTaskAlerts', { config, bus });
    const alarms = new Alarms(this, 'Alarms', { config, poller, undelivered: alerts.undelivered });
    new LogQueries(this, 'LogQueries', { config, logGroup: poller.function.logGroup });
    if (config.dashboard) new Dashboard(this, 'Dashboard', { config, poller, table, alarms: alarms.all });

    const output = (key: string, value: string, description: string) =>
      new CfnOutput(this, key, { value, description });
    output('EventBusName', bus.eventBusName, 'Bus with the TaskCompleted and TaskFailed events');
    output('EventBusArn', bus.eventBusArn, 'The same bus, for rules and policies');
    output('SnapshotTableName', table.tableName, 'Table with what the poller knows of each task');
    output('TaskAlertsTopicArn', alerts.topic.topicArn, 'Topic with a text for people about failed tasks');
    output('PollerFunctionName', poller.function.functionName, 'Function that polls; invoke it with {"mode":"poll"}');
    output('PollerLogGroupName', poller.function.logGroup.logGroupName, 'Log of that function');
    output('FailedRunsQueueUrl', poller.failedRuns.queueUrl, 'Queue with the polls that failed, and why');
    output(
      'UndeliveredAlertsQueueUrl',
      alerts.undelivered.queueUrl,
      'Queue with the failed tasks nobody was told about',
    );
    if (alarms.topic) output('AlarmTopicArn', alarms.topic.topicArn, 'Topic with the alarms that go off and recover');
  }
}
