import { Duration, Validations } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JsonPath,
  StateMachine,
  Succeed,
  TaskInput,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';

/** Errors that another attempt does not mend. */
const permanent = ['NotATaskEvent', 'AccessDeniedException', 'ValidationException', 'ResourceNotFoundException'];

/**
 * The input is the event. Plan, pause, start; whatever ends otherwise is told to people, and the execution fails. Only an
 * event that is handled already, or that trying again does not help, ends quietly.
 */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, restarter: IFunction) {
    super(scope, id);
    const step = (name: string, payload: Record<string, unknown>, resultPath: string) =>
      new LambdaInvoke(this, name, {
        lambdaFunction: restarter,
        payload: TaskInput.fromObject(payload),
        payloadResponseOnly: true,
        retryOnServiceExceptions: false, // the retries below are for all errors
        resultPath,
      })
        .addRetry({ errors: permanent, maxAttempts: 0 })
        .addRetry({ interval: Duration.seconds(10), maxAttempts: 5, backoffRate: 3 }); // 20 minutes in all

    const execution = JsonPath.stringAt('$$.Execution.Id');
    const plan = step('Plan', { step: 'plan', event: JsonPath.objectAt('$'), execution }, '$.plan');
    const start = step('Start', { step: 'start', request: JsonPath.objectAt('$.plan.request') }, '$.started');
    const giveUp = step('GiveUp', { step: 'giveUp', given: JsonPath.objectAt('$') }, '$.told').next(
      new Fail(this, 'GaveUp', { error: 'GaveUp', cause: 'The message on the topic says why.' }),
    );
    for (const one of [plan, start]) one.addCatch(giveUp, { resultPath: '$.error' });
    const pause = new Wait(this, 'Pause', { time: WaitTime.secondsPath('$.plan.pauseSeconds') });
    plan.next(
      new Choice(this, 'IsToBeRestarted')
        .when(Condition.stringEquals('$.plan.kind', 'restart'), pause.next(start))
        .when(Condition.stringEquals('$.plan.kind', 'giveUp'), giveUp)
        .otherwise(new Succeed(this, 'NothingToDo')),
    );

    this.stateMachine = new StateMachine(this, 'StateMachine', {
      comment: 'Starts a failed task again after a pause',
      definitionBody: DefinitionBody.fromChainable(plan),
      timeout: Duration.days(2),
    });
    Validations.of(this.stateMachine).acknowledge(
      {
        id: 'AwsSolutions-SF1',
        reason:
          'A standard workflow keeps the history of each execution for 90 days; a log of it would need a role that may deliver logs anywhere.',
      },
      {
        id: 'AwsSolutions-SF2',
        reason: 'Calls with an execution history of their own need no traces, which cost extra.',
      },
    );
  }
}
