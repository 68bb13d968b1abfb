import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { METRICS_NAMESPACE, metricNames } from '../../lambdas/poller/metrics';
import type { SourceConfig } from '../sources';
import { alarmTopic } from './alarm-topic';
import type { Encrypted } from './encryption-key';
import type { Poller } from './poller';

interface AlarmsProps extends Encrypted {
  readonly config: SourceConfig;
  readonly poller: Poller;
  /** Topics to notify. Default: a new topic. */
  readonly topics?: readonly ITopic[] | undefined;
  /** The dependency of the schedules that CloudFormation creates last. */
  readonly lastReceiver: IDependable;
  /** Dead-letter queues that all sources share. Only the alarms of the first source watch them. */
  readonly shared?: { readonly [K in keyof typeof sharedQueues]?: Queue | undefined };
}

interface AlarmDefinition {
  /** One sentence. */
  readonly meaning: string;
  /** What the operator does first. */
  readonly firstStep: string;
  /** Anchor of the section in the runbook, as GitHub derives it from the heading. */
  readonly anchor: string;
  readonly metric: IMetric;
  readonly threshold?: number;
  readonly comparison?: ComparisonOperator;
  /** Number of periods that CloudWatch evaluates. */
  readonly periods: number;
  /** Number of these periods that must breach. Default: all. */
  readonly breaching?: number;
  readonly missing: TreatMissingData;
  readonly actionsEnabled?: boolean;
  /** Whether it is about all sources, so that its text must not name one. */
  readonly ofAllSources?: boolean;
}

/** What a message in these queues means. */
const sharedQueues = {
  UndeliveredAlerts: {
    meaning: 'An alert was not delivered: nobody was told of a failed task.',
    firstStep: 'Read the messages in the queue. Each is a failed task.',
  },
  KeyFailures: {
    meaning: 'The bus could not encrypt or decrypt an event. No rule got it.',
    firstStep: 'Check that the key of the stack is enabled.',
  },
  Unforwarded: {
    meaning: 'A forwardTo bus did not accept an event within a day.',
    firstStep: 'Check that the policy of that bus allows this account to put events.',
  },
} as const;

/**
 * Eight alarms for one poller, and one for each queue that all pollers share. The runbook has a section on each question. All
 * periods are derived from the time between two polls, so that another rate can't make an alarm miss failures or stay on.
 *
 * The alarms have no explicit names, so that an account can have several stacks. CloudFormation derives them from the names
 * of the stack and the alarm, such as `PartnerCentralTaskPoller-AlarmsNotFinishing0F3B1C2D-x8Yz`.
 */
export class Alarms extends Construct {
  /** Topics that the alarms notify. */
  readonly topics: readonly ITopic[];
  readonly all: Alarm[] = [];
  private readonly actions: readonly IAlarmAction[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    this.topics = props.topics ?? [alarmTopic(this, 'Topic', props)];
    this.actions = this.topics.map(({ topicArn }) => ({ bind: () => ({ alarmActionArn: topicArn }) }));

    this.addRunAlarms();
    this.addTaskAlarms();
    this.addBacklogAlarms();
    this.addQueueAlarms();
  }

  private addRunAlarms() {
    const { config, poller, lastReceiver } = this.props;
    this.alarm('Failing', {
      meaning: 'A poll failed, and needs an operator. While polls fail, no finished task is published.',
      firstStep: 'Read the last log line "The run failed": it says what to do.',
      anchor: 'alarm-failing',
      metric: poller.function.metricErrors({ statistic: Stats.SUM, period: Duration.minutes(1) }),
      periods: 1,
      // Lambda reports 0 for a run that succeeds, and nothing between two runs. Missing data must not change the state.
      missing: TreatMissingData.IGNORE,
    });

    const { period, periodsFor } = windows(config.pollEveryMinutes);
    const notFinishing = this.alarm('NotFinishing', {
      meaning: 'No poll has been complete for some time. Finished tasks are published late, or not at all.',
      firstStep:
        'Look at the last "Run" lines of the log. No lines: nothing polls. "partial": polls stop before they finish.',
      anchor: 'alarm-not-finishing',
      // FILL, because with missing data CloudWatch first evaluates older data points. At one poll a day, this delays the
      // alarm by days. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
      metric: new MathExpression({
        expression: 'FILL(heartbeat, 0)',
        usingMetrics: { heartbeat: this.ofPoller(metricNames.heartbeat, Stats.SUM, period) },
        label: 'Complete polls',
        period,
      }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      // At least three: schedule and periods are not aligned, so one period may have two polls and the next one none.
      periods: periodsFor({ minutes: 5, polls: 3 }),
      missing: TreatMissingData.BREACHING,
      actionsEnabled: config.enabled,
    });
    // A new alarm is evaluated over the minutes before it was created, in which nothing polled, so it can go off before the
    // first poll. CloudWatch has no form that prevents this and still goes off if no poll is ever complete; the runbook says
    // so. The alarm is created late, so that it has little time for a false alarm. It can't depend on the schedule: the schedule may depend on a resource that refers to this alarm, such as a topic's policy.
    notFinishing.node.addDependency(lastReceiver);
  }

  private addTaskAlarms() {
    const { config } = this.props;
    const { period, hourOrPeriod, gauge } = windows(config.pollEveryMinutes);
    this.alarm('TasksFailed', {
      meaning: `${config.alarmAtFailedTasks} or more tasks failed within ${hourOrPeriod.toHumanString()}: they probably have one cause.`,
      firstStep: 'Run the saved query "Outcomes by reason" and check whether one reason code is the most frequent.',
      anchor: 'alarm-tasks-failed',
      metric: this.ofPoller(metricNames.failed, Stats.SUM, hourOrPeriod),
      threshold: config.alarmAtFailedTasks,
      periods: 1,
      missing: TreatMissingData.NOT_BREACHING,
    });
    this.alarm('TasksStalled', {
      ...gauge,
      meaning: `${config.alarmAtStalledTasks} or more tasks have been running for longer than ${config.stalledAfterMinutes} minutes (stalledAfterMinutes).`,
      firstStep: 'List the running tasks, and ask AWS Partner Central support about the oldest ones.',
      anchor: 'alarm-tasks-stalled',
      metric: this.ofPoller(metricNames.stalled, Stats.MAXIMUM, period),
      threshold: config.alarmAtStalledTasks,
    });
  }

  private addBacklogAlarms() {
    const { config } = this.props;
    const { period, gauge, periodsFor } = windows(config.pollEveryMinutes);
    this.alarm('SetAside', {
      ...gauge,
      meaning:
        'An item failed and is quarantined: an event that EventBridge refuses, a damaged row, or a task that is no longer listed.',
      firstStep: 'Run the saved query "Warnings and errors": each item has its own line.',
      anchor: 'alarm-set-aside',
      metric: this.ofPoller(metricNames.setAside, Stats.MAXIMUM, period),
    });
    this.alarm('Audit', {
      ...gauge,
      meaning:
        'The audit found finished tasks that the polls had missed (they are published now), or it has not finished for two audit periods.',
      firstStep: 'Look for "The audit found a finished task" in the log. Without such a line, the audit is overdue.',
      anchor: 'alarm-audit',
      metric: this.ofPoller(metricNames.auditProblems, Stats.MAXIMUM, period),
    });
    const polls = periodsFor({ minutes: 30, polls: 10 });
    this.alarm('Backlog', {
      meaning: 'Some parts of the list are not swept yet (gaps), and the polls make no progress on them.',
      firstStep:
        'Look at gaps, listCalls and outcome in the last "Run" lines, and search for "A sweep loses its place".',
      anchor: 'alarm-backlog',
      metric: this.ofPoller(metricNames.backlogUnchanged, Stats.MAXIMUM, period),
      periods: polls,
      // Not all: a skipped poll reports nothing, and two polls can fall into one period.
      breaching: Math.ceil(polls * 0.8),
      missing: TreatMissingData.NOT_BREACHING,
    });
  }

  /** One for each queue. CloudWatch charges a sum by its queues, and a sum would need a value of each of them. */
  private addQueueAlarms() {
    const { poller, shared = {} } = this.props;
    const waitingIn = (queue: Queue) => ({
      anchor: 'alarm-dead-letters',
      metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) }),
      periods: 1,
      // SQS stops reporting on a queue that is unused for six hours, even if it has messages. The alarm must stay on then.
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/MonitorSQSwithCloudWatch.html
      missing: TreatMissingData.IGNORE,
    });
    this.alarm('FailedRuns', {
      ...waitingIn(poller.failedRuns),
      meaning: 'A failed poll is in the dead-letter queue.',
      firstStep: 'Read the messages in the queue. Each names its error.',
    });
    for (const [id, queue] of Object.entries(shared))
      if (queue)
        this.alarm(id, { ...waitingIn(queue), ...sharedQueues[id as keyof typeof sharedQueues], ofAllSources: true });
  }

  private ofPoller(metricName: string, statistic: string, period: Duration) {
    const dimensionsMap = { service: this.props.config.serviceName };
    return new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap, statistic, period });
  }

  private alarm(id: string, definition: AlarmDefinition): Alarm {
    const {
      meaning,
      firstStep,
      anchor,
      metric,
      threshold = 1,
      periods,
      breaching,
      missing,
      actionsEnabled,
      ofAllSources = false,
    } = definition;
    const { config, poller } = this.props;
    const which = poller.name && !ofAllSources ? `${poller.name}: ` : '';
    const alarm = new Alarm(this, id, {
      alarmDescription: `${which}${meaning} First: ${firstStep} Then: ${config.runbookUrl}#${anchor}`,
      metric,
      threshold,
      comparisonOperator: definition.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      ...(breaching !== undefined && { datapointsToAlarm: breaching }),
      treatMissingData: missing,
      ...(actionsEnabled !== undefined && { actionsEnabled }),
    });
    alarm.addAlarmAction(...this.actions);
    alarm.addOkAction(...this.actions);
    this.all.push(alarm);
    return alarm;
  }
}

/**
 * Periods of the alarms for a poller of this rate. One period of an alarm is one period of the schedule.
 * CloudWatch evaluates at most the last day, or the last week if a period is an hour or longer:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
function windows(pollEveryMinutes: number) {
  const maxMinutes = (pollEveryMinutes < 60 ? 1 : 7) * 24 * 60;
  /** Number of periods that cover at least these minutes and polls, up to CloudWatch's limit. */
  const periodsFor = ({ minutes, polls }: { minutes: number; polls: number }) =>
    Math.min(Math.max(polls, Math.ceil(minutes / pollEveryMinutes)), Math.floor(maxMinutes / pollEveryMinutes));
  return {
    period: Duration.minutes(pollEveryMinutes),
    hourOrPeriod: Duration.minutes(Math.max(60, pollEveryMinutes)),
    periodsFor,
    /** For values that each poll reports while they are above 0. The alarm must stay on when polls are skipped or end early. */
    gauge: {
      periods: periodsFor({ minutes: 15, polls: 3 }),
      breaching: 1,
      missing: TreatMissingData.NOT_BREACHING,
    },
  };
}
