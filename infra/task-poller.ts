import { Duration, Stack } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type CfnRule, type IEventBus, type OnEventOptions, Rule } from 'aws-cdk-lib/aws-events';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import type { ReasonCategory } from '../events/task-events';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED, type TaskDetailType } from '../lambdas/event-names';
import { METRICS_NAMESPACE, metricNames } from '../lambdas/poller/metrics';
import { Alarms } from './constructs/alarms';
import { Dashboard } from './constructs/dashboard';
import { allowKeyUse, encryptionKey as newEncryptionKey } from './constructs/encryption-key';
import { EventSchemas } from './constructs/event-schemas';
import { FailedTaskAlerts } from './constructs/failed-task-alerts';
import { Forwarding } from './constructs/forwarding';
import { LogQueries } from './constructs/log-queries';
import { Poller } from './constructs/poller';
import { Receivers } from './constructs/receivers';
import { SnapshotTable } from './constructs/snapshot-table';
import { TaskBus } from './constructs/task-bus';
import { readProps } from './read-props';
import type { SourceConfig } from './sources';
import type { TaskPollerSettings } from './task-poller-settings';

export interface PartnerCentralTaskPollerProps extends TaskPollerSettings {
  /**
   * Publish on this bus, which is in the stack's account and region.
   * @default - a bus of its own
   */
  readonly eventBus?: IEventBus;
  /**
   * Use this table, such as a restored one. It needs the keys, the index and the TTL attribute of the poller's own.
   * @default - a table of its own, which stays when the stack is deleted
   */
  readonly table?: ITable;
  /**
   * Existing standard topics for the alarms, one to five. Their policies have to let cloudwatch.amazonaws.com publish.
   * @default - a topic of its own, with `alarmEmail` as subscriber
   */
  readonly alarmTopics?: readonly ITopic[];
}

/** A source as it is called here: its catalog and its task family, such as `AWS/EngagementFromOpportunity`. */
export type TaskSource = `${TaskPollerSettings['catalog']}/${NonNullable<TaskPollerSettings['taskFamily']>}`;

/** What a rule of `onTask…` gets. `eventPattern` narrows it further; `target` can also be added to the rule later. */
export interface TaskEventOptions extends OnEventOptions {
  /**
   * Only tasks of this source.
   * @default - all sources
   */
  readonly source?: TaskSource;
  /**
   * Whether the rule gets events that somebody had published once more, from the table or from the bus's archive.
   * @default true
   */
  readonly replays?: boolean;
}

export interface FailedTaskEventOptions extends TaskEventOptions {
  /**
   * Only failures of these categories.
   * @default - all failures
   */
  readonly reasonCategories?: readonly ReasonCategory[];
  /**
   * Only failures with these reason codes.
   * @default - all failures
   */
  readonly reasonCodes?: readonly string[];
}

/** As CloudWatch's own; `period` is 5 minutes, or the time between two polls if that is longer, unless it is given. */
export interface TaskPollerMetricOptions extends MetricOptions {
  /**
   * Only of this source; each has metrics of its own.
   * @default - the first source
   */
  readonly source?: TaskSource;
}

/** Queues in which something waits for a person; an alarm tells when it does. */
export interface DeadLetterQueues {
  /** Polls that failed, with their error; one queue for each source, the first one first. */
  readonly failedRuns: readonly IQueue[];
  /** Failed tasks that nobody was told about. */
  readonly undeliveredAlerts: IQueue;
  /** Events that the bus lost to its key; with `customerManagedKey` only. */
  readonly keyFailures?: IQueue;
  /** Events that a bus of `forwardTo` did not take; with that only. */
  readonly unforwarded?: IQueue;
}

/**
 * Polls the tasks of AWS Partner Central and puts an event on a bus when one completes or fails: functions, schedules,
 * table, bus, alerts for people, alarms.
 *
 * Several fit in one account and in one stack: CloudFormation names everything in it but the bus, whose name is made of the
 * stack's name and the construct's path in the stack. Partner Central answers only to the account that is linked to it; a
 * stack in another account needs `assumeRoleArn`.
 *
 * @example
 * const tasks = new PartnerCentralTaskPoller(this, 'TaskPoller', { catalog: 'AWS', alertEmail: 'crm@example.com' });
 * tasks.onTaskCompleted('ToCrm', { target: new SqsQueue(crmQueue) });
 */
export class PartnerCentralTaskPoller extends Construct {
  /** Has the `TaskCompleted`, `TaskFailed` and `TaskStalled` events. */
  readonly eventBus: IEventBus;
  /** Source of these events, for a rule that `onTask…` can't make. */
  readonly eventSource: string;
  /** What is known of each task. Only the poller may write to it. */
  readonly table: ITable;
  /** Gets a text for people about failed tasks; subscribe whom you like. */
  readonly alertTopic: ITopic;
  /** The same for chats; with `chatAlerts` only. */
  readonly chatAlertTopic: ITopic | undefined;
  /** Writes these texts. Grant it the key of an encrypted topic that `alertRoutes` names. */
  readonly alertFunction: LambdaFunction;
  /** Get the alarms. */
  readonly alarmTopics: readonly ITopic[];
  /** All alarms of all sources. */
  readonly alarms: readonly Alarm[];
  /** One function for each source, the first one first. */
  readonly functions: readonly LambdaFunction[];
  /** Where what could not be delivered waits for a person; one of the alarms watches over each. */
  readonly deadLetterQueues: DeadLetterQueues;
  private readonly sources: readonly SourceConfig[];
  private readonly receivers = new Receivers(Stack.of(this));

  /** @throws ConfigurationError naming every prop that is bad or can't work together with another */
  constructor(scope: Construct, id: string, props: PartnerCentralTaskPollerProps) {
    super(scope, id);
    const { eventBus, table, alarmTopics, ...settings } = props;
    const config = readProps(this, settings, alarmTopics);
    this.sources = config.sources;
    this.eventSource = config.eventSource;

    const encryptionKey = config.customerManagedKey ? newEncryptionKey(this, 'EncryptionKey') : undefined;
    this.table = table ?? (new SnapshotTable(this, 'SnapshotTable', { encryptionKey }).table as ITable);
    const taskBus = new TaskBus(this, 'TaskBus', { config, existing: eventBus, encryptionKey });
    const { bus, keyFailures } = taskBus;
    if (config.schemaRegistry) new EventSchemas(this, 'EventSchemas', { config });
    const ofPoller = { table: this.table, bus, receivers: this.receivers, encryptionKey };
    const pollers = config.sources.map(
      source => new Poller(this, `Poller${source.idSuffix}`, { config: source, ...ofPoller }),
    );
    // A table of somebody else's may be under somebody else's key.
    if (table?.encryptionKey)
      for (const poller of pollers) allowKeyUse(poller.function.role as IRole, table, { reads: ['dynamodb'] });
    const forwarding =
      config.forwardTo && new Forwarding(this, 'Forwarding', { config, bus, to: config.forwardTo, encryptionKey });
    const alerts = new FailedTaskAlerts(this, 'FailedTaskAlerts', { config, bus, pollers, encryptionKey });
    const { undelivered } = alerts;

    const alarmsOf = (at: number, more: Partial<ConstructorParameters<typeof Alarms>[2]>) => {
      const [source, poller] = [config.sources[at] as SourceConfig, pollers[at] as Poller];
      return new Alarms(this, `Alarms${source.idSuffix}`, {
        config: source,
        poller,
        lastReceiver: alerts.mapping,
        ...more,
      });
    };
    const unforwarded = forwarding?.undelivered;
    const deadLetters = { undelivered, keyFailures, unforwarded };
    const firstAlarms = alarmsOf(0, { topics: alarmTopics, deadLetters, encryptionKey });
    const { topics } = firstAlarms;
    const others = pollers.slice(1).map((_, at) => alarmsOf(at + 1, { topics }));
    this.alarms = [firstAlarms, ...others].flatMap(({ all }) => all);

    this.pollAfter(taskBus, alerts, ...(forwarding ? [forwarding] : []));
    if (!alarmTopics) this.pollAfter(...topics);

    if (config.savedQueries)
      new LogQueries(this, 'LogQueries', { config, logGroups: pollers.map(poller => poller.function.logGroup) });
    if (config.dashboard) new Dashboard(this, 'Dashboard', { config, pollers, table: this.table, alarms: this.alarms });

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
   * A rule for tasks that completed.
   * @throws Error when there is no such source
   */
  onTaskCompleted(id: string, options: TaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_COMPLETED, options);
  }

  /**
   * A rule for tasks that failed.
   * @throws Error when there is no such source
   */
  onTaskFailed(id: string, options: FailedTaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_FAILED, options);
  }

  /**
   * A rule for tasks that have been running for too long.
   * @throws Error unless `taskStalledEvents` is on, for that source or for any
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
   * Both schedules of every source wait, in a deployment, for these constructs and all that is in them, and for what the
   * rules among them send to. Rules of `onTask…` are waited for anyway. In a stack that needs something of this one, they
   * can't be: deploy that with `enabled: false` first.
   */
  pollAfter(...receivers: readonly IConstruct[]): void {
    this.receivers.add(...receivers);
  }

  /** Polls that were complete: a sum. */
  metricCompleteRuns(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.heartbeat, Stats.SUM, options);
  }

  /** Events published for failed tasks: a sum. */
  metricTasksFailed(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.failed, Stats.SUM, options);
  }

  /** Tasks that have been running for longer than `stalledAfterMinutes`, while there are any: the maximum. */
  metricTasksStalled(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.stalled, Stats.MAXIMUM, options);
  }

  /** What could not be dealt with and is kept aside, while there is any: the maximum. */
  metricItemsSetAside(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.setAside, Stats.MAXIMUM, options);
  }

  /** Endings that an audit found and polls had overlooked, and one for each poll while the audit is overdue: the maximum. */
  metricAuditProblems(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.auditProblems, Stats.MAXIMUM, options);
  }

  /** Parts of the list still to be swept, in polls that got no further with them: the maximum. */
  metricBacklogUnchanged(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.backlogUnchanged, Stats.MAXIMUM, options);
  }

  private onTaskEvent(id: string, detailType: TaskDetailType, options: FailedTaskEventOptions): Rule {
    const { source, reasonCategories, reasonCodes, replays = true, target, eventPattern, ...others } = options;
    const { crossStackScope, ...rest } = others;
    const only = source && this.sourceNamed(source);
    const rule = new Rule(crossStackScope ?? this, id, {
      ...rest,
      eventBus: this.eventBus,
      ...(target && { targets: [target] }),
    });
    rule.addEventPattern({ source: [this.eventSource], detailType: [detailType] });
    const detail = {
      ...(only && { catalog: [only.catalog], taskType: [only.taskFamily] }),
      ...(reasonCategories && { reasonCategory: [...reasonCategories] }),
      ...(reasonCodes && { reasonCode: [...reasonCodes] }),
      ...(!replays && { replayId: [{ exists: false }] }),
    };
    if (Object.keys(detail).length > 0) rule.addEventPattern({ detail });
    rule.addEventPattern(eventPattern);
    if (isIn(Stack.of(this), rule)) this.pollAfter(rule);
    // EventBridge marks a replay from the archive in the envelope; CDK's type has no such field.
    if (!replays)
      (rule.node.defaultChild as CfnRule).addPropertyOverride('EventPattern.replay-name', [{ exists: false }]);
    return rule;
  }

  /** @throws Error when there is none */
  private sourceNamed(name: TaskSource): SourceConfig {
    const nameOf = ({ catalog, taskFamily }: SourceConfig) => `${catalog}/${taskFamily}`;
    const found = this.sources.find(source => nameOf(source) === name);
    if (found) return found;
    throw new Error(`${this.node.path} has no source ${name}, but ${this.sources.map(nameOf).join(' and ')}`);
  }

  private metric(metricName: string, statistic: string, { source, ...options }: TaskPollerMetricOptions = {}): Metric {
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

/** Whether CloudFormation makes it as a part of this stack, itself or in a stack nested there. */
function isIn(stack: Stack, construct: IConstruct): boolean {
  let own: Stack | undefined = Stack.of(construct);
  while (own && own !== stack) own = own.nestedStackParent;
  return own === stack;
}
