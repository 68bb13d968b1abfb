import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { type IRole, Policy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { environment } from '../../lambdas/poller/settings';
import { tableSchema } from '../../lambdas/poller/table-schema';
import { familyOf } from '../../lambdas/poller/task-families';
import { settingsJson } from '../config';
import type { SourceConfig } from '../sources';
import { bundledFunction } from './bundled-function';
import { allowKeyUse, type Encrypted, keyUse } from './encryption-key';
import { lastQueue, longestRetention } from './private-queue';

interface PollerProps extends Encrypted {
  readonly config: SourceConfig;
  readonly table: Pick<ITable, 'tableName' | 'tableArn'>;
  readonly bus: IEventBus;
  /** What the schedules wait for, beside what they call. */
  readonly receivers: IDependable;
}

/** The function that polls one source, and the two schedules that call it. */
export class Poller extends Construct {
  /** As people call its source; nothing where there is no other. */
  readonly name: string;
  readonly function: LambdaFunction;
  /** Runs that threw, with their error. */
  readonly failedRuns: Queue;

  constructor(scope: Construct, id: string, props: PollerProps) {
    super(scope, id);
    const { catalog, taskFamily, isOnlySource } = props.config;
    this.name = isOnlySource ? '' : `${catalog}/${taskFamily}`;
    this.failedRuns = lastQueue(this, 'FailedRuns', "the function's asynchronous invocations", longestRetention, props);
    this.function = this.pollerFunction(props);
    this.schedules(props);
  }

  /** What the function is told and what it may do stand together here: one is useless without the other. */
  private pollerFunction({ config, table, bus, encryptionKey }: PollerProps) {
    const poller = bundledFunction(this, 'Function', {
      handlerFile: 'poller/handler.ts',
      description: `Polls the ${config.taskFamily} tasks of Partner Central's ${config.catalog} catalog`,
      config,
      encryptionKey,
      timeout: Duration.seconds(config.functionTimeoutSeconds),
      memorySize: config.memoryMb,
      // A run that failed is not repeated: the next tick does all that it left undone.
      retryAttempts: 0,
      maxEventAge: pollPeriod(config, Duration.hours(6)), // the longest that Lambda allows
      onFailure: new SqsDestination(this.failedRuns),
      environment: {
        [environment.tableName]: table.tableName,
        [environment.eventBusName]: bus.eventBusName,
        [environment.settings]: settingsJson(config),
      },
    });
    poller.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:UpdateItem', 'dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem'],
        resources: [table.tableArn],
      }),
    );
    poller.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:Query'],
        resources: [`${table.tableArn}/index/${tableSchema.index.name}`],
      }),
    );
    if (!config.shadow)
      poller.addToRolePolicy(new PolicyStatement({ actions: ['events:PutEvents'], resources: [bus.eventBusArn] }));
    // The table, and the queue to which Lambda sends failed runs in the role's name.
    allowKeyUse(poller.role as IRole, { encryptionKey }, { reads: ['dynamodb'], sends: ['sqs'] });
    if (config.assumeRoleArn)
      poller.addToRolePolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [config.assumeRoleArn] }));
    else allowListingTasks(poller, config);
    return poller;
  }

  private schedules({ config, receivers, encryptionKey }: PollerProps) {
    const missedTicks = lastQueue(this, 'MissedTicks', 'the two schedules', Duration.hours(1), { encryptionKey });
    const role = schedulerRole(this, this.function, missedTicks, { encryptionKey });
    const called = [...this.node.children];
    const schedule = (id: string, mode: 'poll' | 'audit', every: Duration, maxEventAge: Duration) => {
      const made = new Schedule(this, id, {
        description: `Asks the task poller for ${mode === 'poll' ? 'a poll' : 'an audit'}`,
        schedule: ScheduleExpression.rate(every),
        enabled: config.enabled,
        timeWindow: TimeWindow.off(),
        target: new LambdaInvoke(this.function, {
          input: ScheduleTargetInput.fromObject({ mode }),
          role,
          retryAttempts: 2,
          maxEventAge,
          deadLetterQueue: missedTicks,
        }),
      });
      // It begins as soon as it is made. Nothing in turn may wait for a schedule: what receivers refer to, whatever that is,
      // could then wait for itself.
      made.node.addDependency(receivers, ...called);
    };
    const [pollEvery, auditEvery] = [Duration.minutes(config.pollEveryMinutes), Duration.hours(config.auditEveryHours)];
    // A tick is worth nothing once the next is due, and an audit that comes an hour late is as good as any.
    schedule('PollSchedule', 'poll', pollEvery, pollPeriod(config, Duration.hours(1)));
    schedule('AuditSchedule', 'audit', auditEvery, Duration.hours(1));
  }
}

/** One poll period, but no longer than `most`. A minute, the shortest period, is also the shortest age that Lambda and Scheduler allow. */
function pollPeriod(config: Pick<SourceConfig, 'pollEveryMinutes'>, most: Duration) {
  return Duration.seconds(Math.min(config.pollEveryMinutes * 60, most.toSeconds()));
}

/** In a policy of its own, so that what is acknowledged here covers nothing else. */
function allowListingTasks(poller: LambdaFunction, { catalog, taskFamily }: SourceConfig) {
  const role = poller.role as Role;
  const policy = new Policy(role, 'ListTasks', {
    roles: [role],
    statements: [
      new PolicyStatement({
        actions: [...familyOf(taskFamily).actions],
        resources: ['*'],
        conditions: { StringEquals: { 'partnercentral:Catalog': catalog } },
      }),
    ],
  });
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Partner Central has no resource types for its List…Tasks actions: "*" is the only resource IAM accepts for them. The condition limits them to the configured catalog.',
  });
}

function schedulerRole(scope: Construct, target: IFunction, deadLetters: Queue, encrypted: Encrypted) {
  const stack = Stack.of(scope);
  const role = new Role(scope, 'SchedulerRole', {
    // Without the conditions, another account's schedule could be pointed at this role (the confused deputy).
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: {
        StringEquals: {
          'aws:SourceAccount': stack.account,
          'aws:SourceArn': stack.formatArn({
            service: 'scheduler',
            resource: 'schedule-group',
            resourceName: 'default',
          }),
        },
      },
    }),
    inlinePolicies: {
      Deliver: new PolicyDocument({
        statements: [
          new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }),
          new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }),
          ...keyUse(stack, encrypted, { sends: ['sqs'] }),
        ],
      }),
    },
  });
  // CDK's target would add the right to invoke every version and alias as well.
  return role.withoutPolicyUpdates();
}
