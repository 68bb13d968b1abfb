import { Stack } from 'aws-cdk-lib';
import { type Alarm, Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type IEventBus, type OnEventOptions, Rule } from 'aws-cdk-lib/aws-events';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED, type TaskDetailType } from '../lambdas/event-names';
import { METRICS_NAMESPACE, metricNames } from '../lambdas/poller/metrics';
import type { ReasonCategory } from '../lambdas/task-event';
import { readConfig } from './config';
import { Alarms } from './constructs/alarms';
import { Dashboard } from './constructs/dashboard';
import { encryptionKey as newEncryptionKey } from './constructs/encryption-key';
import { EventSchemas } from './constructs/event-schemas';
import { FailedTaskAlerts } from './constructs/failed-task-alerts';
import { Forwarding } from './constructs/forwarding';
import { LogQueries } from './constructs/log-queries';
import { Poller } from './constructs/poller';
import { SnapshotTable } from './constructs/snapshot-table';
import { TaskBus } from './constructs/task-bus';
import type { SourceConfig } from './sources';
import type { TaskPollerSettings } from './task-poller-settings';

export interface PartnerCentralTaskPollerProps extends TaskPollerSettings {
  /**
   * Publish on this bus, which is in the stack's account and region.
   * @default a bus of its own
   */
  readonly eventBus?: IEventBus;
  /**
   * Use this table, such as a restored one. It needs the keys, the index and the TTL attribute of the poller's own.
   * @default a table of its own
   */
  readonly table?: ITable;
  /**
   * Existing topics for the alarms. Their policies have to let cloudwatch.amazonaws.com publish.
   * @default a topic of its own, with `alarmEmail` as subscriber
   */
  readonly alarmTopics?: readonly ITopic[];
}

/** Which of the tasks an event tells of; a rule gets all of them where this says nothing. */
export interface TaskEventOptions extends OnEventOptions {
  /** Only failures of these categories. */
  readonly reasonCategories?: readonly ReasonCategory[];
  /** Only failures with these reason codes. */
  readonly reasonCodes?: readonly string[];
  /**
   * Whether the rule gets what somebody has published once more, from the snapshot.
   * @default true
   */
  readonly replays?: boolean;
}

export interface TaskPollerMetricOptions extends MetricOptions {
  /**
   * Which source, such as `AWS/EngagementFromOpportunity`.
   * @default the first one
   */
  readonly source?: string;
}

export interface DeadLetterQueues {
  /** Polls that failed, with their error; one queue for each source. */
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
 * Everything in it is named by CloudFormation, so that several fit in one account.
 */
export class PartnerCentralTaskPoller extends Construct {
  /** Has the `TaskCompleted`, `TaskFailed` and `TaskStalled` events. */
  readonly eventBus: IEventBus;
  /** What is known of each task. */
  readonly table: Pick<ITable, 'tableName' | 'tableArn'>;
  /** Gets a text for people about failed tasks. */
  readonly alertTopic: ITopic;
  /** The same for chats; with `chatAlerts` only. */
  readonly chatAlertTopic: ITopic | undefined;
  /** Get the alarms. */
  readonly alarmTopics: readonly ITopic[];
  /** All alarms of all sources. */
  readonly alarms: readonly Alarm[];
  /** One function for each source, the first one first. */
  readonly functions: readonly LambdaFunction[];
  /** Where what could not be delivered waits for a person; one of the alarms watches over each. */
  readonly deadLetterQueues: DeadLetterQueues;
  private readonly sources: readonly SourceConfig[];
  private readonly eventSource: string;
  private readonly tellsOfStalledTasks: boolean;

  /** @throws ConfigurationError naming every prop that is bad or can't work together with another */
  constructor(scope: Construct, id: string, props: PartnerCentralTaskPollerProps) {
    super(scope, id);
    const { eventBus, table, alarmTopics, ...settings } = props;
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    const config = readConfig({ ...given, stackName: this.serviceName() }, `The props of ${this.node.path}`);
    this.sources = config.sources;
    this.eventSource = config.eventSource;
    this.tellsOfStalledTasks = config.sources.some(({ taskStalledEvents }) => taskStalledEvents);

    const encryptionKey = config.customerManagedKey ? newEncryptionKey(this, 'EncryptionKey') : undefined;
    this.table = table ?? new SnapshotTable(this, 'SnapshotTable', { encryptionKey }).table;
    const { bus, keyFailures } = new TaskBus(this, 'TaskBus', { config, existing: eventBus, encryptionKey });
    if (config.schemaRegistry) new EventSchemas(this, 'EventSchemas', { config });
    const pollers = config.sources.map(
      source => new Poller(this, `Poller${source.idSuffix}`, { config: source, table: this.table, bus, encryptionKey }),
    );
    const forwarding =
      config.forwardTo && new Forwarding(this, 'Forwarding', { config, bus, to: config.forwardTo, encryptionKey });
    const alerts = new FailedTaskAlerts(this, 'FailedTaskAlerts', { config, bus, pollers, encryptionKey });
    const { undelivered } = alerts;

    const alarmsOf = (at: number, more: Partial<ConstructorParameters<typeof Alarms>[2]>) => {
      const [source, poller] = [config.sources[at] as SourceConfig, pollers[at] as Poller];
      return new Alarms(this, `Alarms${source.idSuffix}`, { config: source, poller, ...more });
    };
    const unforwarded = forwarding?.undelivered;
    const deadLetters = { undelivered, keyFailures, unforwarded };
    const firstAlarms = alarmsOf(0, { topics: alarmTopics, deadLetters, encryptionKey });
    const { topics } = firstAlarms;
    const others = pollers.slice(1).map((_, at) => alarmsOf(at + 1, { topics }));
    this.alarms = [firstAlarms, ...others].flatMap(({ all }) => all);

    new LogQueries(this, 'LogQueries', { config, logGroups: pollers.map(poller => poller.function.logGroup) });
    if (config.dashboard) new Dashboard(this, 'Dashboard', { config, pollers, table: this.table, alarms: this.alarms });

    this.eventBus = bus;
    this.alertTopic = alerts.topic;
    this.chatAlertTopic = alerts.chatTopic;
    this.alarmTopics = topics;
    this.functions = pollers.map(poller => poller.function);
    this.deadLetterQueues = {
      failedRuns: pollers.map(poller => poller.failedRuns),
      undeliveredAlerts: undelivered,
      ...(keyFailures && { keyFailures }),
      ...(unforwarded && { unforwarded }),
    };
  }

  /** A rule for tasks that completed. */
  onTaskCompleted(id: string, options: TaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_COMPLETED, options);
  }

  /** A rule for tasks that failed. */
  onTaskFailed(id: string, options: TaskEventOptions = {}): Rule {
    return this.onTaskEvent(id, TASK_FAILED, options);
  }

  /**
   * A rule for tasks that have been running for too long.
   * @throws Error unless a source has `taskStalledEvents`
   */
  onTaskStalled(id: string, options: Omit<TaskEventOptions, 'reasonCategories' | 'reasonCodes'> = {}): Rule {
    if (!this.tellsOfStalledTasks)
      throw new Error(`${this.node.path} publishes no ${TASK_STALLED} events: set its prop taskStalledEvents to true`);
    return this.onTaskEvent(id, TASK_STALLED, options);
  }

  /** Polls that were complete. */
  metricCompleteRuns(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.heartbeat, Stats.SUM, options);
  }

  /** Events published for failed tasks. */
  metricTasksFailed(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.failed, Stats.SUM, options);
  }

  /** Tasks that have been running for longer than `stalledAfterMinutes`, while there are any. */
  metricTasksStalled(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.stalled, Stats.MAXIMUM, options);
  }

  /** What could not be dealt with and is kept aside, while there is any. */
  metricItemsSetAside(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.setAside, Stats.MAXIMUM, options);
  }

  /** Endings that an audit found and polls had overlooked; one for each poll while the audit is overdue. */
  metricAuditProblems(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.auditProblems, Stats.MAXIMUM, options);
  }

  /** Parts of the list still to be swept, in polls that got no further with them. */
  metricBacklogUnchanged(options?: TaskPollerMetricOptions): Metric {
    return this.metric(metricNames.backlogUnchanged, Stats.MAXIMUM, options);
  }

  private onTaskEvent(id: string, detailType: TaskDetailType, options: TaskEventOptions): Rule {
    const { reasonCategories, reasonCodes, replays = true, target, eventPattern, crossStackScope, ...rest } = options;
    const rule = new Rule(crossStackScope ?? this, id, {
      ...rest,
      eventBus: this.eventBus,
      ...(target && { targets: [target] }),
    });
    rule.addEventPattern({ source: [this.eventSource], detailType: [detailType] });
    const detail = {
      ...(reasonCategories && { reasonCategory: [...reasonCategories] }),
      ...(reasonCodes && { reasonCode: [...reasonCodes] }),
      ...(!replays && { replayId: [{ exists: false }] }),
    };
    if (Object.keys(detail).length > 0) rule.addEventPattern({ detail });
    rule.addEventPattern(eventPattern);
    return rule;
  }

  /** Tells its logs, metrics and queries from those of any other: the stack's name, and the path in the stack. */
  private serviceName(): string {
    const stack = Stack.of(this);
    const path = this.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
    return [stack.stackName, ...path.filter(part => part !== 'Default')].join('-').replace(/[^A-Za-z0-9-]/g, '-');
  }

  private metric(metricName: string, statistic: string, { source, ...options }: TaskPollerMetricOptions = {}): Metric {
    const names = this.sources.map(({ catalog, taskFamily }) => `${catalog}/${taskFamily}`);
    const at = source === undefined ? 0 : names.indexOf(source);
    if (at < 0) throw new Error(`${this.node.path} has no source ${source}, but ${names.join(' and ')}`);
    const { serviceName } = this.sources[at] as SourceConfig;
    return new Metric({
      namespace: METRICS_NAMESPACE,
      metricName,
      dimensionsMap: { service: serviceName },
      statistic,
      ...options,
    }).attachTo(this);
  }
}
