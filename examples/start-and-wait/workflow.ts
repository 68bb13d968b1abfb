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

/** An execution has an outcome of its own then: a repetition would only find the same. */
const final = ['TaskHasFailed', 'States.Timeout'];
const patiently = { interval: Duration.seconds(2), maxAttempts: 3, backoffRate: 3 };

/**
 * Starts a task and goes on when it has ended. The input is `{ engagementId, contextId }`; the output says what came of the
 * task. A task that failed fails the execution, with the error TaskHasFailed.
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
    startTask.addRetry(patiently);

    const waitForEvent = LambdaInvoke.jsonata(this, 'AnnounceAndWait', {
      lambdaFunction: announce,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        taskId: '{% $states.input.taskId %}',
        taskToken: '{% $states.context.Task.Token %}',
      }),
      taskTimeout: Timeout.duration(Duration.seconds(waitSeconds)),
    });
    waitForEvent.addRetry({ errors: final, maxAttempts: 0 }).addRetry(patiently);

    // The event may be late or lost on its way to us. Partner Central knows.
    const look = LambdaInvoke.jsonata(this, 'LookUp', {
      lambdaFunction: lookUp,
      payload: TaskInput.fromObject({ taskId: '{% $states.input.taskId %}' }),
      outputs: payload,
    });
    waitForEvent.addCatch(look, { errors: ['States.Timeout'], outputs: '{% $states.input %}' });

    const goOn = Succeed.jsonata(this, 'GoOn', { comment: 'Here follows what needs the new opportunity' });
    look.next(goOn);
    // What CDK allows it by itself is every version of the functions as well.
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
