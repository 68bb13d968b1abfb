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
import { Nudges } from './nudges';
import { deadLetterQueue, maxRetention } from './private-queue';

interface PollerProps extends Encrypted {
  readonly config: SourceConfig;
  readonly table: Pick<ITable, 'tableName' | 'tableArn'>;
  readonly bus: IEventBus;
  /** Further dependencies of the schedules. */
  readonly receivers: IDependable;
}

/** The function that polls one source, and the two schedules that call it. */
export class Poller extends Construct {
  /** Name of the source for people; empty if the stack has only one, and that has no name. */
  readonly name: string;
  readonly function: LambdaFunction;
  /** Failed runs with their errors. */
  readonly failedRuns: Queue;

  constructor(scope: Construct, id: string, props: PollerProps) {
    super(scope, id);
    const { name, label, isOnlySource } = props.config;
    this.name = isOnlySource && name === undefined ? '' : label;
    this.failedRuns = deadLetterQueue(
      this,
      'FailedRuns',
      "the function's asynchronous invocations",
      maxRetention,
      props,
    );
    this.function = this.pollerFunction(props);
    const missedTicks = deadLetterQueue(this, 'MissedTicks', 'the schedules and rules', Duration.hours(1), props);
    const { config, bus } = props;
    new Nudges(this, 'Nudges', { config, bus, poller: this.function, deadLetters: missedTicks });
    this.schedules(props, missedTicks);
  }

  /** The function with its environment and its permissions. */
  private pollerFunction({ config, table, bus, encryptionKey }: PollerProps) {
    const poller = bundledFunction(this, 'Function', {
      handlerFile: 'poller/handler.ts',
      description: `Polls the ${config.taskFamily} tasks of Partner Central's ${config.catalog} catalog${config.name ? ` for ${config.name}` : ''}`,
      config,
      encryptionKey,
      timeout: Duration.seconds(config.functionTimeoutSeconds),
      memorySize: config.memoryMb,
      // No retries: the next scheduled run does what a failed run left.
      retryAttempts: 0,
      maxEventAge: pollPeriod(config, Duration.hours(6)), // Lambda's maximum
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
    // For the table, and for the queue to which Lambda sends failed runs as this role.
    allowKeyUse(poller.role as IRole, { encryptionKey }, { reads: ['dynamodb'], sends: ['sqs'] });
    if (config.assumeRoleArn)
      poller.addToRolePolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [config.assumeRoleArn] }));
    else allowListingTasks(poller, config);
    return poller;
  }

  private schedules({ config, receivers, encryptionKey }: PollerProps, missedTicks: Queue) {
    const role = schedulerRole(this, this.function, missedTicks, { encryptionKey });
    const dependencies = [...this.node.children]; // function, roles, queues and rules
    const schedule = (id: string, mode: 'poll' | 'audit', every: Duration, maxEventAge: Duration) => {
      const created = new Schedule(this, id, {
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
      // A schedule runs as soon as it is created, so its dependencies must exist before. Nothing may depend on a schedule:
      // it could be something that a receiver refers to, and the dependencies would be circular.
      created.node.addDependency(receivers, ...dependencies);
    };
    const [pollEvery, auditEvery] = [Duration.minutes(config.pollEveryMinutes), Duration.hours(config.auditEveryHours)];
    // A late poll is useless once the next one is due. An audit may be up to an hour late.
    schedule('PollSchedule', 'poll', pollEvery, pollPeriod(config, Duration.hours(1)));
    schedule('AuditSchedule', 'audit', auditEvery, Duration.hours(1));
  }
}

/** One poll period, but at most `max`. The shortest period is a minute, which is also the minimum age in Lambda and Scheduler. */
function pollPeriod(config: Pick<SourceConfig, 'pollEveryMinutes'>, max: Duration) {
  return Duration.seconds(Math.min(config.pollEveryMinutes * 60, max.toSeconds()));
}

/** A separate policy, so that the acknowledgement covers no other statement. */
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
    // Without these conditions, a schedule of another account could use this role (confused deputy).
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
  // CDK's target would also allow invoking every version and alias.
  return role.withoutPolicyUpdates();
}
