import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  DefinitionBody,
  IntegrationPattern,
  QueryLanguage,
  StateMachine,
  Succeed,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';

interface WorkflowProps {
  readonly start: IFunction;
  readonly announce: IFunction;
  readonly lookUp: IFunction;
  /** How long it waits for the event of a task. */
  readonly waitSeconds: number;
}

/** Errors that a retry can't change. */
const final = ['TaskHasFailed', 'States.Timeout'];
const retry = { interval: Duration.seconds(2), maxAttempts: 3, backoffRate: 3 };

/**
 * Starts a task and continues when it has ended. The input is `{ engagementId, contextId }`, the output the outcome. A failed
 * task fails the execution with the error TaskHasFailed.
 */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { start, announce, lookUp, waitSeconds }: WorkflowProps) {
    super(scope, id);
    const payload = '{% $states.result.Payload %}';
    const startTask = LambdaInvoke.jsonata(this, 'Start', {
      lambdaFunction: start,
      payload: TaskInput.fromObject({
        engagementId: '{% $states.input.engagementId %}',
        contextId: '{% $states.input.contextId %}',
        execution: '{% $states.context.Execution.Id %}',
      }),
      outputs: payload,
    });
    startTask.addRetry(retry);

    const waitForEvent = LambdaInvoke.jsonata(this, 'AnnounceAndWait', {
      lambdaFunction: announce,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        taskId: '{% $states.input.taskId %}',
        taskToken: '{% $states.context.Task.Token %}',
      }),
      taskTimeout: Timeout.duration(Duration.seconds(waitSeconds)),
    });
    waitForEvent.addRetry({ errors: final, maxAttempts: 0 }).addRetry(retry);

    // The event may be late or lost, so ask Partner Central.
    const look = LambdaInvoke.jsonata(this, 'LookUp', {
      lambdaFunction: lookUp,
      payload: TaskInput.fromObject({ taskId: '{% $states.input.taskId %}' }),
      outputs: payload,
    });
    waitForEvent.addCatch(look, { errors: ['States.Timeout'], outputs: '{% $states.input %}' });

    const goOn = Succeed.jsonata(this, 'GoOn', { comment: 'Here follows what needs the new opportunity' });
    look.next(goOn);
    // CDK's default policy would also allow every version of the functions.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    const functions = [start, announce, lookUp].map(({ functionArn }) => functionArn);
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: functions }));
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      comment: 'Starts a Partner Central task and goes on when it has ended',
      role: role.withoutPolicyUpdates(),
      queryLanguage: QueryLanguage.JSONATA,
      definitionBody: DefinitionBody.fromChainable(startTask.next(waitForEvent).next(goOn)),
      timeout: Duration.seconds(waitSeconds).plus(Duration.minutes(10)),
    });
    Validations.of(this.stateMachine).acknowledge(
      {
        id: 'AwsSolutions-SF1',
        reason:
          'A standard workflow keeps the history of each execution for 90 days; a log of it would need a role that may deliver logs anywhere.',
      },
      { id: 'AwsSolutions-SF2', reason: 'Three calls with an execution history of their own need no traces.' },
    );
  }
}
