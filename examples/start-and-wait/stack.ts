import { CfnOutput, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { Construct } from 'constructs';
import { TASK_COMPLETED, TASK_FAILED, TASK_STARTED } from 'partner-central-task-poller/events';
import { deadLetters } from './queues';
import { TaskFunction } from './task-function';
import { Workflow } from './workflow';

interface StartAndWaitProps {
  /** The poller's output `EventBusName`. */
  readonly taskBusName: string;
  readonly eventSource: string;
  readonly catalog: string;
  /** How long an execution waits for the event of its task. */
  readonly waitSeconds: number;
}

/** A state machine that starts tasks and continues when the poller's event says that its task has ended. */
export class StartAndWaitStack extends Stack {
  constructor(scope: Construct, id: string, { taskBusName, eventSource, catalog, waitSeconds }: StartAndWaitProps) {
    super(scope, id, { description: 'Example of a workflow that waits for a Partner Central task' });
    const bus = EventBus.fromEventBusName(this, 'TaskBus', taskBusName);
    const waiting = new Table(this, 'Waiting', {
      partitionKey: { name: 'taskId', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(waiting).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason:
        'It knows who waits, for as long as anybody waits. If it is lost, executions look their tasks up instead.',
    });
    const ofWaiting = {
      WAITING_TABLE: waiting.tableName,
      KEEP_SECONDS: String(waitSeconds + Duration.days(1).toSeconds()),
    };

    const start = new TaskFunction(this, 'Start', {
      description: 'Starts a Partner Central task',
      name: 'start',
      timeout: Duration.seconds(30),
      environment: { CATALOG: catalog },
    });
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_partner-central.html: the task runs with the
    // permissions of its caller.
    allowInPartnerCentral(start, catalog, [
      'StartOpportunityFromEngagementTask',
      'GetEngagement',
      'CreateOpportunity',
      'GetOpportunity',
      'CreateResourceSnapshot',
      'CreateResourceSnapshotJob',
      'StartResourceSnapshotJob',
    ]);

    const announce = new TaskFunction(this, 'Announce', {
      description: 'Keeps the task token of an execution, and announces its task',
      name: 'announce',
      timeout: Duration.seconds(10),
      environment: { ...ofWaiting, CATALOG: catalog, TASK_BUS: taskBusName },
    });
    announce.role.addToPolicy(
      new PolicyStatement({
        actions: ['events:PutEvents'],
        resources: [bus.eventBusArn],
        conditions: { StringEquals: { 'events:detail-type': TASK_STARTED } },
      }),
    );

    const failed = deadLetters(this, 'Failed', 'the function on the rule');
    const onTaskEvent = new TaskFunction(this, 'OnTaskEvent', {
      description: 'Lets the execution that waits for a task go on',
      name: 'on-task-event',
      timeout: Duration.seconds(10),
      environment: ofWaiting,
      retryAttempts: 2,
      onFailure: new SqsDestination(failed),
    });
    for (const { role } of [announce, onTaskEvent]) waiting.grant(role, 'dynamodb:UpdateItem');

    const lookUp = new TaskFunction(this, 'LookUp', {
      description: 'Looks a task up whose event did not come in time',
      name: 'look-up',
      timeout: Duration.seconds(40),
      environment: { CATALOG: catalog, LOOK_UP_SECONDS: '20' },
    });
    allowInPartnerCentral(lookUp, catalog, [
      'ListOpportunityFromEngagementTasks',
      'ListEngagementFromOpportunityTasks',
    ]);

    const { stateMachine } = new Workflow(this, 'Workflow', {
      start: start.function,
      announce: announce.function,
      lookUp: lookUp.function,
      waitSeconds,
    });
    // A separate policy, because the role is created before the function that the state machine refers to.
    new Policy(this, 'Resume', {
      roles: [announce.role, onTaskEvent.role],
      statements: [
        new PolicyStatement({
          actions: ['states:SendTaskSuccess', 'states:SendTaskFailure'],
          resources: [stateMachine.stateMachineArn],
        }),
      ],
    });

    const undelivered = deadLetters(this, 'Undelivered', 'the rule');
    new Rule(this, 'FinishedTasks', {
      description: 'Tasks that ended, for executions that wait for them',
      eventBus: bus,
      eventPattern: {
        source: [eventSource],
        detailType: [TASK_COMPLETED, TASK_FAILED],
        detail: { schemaVersion: ['1'], catalog: [catalog], taskType: ['OpportunityFromEngagement'] },
      },
      targets: [new LambdaFunction(onTaskEvent.function, { deadLetterQueue: undelivered })],
    });

    const output = (key: string, value: string, description: string) =>
      new CfnOutput(this, key, { value, description });
    output('StateMachineArn', stateMachine.stateMachineArn, 'State machine that starts a task and waits for it');
    output('FailedQueueUrl', failed.queueUrl, 'Queue with events that the function failed at, and why');
    output('UndeliveredQueueUrl', undelivered.queueUrl, 'Queue with events that EventBridge could not hand over');
  }
}

function allowInPartnerCentral({ role }: { readonly role: Role }, catalog: string, operations: readonly string[]) {
  const policy = new Policy(role, 'PartnerCentral', {
    roles: [role],
    statements: [
      new PolicyStatement({
        actions: operations.map(operation => `partnercentral:${operation}`),
        resources: ['*'],
        conditions: { StringEquals: { 'partnercentral:Catalog': catalog } },
      }),
    ],
  });
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'Which engagement and opportunity it will be is not known before. The condition limits it to the catalog.',
  });
}
