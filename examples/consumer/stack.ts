import { CfnOutput, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Match, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { TASK_COMPLETED, TASK_FAILED } from 'partner-central-task-poller/events';
import { NextStep } from './next-step';
import { OutcomeRecorder } from './outcome-recorder';
import { deadLetters } from './queues';

interface ConsumerProps {
  /** The poller's output `EventBusName`. */
  readonly taskBusName: string;
  readonly eventSource: string;
  /** Separates several pollers: a production consumer ignores a trial's events. */
  readonly catalog: string;
}

/** Records how each task ended, and queues the opportunity of each completed one as a work item. */
export class ConsumerStack extends Stack {
  constructor(scope: Construct, id: string, { taskBusName, eventSource, catalog }: ConsumerProps) {
    super(scope, id, { description: 'Example of a consumer of Partner Central task events' });

    const handled = new Table(this, 'Handled', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration', // Powertools expects this name, `id` and `status`
      billingMode: BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(handled).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason:
        'It only knows what was handled within 14 days. There is nothing to restore: its loss makes a repeat count twice.',
    });
    const outcomes = new Table(this, 'Outcomes', {
      partitionKey: { name: 'task', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });

    const recorder = new OutcomeRecorder(this, 'OutcomeRecorder', { handled, outcomes });
    const nextStep = new NextStep(this, 'NextStep', { handled });

    const eventBus = EventBus.fromEventBusName(this, 'TaskBus', taskBusName);
    // Events that EventBridge can't deliver within a day. Each target handles its own failures.
    const undelivered = deadLetters(this, 'Undelivered', 'both rules');
    new Rule(this, 'FinishedTasks', {
      description: 'Tasks that ended, to be recorded',
      eventBus,
      eventPattern: {
        source: [eventSource],
        detailType: [TASK_COMPLETED, TASK_FAILED],
        detail: { schemaVersion: ['1'], catalog: [catalog] }, // other schema versions are published as separate events
      },
      targets: [new LambdaFunction(recorder.function, { deadLetterQueue: undelivered })],
    });
    new Rule(this, 'NewOpportunities', {
      description: 'Tasks that created an opportunity, for the next step',
      eventBus,
      eventPattern: {
        source: [eventSource],
        detailType: [TASK_COMPLETED],
        detail: {
          schemaVersion: ['1'],
          catalog: [catalog],
          taskType: ['OpportunityFromEngagement'],
          opportunityId: Match.exists(),
        },
      },
      targets: [
        new SfnStateMachine(nextStep.stateMachine, {
          // The whole detail. An input transformer neither escapes quotes nor omits absent fields.
          input: RuleTargetInput.fromEventPath('$.detail'),
          deadLetterQueue: undelivered,
        }),
      ],
    });

    const output = (key: string, value: string, description: string) =>
      new CfnOutput(this, key, { value, description });
    output('OutcomesTableName', outcomes.tableName, 'Table with how each task ended');
    output('WorkItemsQueueUrl', nextStep.workItems.queueUrl, 'Queue with the opportunities to work on next');
    output('NextStepArn', nextStep.stateMachine.stateMachineArn, 'State machine that puts them there');
    output('FailedQueueUrl', recorder.failed.queueUrl, 'Queue with events that the function failed at, and why');
    output('UndeliveredQueueUrl', undelivered.queueUrl, 'Queue with events that EventBridge could not hand over');
  }
}
