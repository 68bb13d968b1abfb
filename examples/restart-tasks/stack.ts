import { CfnOutput, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type CfnRule, EventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { TASK_FAILED } from 'partner-central-task-poller/events';
import { restartedCategories } from './plan';
import { Restarter } from './restarter';
import { restartedFamilies } from './start-request';
import { Workflow } from './workflow';

interface RestartTasksProps {
  /** The poller's output `EventBusName`. */
  readonly taskBusName: string;
  readonly eventSource: string;
  readonly catalog: string;
  /** Address that hears of what was given up. */
  readonly email: string;
  readonly maxRestarts: number;
  readonly involvementType: string | undefined;
}

/** Starts failed tasks again where that helps, a few times, and says when it gives up. */
export class RestartTasksStack extends Stack {
  constructor(scope: Construct, id: string, props: RestartTasksProps) {
    super(scope, id, { description: 'Example: starts failed Partner Central tasks again' });
    const { catalog, maxRestarts, involvementType } = props;
    const restarts = new Table(this, 'Restarts', {
      partitionKey: { name: 'work', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration',
      billingMode: BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(restarts).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason: 'It counts the restarts of a week. There is nothing to restore: its loss lets the count begin anew.',
    });
    const topic = new Topic(this, 'GivenUp', { displayName: 'Partner Central tasks given up', enforceSSL: true });
    topic.addSubscription(new EmailSubscription(props.email));
    const restarter = new Restarter(this, 'Restarter', { restarts, topic, catalog, maxRestarts, involvementType });
    const { stateMachine } = new Workflow(this, 'Workflow', restarter.function);
    Validations.of(stateMachine.role.node.findChild('DefaultPolicy')).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${this.getLogicalId(restarter.function.node.defaultChild as never)}.Arn>:*]`,
      reason: 'CDK allows the versions of the one function too.',
    });

    const undelivered = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14), // the longest there is: somebody has to notice first
    });
    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of the rule.',
    });
    const rule = new Rule(this, 'Failures', {
      description: 'Failed tasks that may succeed when they are started again',
      eventBus: EventBus.fromEventBusName(this, 'TaskBus', props.taskBusName),
      eventPattern: {
        source: [props.eventSource],
        detailType: [TASK_FAILED],
        detail: {
          schemaVersion: ['1'],
          catalog: [catalog],
          taskType: restartedFamilies(involvementType),
          reasonCategory: [...restartedCategories],
          replayId: Match.doesNotExist(), // a replay is no new failure
        },
      },
      targets: [new SfnStateMachine(stateMachine, { deadLetterQueue: undelivered })],
    });
    // Nor is a replay from the archive, which EventBridge marks in the envelope. CDK's pattern type lacks that field.
    (rule.node.defaultChild as CfnRule).addPropertyOverride('EventPattern.replay-name', [{ exists: false }]);

    const output = (key: string, value: string, description: string) =>
      new CfnOutput(this, key, { value, description });
    output('StateMachineArn', stateMachine.stateMachineArn, 'State machine with an execution for each failed task');
    output('RestartsTableName', restarts.tableName, 'Table with the restarts of each piece of work');
    output('GivenUpTopicArn', topic.topicArn, 'Topic that says what was given up');
    output('UndeliveredQueueUrl', undelivered.queueUrl, 'Queue with events that EventBridge could not hand over');
  }
}
