import { Duration, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, QueryLanguage, StateMachine, Succeed, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import { DynamoAttributeValue, DynamoPutItem, SqsSendMessage } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { deadLetters, privateQueue } from './queues';

const isHandled = 'DynamoDB.ConditionalCheckFailedException';
const retry = { interval: Duration.seconds(2), maxAttempts: 5, backoffRate: 3 };

interface NextStepProps {
  readonly handled: Table;
}

/**
 * Puts the new opportunity of a completed task into a queue once for each event, as work for a person or a CRM. The input is
 * the event's detail. A failed execution keeps its claim, and can be redriven from the failed step.
 */
export class NextStep extends Construct {
  readonly stateMachine: StateMachine;
  readonly workItems: Queue;

  constructor(scope: Construct, id: string, { handled }: NextStepProps) {
    super(scope, id);
    this.workItems = privateQueue(this, 'WorkItems', {
      deadLetterQueue: { queue: deadLetters(this, 'Unworkable', 'the work items'), maxReceiveCount: 5 },
    });
    const { text, number } = { text: DynamoAttributeValue.fromString, number: DynamoAttributeValue.numberFromString };
    const me = '{% $states.context.Execution.Id %}';
    const claim = DynamoPutItem.jsonata(this, 'Claim', {
      comment: 'The first execution for an event goes on; a repeat ends here',
      table: handled,
      item: {
        // Nothing, if there is no replayId.
        id: text("{% 'next-step#' & $states.input.eventId & '#' & $states.input.replayId %}"),
        execution: text(me),
        expiration: number('{% $string($floor($millis() / 1000) + 14 * 24 * 60 * 60) %}'),
      },
      // Or this execution's own claim: a write that is retried after a lost answer must succeed.
      conditionExpression: 'attribute_not_exists(id) OR execution = :me OR expiration < :now',
      expressionAttributeValues: {
        ':me': text(me),
        ':now': number('{% $string($floor($millis() / 1000)) %}'),
      },
      outputs: '{% $states.input %}',
    });
    const handOver = SqsSendMessage.jsonata(this, 'HandOver', {
      queue: this.workItems,
      messageBody: TaskInput.fromText(
        "{% $string({'todo': 'Complete the new opportunity', 'opportunityId': $states.input.opportunityId, 'engagementId': $states.input.engagementId, 'taskId': $states.input.taskId, 'catalog': $states.input.catalog, 'eventId': $states.input.eventId}) %}",
      ),
    });
    const handledBefore = Succeed.jsonata(this, 'HandledBefore');
    claim.addCatch(handledBefore, { errors: [isHandled] });
    claim.addRetry({ errors: [isHandled], maxAttempts: 0 }).addRetry(retry);
    handOver.addRetry(retry);

    this.stateMachine = new StateMachine(this, 'StateMachine', {
      comment: 'Hands the opportunity of a completed task to whoever works on it next',
      queryLanguage: QueryLanguage.JSONATA,
      definitionBody: DefinitionBody.fromChainable(claim.next(handOver)),
      timeout: Duration.hours(1),
    });
    Validations.of(this.stateMachine).acknowledge(
      {
        id: 'AwsSolutions-SF1',
        reason:
          'A standard workflow keeps the history of each execution for 90 days; a log of it would need a role that may deliver logs anywhere.',
      },
      {
        id: 'AwsSolutions-SF2',
        reason: 'Two calls with an execution history of their own need no traces, which cost extra.',
      },
    );
  }
}
