import { Annotations, Duration, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type Alarm, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type CfnRule, type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { LAMBDA_CREATE_NEW_POLICIES_WITH_ADDTOROLEPOLICY } from 'aws-cdk-lib/cx-api';
import { Construct, type IConstruct } from 'constructs';
import { schemaVersions } from '../events/event-schemas';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED, type TaskDetailType } from '../lambdas/event-names';
import { ConfigurationError } from '../lambdas/poller/configuration-error';
import { METRICS_NAMESPACE, metricNames } from '../lambdas/poller/metrics';
import { knownReasonCodes } from '../lambdas/reason-codes';
import { sourceId } from '../lambdas/source-id';
import { Alarms } from './constructs/alarms';
import { Dashboard } from './constructs/dashboard';
import { allowKeyUse, allowServicesToUseKey, encryptionKey as newEncryptionKey } from './constructs/encryption-key';
import { EventSchemas } from './constructs/event-schemas';
import { FailedTaskAlerts } from './constructs/failed-task-alerts';
import { Forwarding } from './constructs/forwarding';
import { LogQueries } from './constructs/log-queries';
import { Poller } from './constructs/poller';
import { Receivers } from './constructs/receivers';
import { SnapshotTable } from './constructs/snapshot-table';
import { TaskBus } from './constructs/task-bus';
import {
  checkEventOptions,
  checkMetricOptions,
  type FailedTaskEventOptions,
  type TaskEventOptions,
  type TaskPollerMetricOptions,
  type TaskSource,
} from './method-options';
import { readProps } from './read-props';
import type { SourceConfig } from './sources';
import { environmentLimitProblem, resourceLimitProblem } from './stack-limit';
import type { TaskPollerSettings } from './task-poller-settings';

export interface PartnerCentralTaskPollerProps extends TaskPollerSettings {
  /**
   * Publish on this bus. It must be in the stack's account and region.
   * @default - a new bus
   */
  readonly eventBus?: IEventBus;
  /**
   * Use this table, for example a restored one. It must be in the stack's account and region, and needs the same keys,
   * index and TTL attribute as the poller's own.
   * @default - a new table, which is retained when the stack is deleted
   */
  readonly table?: ITable;
  /**
   * One to five existing standard topics for the alarms, in the stack's region. Their policies must allow
   * cloudwatch.amazonaws.com to publish.
   * @default - a new topic, with `alarmEmail` as subscriber
   */
  readonly alarmTopics?: readonly ITopic[];
  /**
   * Encrypt all stored data with this key, which must be in the stack's region. Its policy gets what the services need.
   * That of a key from outside the app can't be changed from here: a warning names the page with what it must allow.
   * @default - the key of `customerManagedKey`, otherwise keys of AWS
   */
  readonly encryptionKey?: IKey;
  /**
   * What happens to the table, and to the key of `customerManagedKey`, when the stack is deleted. `DESTROY` deletes them and
   * leaves out the table's deletion protection, for stacks that are thrown away.
   *
   * Allowed: RETAIN or RETAIN_ON_UPDATE_OR_DELETE or DESTROY
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** Queues that need an operator when they have messages. An alarm reports it. */
export interface DeadLetterQueues {
  /** Failed polls with their errors. One queue for each source, in the order of the sources. */
  readonly failedRuns: readonly IQueue[];
  /** Failed tasks whose alert was not delivered. */
  readonly undeliveredAlerts: IQueue;
  /** Events that the bus could not encrypt or decrypt. Only with a customer managed key. */
  readonly keyFailures?: IQueue;
  /** Events that a `forwardTo` bus did not accept. Only with `forwardTo`. */
  readonly unforwarded?: IQueue;
}

/**
 * Polls the tasks of AWS Partner Central and publishes an event when a task completes or fails. Contains functions,
 * schedules, table, bus, alerts for people and alarms.
 *
 * An account or a stack can have several. CloudFormation names all resources except the bus, whose name is derived from
 * the stack's name and the construct's path in the stack. Only the account that is linked to Partner Central can list
 * tasks; a stack in another account needs `assumeRoleArn`.
 *
 * @example
 * const tasks = new PartnerCentralTaskPoller(this, 'TaskPoller', { catalog: 'AWS', alertEmail: 'crm@example.com' });
 * tasks.onTaskCompleted('ToCrm', { target: new SqsQueue(crmQueue) });
 */
export class PartnerCentralTaskPoller extends Construct {
  /** Receives the `TaskCompleted`, `TaskFailed` and `TaskStalled` events. */
  readonly eventBus: IEventBus;
  /** Source of these events, for rules that `onTask…` can't create. */
  readonly eventSource: string;
  /** State of each task. Only the poller may write to it. */
  readonly table: ITable;
  /** Topic with mails about failed tasks. */
  readonly alertTopic: ITopic;
  /** Topic with the same alerts for chats. Only with `chatAlerts`. */
  readonly chatAlertTopic: ITopic | undefined;
  /** Function that publishes the alerts. Grant it the key of an encrypted topic that `alertRoutes` names. */
  readonly alertFunction: LambdaFunction;
  /** Topics that the alarms notify. */
  readonly alarmTopics: readonly ITopic[];
  /** All alarms of all sources. */
  readonly alarms: readonly Alarm[];
  /** Functions that poll, one for each source, in the order of the sources. */
  readonly functions: readonly LambdaFunction[];
  /** Dead-letter queues. Each one is watched by an alarm. */
  readonly deadLetterQueues: DeadLetterQueues;
  private readonly sources: readonly SourceConfig[];
  private readonly receivers = new Receivers(Stack.of(this));

  /** @throws ConfigurationError naming every prop that is invalid or in conflict with another */
  constructor(scope: Construct, id: string, props: PartnerCentralTaskPollerProps) {
    super(scope, id);
    // With this flag, CDK would make policies that the functions don't wait for.
    this.node.setContext(LAMBDA_CREATE_NEW_POLICIES_WITH_ADDTOROLEPOLICY, false);
    const { eventBus, table, alarmTopics, removalPolicy } = props;
    const config = readProps(this, props);
    this.sources = config.sources;
    this.eventSource = config.eventSource;

    const newKey = () => newEncryptionKey(this, 'EncryptionKey', removalPolicy);
    const encryptionKey = props.encryptionKey ?? (config.customerManagedKey ? newKey() : undefined);
    if (encryptionKey) allowServicesToUseKey(this, encryptionKey);
    this.table = table ?? (new SnapshotTable(this, 'SnapshotTable', { encryptionKey, removalPolicy }).table as ITable);
    const taskBus = new TaskBus(this, 'TaskBus', { config, existing: eventBus, encryptionKey });
    const { bus, keyFailures } = taskBus;
    if (config.schemaRegistry) new EventSchemas(this, 'EventSchemas', { config });
    const pollerProps = { table: this.table, bus, receivers: this.receivers, encryptionKey };
    const pollers = config.sources.map(
      source => new Poller(this, `Poller${source.idSuffix}`, { config: source, ...pollerProps }),
    );
    // An existing table may be encrypted with another key.
    if (table?.encryptionKey)
      for (const poller of pollers) allowKeyUse(poller.function.role as IRole, table, { reads: ['dynamodb'] });
    const forwarding =
      config.forwardTo && new Forwarding(this, 'Forwarding', { config, bus, to: config.forwardTo, encryptionKey });
    const alerts = new FailedTaskAlerts(this, 'FailedTaskAlerts', { config, bus, pollers, encryptionKey });
    const { undelivered } = alerts;

    const addAlarms = (at: number, more: Partial<ConstructorParameters<typeof Alarms>[2]>) => {
      const [source, poller] = [config.sources[at] as SourceConfig, pollers[at] as Poller];
      return new Alarms(this, `Alarms${source.idSuffix}`, {
        config: source,
        poller,
        lastReceiver: alerts.mapping,
        ...more,
      });
    };
    const unforwarded = forwarding?.undelivered;
    const shared = { UndeliveredAlerts: undelivered, KeyFailures: keyFailures, Unforwarded: unforwarded };
    const firstAlarms = addAlarms(0, { topics: alarmTopics, shared, encryptionKey });
    const { topics } = firstAlarms;
    const others = pollers.slice(1).map((_, at) => addAlarms(at + 1, { topics }));
    const alarms = [firstAlarms, ...others];
    this.alarms = alarms.flatMap(({ all }) => all);

    this.pollAfter(taskBus, alerts, ...(forwarding ? [forwarding] : []));
    if (!alarmTopics) this.pollAfter(...topics);

    if (config.savedQueries)
      new LogQueries(this, 'LogQueries', { config, logGroups: pollers.map(poller => poller.function.logGroup) });
    if (config.dashboard) new Dashboard(this, 'Dashboard', { config, pollers, table: this.table, alarms: this.alarms });

    const ofSources = pollers.map((poller, at) => [poller, alarms[at] as Alarms]);
    const logGroups = pollers.map((poller, at) => {
      return [sourceId(config.sources[at] as SourceConfig), poller.function.logGroup] as const;
    });
    const tooMany =
      resourceLimitProblem(Stack.of(this), ofSources) ??
      environmentLimitProblem(Stack.of(this), logGroups, config.alertRoutes);
    if (tooMany) throw new ConfigurationError(`The props of ${this.node.path}`, [tooMany]);

    this.eventBus = bus;
    this.alertTopic = alerts.topic;
    this.chatAlertTopic = alerts.chatTopic;
    this.alertFunction = alerts.node.findChild('Formatter') as LambdaFunction;
    this.alarmTopics = topics;
    this.functions = pollers.map(poller => poller.function);
    this.deadLetterQueues = {
      failedRuns: pollers.map(poller => poller.failedRuns),
      undeliveredAlerts: undelivered,
      ...(keyFailures && { keyFailures }),
      ...(unforwarded && { unforwarded }),
    };
  }

  /**
   * Creates a rule for completed tasks. It matches the schema version that this release publishes.
   * @throws ConfigurationError naming every option that is unknown or invalid
   * @throws Error if the source does not exist
   */
  onTaskCompleted(id: string, options: TaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_COMPLETED, options);
  }

  /**
   * Creates a rule for failed tasks. It matches the schema version that this release publishes.
   * @throws ConfigurationError naming every option that is unknown or invalid
   * @throws Error if the source does not exist
   */
  onTaskFailed(id: string, options: FailedTaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_FAILED, options);
  }

  /**
   * Creates a rule for tasks that have been running for too long. It matches the schema version that this release publishes.
   * @throws ConfigurationError naming every option that is unknown or invalid
   * @throws Error unless `taskStalledEvents` is on for that source, or for any source if none is given
   */
  onTaskStalled(id: string, options: TaskEventOptions = {}): Rule {
    const sources = options.source ? [this.sourceNamed(options.source)] : this.sources;
    if (!sources.some(({ taskStalledEvents }) => taskStalledEvents))
      throw new Error(
        `${this.node.path} publishes no ${TASK_STALLED} events${options.source ? ` for ${options.source}` : ''}: set its prop taskStalledEvents to true`,
      );
    return this.onTaskEvent(id, TASK_STALLED, options);
  }

  /**
   * Makes the schedules of every source depend on these constructs, on their children, and on the targets of their rules,
   * so that no event of the first poll is lost. Rules of `onTask…` are added automatically. Constructs of a stack that
   * depends on this one can't be added: deploy with `enabled: false` first.
   */
  pollAfter(...receivers: readonly IConstruct[]): void {
    this.receivers.add(...receivers);
  }

  /** Number of complete polls. Statistic: sum. */
  metricCompleteRuns(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.heartbeat, Stats.SUM, options);
  }

  /** Number of events published for failed tasks. Statistic: sum. */
  metricTasksFailed(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.failed, Stats.SUM, options);
  }

  /** Number of tasks that have been running for longer than `stalledAfterMinutes`. Not reported at 0. Statistic: maximum. */
  metricTasksStalled(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.stalled, Stats.MAXIMUM, options);
  }

  /** Number of items that failed and are quarantined. Not reported at 0. Statistic: maximum. */
  metricItemsSetAside(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.setAside, Stats.MAXIMUM, options);
  }

  /**
   * Number of finished tasks that polls missed and an audit found, plus 1 while an audit is overdue. Not reported at 0.
   * Statistic: maximum.
   */
  metricAuditProblems(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.auditProblems, Stats.MAXIMUM, options);
  }

  /** Number of gaps in the sweep after a poll that made no progress on them. Not reported at 0. Statistic: maximum. */
  metricBacklogUnchanged(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.backlogUnchanged, Stats.MAXIMUM, options);
  }

  private onTaskEvent(id: string, detailType: TaskDetailType, options: FailedTaskEventOptions): Rule {
    const method = `on${detailType}('${id}')`;
    checkEventOptions(`The options of ${this.node.path}.${method}`, options, detailType === TASK_FAILED);
    const { source, reasonCategories, reasonCodes, replays = true, target, eventPattern, ...others } = options;
    const { crossStackScope, ...rest } = others;
    const only = source && this.sourceNamed(source);
    const rule = new Rule(crossStackScope ?? this, id, {
      ...rest,
      eventBus: this.eventBus,
      ...(target && { targets: [target] }),
    });
    const detail = {
      schemaVersion: [...schemaVersions],
      ...(only && { catalog: [only.catalog], taskType: [only.taskFamily] }),
      // Sources of other accounts may have the same catalog and family, now or later.
      ...(only?.name && { sourceName: [only.name] }),
      ...(reasonCategories && { reasonCategory: [...reasonCategories] }),
      ...(reasonCodes && { reasonCode: [...reasonCodes] }),
      ...(!replays && { replayId: [{ exists: false }] }),
    };
    rule.addEventPattern({ source: [this.eventSource], detailType: [detailType], detail });
    rule.addEventPattern(eventPattern);
    const newCodes = reasonCodes?.filter(code => !(knownReasonCodes as readonly string[]).includes(code)) ?? [];
    if (newCodes.length > 0)
      Annotations.of(rule).addWarningV2(
        'partner-central-task-poller:unknownReasonCode',
        `${method} matches ${newCodes.join(', ')}, which this release does not know. Check the spelling; Partner Central may have new codes.`,
      );
    if (isIn(Stack.of(this), rule)) this.pollAfter(rule);
    // EventBridge marks a replay from the archive in the envelope. CDK's pattern type lacks that field.
    if (!replays)
      (rule.node.defaultChild as CfnRule).addPropertyOverride('EventPattern.replay-name', [{ exists: false }]);
    return rule;
  }

  /** @throws Error if it does not exist */
  private sourceNamed(name: TaskSource): SourceConfig {
    const found = this.sources.find(({ label }) => label === name);
    if (found) return found;
    const labels = this.sources.map(({ label }) => label);
    throw new Error(`${this.node.path} has no source ${name}; allowed: ${labels.join(' or ')}`);
  }

  private metric(metricName: string, statistic: string, given: TaskPollerMetricOptions = {}): Metric {
    checkMetricOptions(`The options of a metric of ${this.node.path}`, given);
    const { source, ...options } = given;
    const { serviceName, pollEveryMinutes } = source ? this.sourceNamed(source) : (this.sources[0] as SourceConfig);
    return new Metric({
      namespace: METRICS_NAMESPACE,
      metricName,
      dimensionsMap: { service: serviceName },
      statistic,
      period: Duration.minutes(Math.max(5, pollEveryMinutes)),
      ...options,
    }).attachTo(this);
  }
}

/** Whether CloudFormation creates the construct in this stack or in a nested stack of it. */
function isIn(stack: Stack, construct: IConstruct): boolean {
  let own: Stack | undefined = Stack.of(construct);
  while (own && own !== stack) own = own.nestedStackParent;
  return own === stack;
}
