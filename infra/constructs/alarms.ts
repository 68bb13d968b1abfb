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
  /** Whom they tell, in place of a topic of their own. */
  readonly topics?: readonly ITopic[] | undefined;
  /** The last to be made of what the schedules wait for in every stack. */
  readonly lastReceiver: IDependable;
  /** Dead-letter queues, of what the sources share: one of them looks after these. */
  readonly deadLetters?: Readonly<Record<string, Queue | undefined>>;
}

interface Question {
  /** One sentence. */
  readonly means: string;
  /** What to do first, at 3 am. */
  readonly first: string;
  /** The runbook's section, as GitHub makes anchors of headings. */
  readonly anchor: string;
  readonly metric: IMetric;
  readonly threshold?: number;
  readonly comparison?: ComparisonOperator;
  /** How many periods CloudWatch looks at, and how many of these have to breach: all of them, unless it says otherwise. */
  readonly periods: number;
  readonly breaching?: number;
  readonly missing: TreatMissingData;
  readonly actionsEnabled?: boolean;
}

/**
 * Eight questions about the poller, each with its alarm and its section of the runbook. All windows follow from the time
 * between two polls, so that another rate can't leave an alarm behind that is deaf or never quiet.
 *
 * The alarms have no names of ours, so that several stacks fit in one account: CloudFormation makes them from the stack's
 * name and the question's, such as `PartnerCentralTaskPoller-AlarmsNotFinishing0F3B1C2D-x8Yz`.
 */
export class Alarms extends Construct {
  /** Whom they tell. */
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

    this.runs();
    this.tasks();
    this.leftovers();
  }

  private runs() {
    const { config, poller, lastReceiver } = this.props;
    this.alarm('Failing', {
      means: 'A poll failed in a way that needs a person; as long as polls fail, no ended task is published.',
      first: 'Read the last line "The run failed" in the log: it says what to do.',
      anchor: 'alarm-failing',
      metric: poller.function.metricErrors({ statistic: Stats.SUM, period: Duration.minutes(1) }),
      periods: 1,
      // Lambda reports 0 for a run that succeeds. Between two runs there is nothing, which proves nothing.
      missing: TreatMissingData.IGNORE,
    });

    const { period, lookAt } = windows(config.pollEveryMinutes);
    const notFinishing = this.alarm('NotFinishing', {
      means: 'No poll has been complete for some time; ended tasks are published late, or not at all.',
      first:
        'Look at the last "Run" lines of the log: none means that nothing polls, "partial" that something is slow.',
      anchor: 'alarm-not-finishing',
      // Filled, because CloudWatch puts off what it knows to be missing: it looks further back for real data first,
      // which for a poll a day is days. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
      metric: new MathExpression({
        expression: 'FILL(heartbeat, 0)',
        usingMetrics: { heartbeat: this.ofPoller(metricNames.heartbeat, Stats.SUM, period) },
        label: 'Complete polls',
        period,
      }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      // Three at least: schedule and periods are not in step, so one period may have two polls and its neighbour none.
      periods: lookAt({ minutes: 5, polls: 3 }),
      missing: TreatMissingData.BREACHING,
      actionsEnabled: config.enabled,
    });
    // Before the first poll there is no heartbeat: made about when the schedule is, the alarm has the least time to go off
    // for nothing. It can't wait for the schedule, which may wait for what refers to this alarm, such as a topic's policy.
    notFinishing.node.addDependency(lastReceiver);
  }

  private tasks() {
    const { config } = this.props;
    const { period, hourOrPeriod, gauge } = windows(config.pollEveryMinutes);
    this.alarm('TasksFailed', {
      means: `${config.alarmAtFailedTasks} or more tasks failed within ${hourOrPeriod.toHumanString()}: likely one cause for all.`,
      first: 'Run the saved query "Endings by reason" and see whether one reason code stands out.',
      anchor: 'alarm-tasks-failed',
      metric: this.ofPoller(metricNames.failed, Stats.SUM, hourOrPeriod),
      threshold: config.alarmAtFailedTasks,
      periods: 1,
      missing: TreatMissingData.NOT_BREACHING,
    });
    this.alarm('TasksStalled', {
      ...gauge,
      means: `${config.alarmAtStalledTasks} or more tasks have been running for longer than ${config.stalledAfterMinutes} minutes (stalledAfterMinutes).`,
      first: 'List what is running, and ask AWS Partner Central support about the oldest.',
      anchor: 'alarm-tasks-stalled',
      metric: this.ofPoller(metricNames.stalled, Stats.MAXIMUM, period),
      threshold: config.alarmAtStalledTasks,
    });
  }

  private leftovers() {
    const { config, poller, deadLetters = {} } = this.props;
    const { period, gauge, lookAt } = windows(config.pollEveryMinutes);
    this.alarm('SetAside', {
      ...gauge,
      means:
        'Something could not be dealt with and is kept aside: an event that EventBridge refuses, a damaged row, or a task that is no longer listed.',
      first: 'Run the saved query "Warnings and errors": each item has a line of its own.',
      anchor: 'alarm-set-aside',
      metric: this.ofPoller(metricNames.setAside, Stats.MAXIMUM, period),
    });
    this.alarm('Audit', {
      ...gauge,
      means:
        'The audit found endings that the polls had overlooked (they are published now), or has not finished for two audit periods.',
      first: 'Look for "The audit found an ending" in the log; without such a line, the audit is overdue.',
      anchor: 'alarm-audit',
      metric: this.ofPoller(metricNames.auditProblems, Stats.MAXIMUM, period),
    });
    const polls = lookAt({ minutes: 30, polls: 10 });
    this.alarm('Backlog', {
      means: 'Parts of the list are still to be swept, and poll after poll gets no further with them.',
      first: 'Look at gaps, listCalls and outcome in the last "Run" lines, and for a sweep that loses its place.',
      anchor: 'alarm-backlog',
      metric: this.ofPoller(metricNames.backlogUnchanged, Stats.MAXIMUM, period),
      periods: polls,
      // A poll that is skipped, or that falls into the period of another, says nothing.
      breaching: Math.ceil(polls * 0.8),
      missing: TreatMissingData.NOT_BREACHING,
    });

    const waitingIn = (queue: Queue) =>
      queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: Duration.minutes(5) });
    const queues = Object.entries({ failedRuns: poller.failedRuns, ...deadLetters }).filter(
      (entry): entry is [string, Queue] => entry[1] !== undefined,
    );
    this.alarm('DeadLetters', {
      means: 'A failed poll or an undelivered alert waits in a dead-letter queue, and nobody has looked at it yet.',
      first: 'Read the messages of the queues; an undelivered alert is a failed task that nobody has heard of.',
      anchor: 'alarm-dead-letters',
      // An idle queue reports nothing, and a sum with nothing is nothing.
      metric: new MathExpression({
        expression: queues.map(([name]) => `FILL(${name}, 0)`).join(' + '),
        usingMetrics: Object.fromEntries(queues.map(([name, queue]) => [name, waitingIn(queue)])),
        label: 'Messages waiting',
        period: Duration.minutes(5),
      }),
      // SQS reports late: the last period is often the filled zero.
      periods: 3,
      breaching: 1,
      // A queue that nobody touches for six hours goes silent, whatever waits in it.
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/MonitorSQSwithCloudWatch.html
      missing: TreatMissingData.IGNORE,
    });
  }

  private ofPoller(metricName: string, statistic: string, period: Duration) {
    const dimensionsMap = { service: this.props.config.serviceName };
    return new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap, statistic, period });
  }

  private alarm(id: string, question: Question): Alarm {
    const { means, first, anchor, metric, threshold = 1, periods, breaching, missing, actionsEnabled } = question;
    const { config, poller } = this.props;
    const which = poller.name && `${poller.name}: `;
    const alarm = new Alarm(this, id, {
      alarmDescription: `${which}${means} First: ${first} Then: ${config.runbookUrl}#${anchor}`,
      metric,
      threshold,
      comparisonOperator: question.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
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
 * What CloudWatch looks at, for a poller of this rate. One period of an alarm is one of the schedule.
 * CloudWatch looks back a day at the most, or a week where a period is an hour or longer:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
function windows(pollEveryMinutes: number) {
  const mostMinutes = (pollEveryMinutes < 60 ? 1 : 7) * 24 * 60;
  /** Periods that cover so many minutes and so many polls, as far as CloudWatch looks back. */
  const lookAt = ({ minutes, polls }: { minutes: number; polls: number }) =>
    Math.min(Math.max(polls, Math.ceil(minutes / pollEveryMinutes)), Math.floor(mostMinutes / pollEveryMinutes));
  return {
    period: Duration.minutes(pollEveryMinutes),
    hourOrPeriod: Duration.minutes(Math.max(60, pollEveryMinutes)),
    lookAt,
    /** For what is reported by each poll as long as it lasts: it has to survive polls that are skipped or end early. */
    gauge: {
      periods: lookAt({ minutes: 15, polls: 3 }),
      breaching: 1,
      missing: TreatMissingData.NOT_BREACHING,
    },
  };
}
