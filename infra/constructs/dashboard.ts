import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  LogQueryVisualizationType,
  LogQueryWidget,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Config } from '../config';
import { accountOf, type SourceConfig } from '../sources';
import { unindented } from './log-queries';
import type { Poller } from './poller';

interface DashboardProps {
  readonly config: Pick<Config, 'stackName' | 'runbookUrl' | 'sources'>;
  /** In the order of the sources. */
  readonly pollers: readonly Poller[];
  readonly table: Pick<ITable, 'tableName'>;
  readonly alarms: readonly IAlarm[];
}

const half = { width: 12, height: 6 };

/**
 * Optional dashboard; nothing depends on it. Free AWS metrics are shown as graphs, everything else is queried from the log.
 * Each source is shown by itself, because catalogs don't mix; only what counts against one quota is added.
 * It is off by default, because a dashboard costs $3 a month after the three free ones.
 */
export class Dashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DashboardProps,
  ) {
    super(scope, id);
    const { config, pollers, alarms } = props;
    const page = new CloudWatchDashboard(this, 'Page', { defaultInterval: Duration.days(1) });
    page.addWidgets(
      new TextWidget({ markdown: `# ${config.stackName}\nRunbook: ${config.runbookUrl}`, width: 6, height: 3 }),
      ...alarmParts(alarms).map(part => new AlarmStatusWidget({ title: 'Alarms', alarms: part, width: 18, height: 3 })),
    );
    for (const poller of pollers) this.addTasksOf(poller, page);
    page.addWidgets(
      this.graph(
        'Duration of a poll',
        ...this.ofFunctions('Duration', Stats.AVERAGE),
        ...this.ofFunctions('Duration', Stats.MAXIMUM),
      ),
      this.graph(
        'Polls, and those that failed',
        ...this.ofFunctions('Invocations', Stats.SUM),
        ...this.ofFunctions('Errors', Stats.SUM),
      ),
    );
    page.addWidgets(...this.callsInADay(), ...pollers.map((poller, at) => this.paceOf(poller, at)));
    page.addWidgets(
      this.graph('Messages waiting in the queues', ...this.waitingInQueues()),
      this.graph('Table: capacity units used, and requests throttled', ...this.ofTable()),
    );
    page.addWidgets(
      this.fromLog(
        pollers,
        'Warnings and errors',
        LogQueryVisualizationType.TABLE,
        `
        fields @timestamp, service, level, message, taskId, error.message
        | filter level in ["WARN", "ERROR", "CRITICAL"]
        | sort @timestamp desc
        | limit 20`,
        24,
      ),
    );
  }

  private addTasksOf(poller: Poller, page: CloudWatchDashboard) {
    page.addWidgets(
      this.fromLog(
        [poller],
        titleOf(poller, 'Tasks that ended, by outcome'),
        LogQueryVisualizationType.BAR,
        `
        filter message = "Run"
        | stats sum(completed) as complete, sum(failed) as failures by bin(1h)`,
      ),
      this.fromLog(
        [poller],
        titleOf(poller, 'Tasks that ended, by reason'),
        LogQueryVisualizationType.TABLE,
        `
        filter message = "Published" and detailType != "TaskStalled"
        | stats count(*) as tasks by taskStatus, reasonCategory, reasonCode
        | sort tasks desc`,
      ),
    );
    page.addWidgets(
      this.fromLog(
        [poller],
        titleOf(poller, 'Tasks that run, and that have stalled'),
        LogQueryVisualizationType.LINE,
        `
        filter message = "Run"
        | stats max(unsettled) as running, max(stalled) as stalledOnes by bin(15m)`,
      ),
      this.fromLog(
        [poller],
        titleOf(poller, 'Detection lag in seconds, at most'),
        LogQueryVisualizationType.LINE,
        `
        filter message = "Published" and ispresent(lagSeconds)
        | stats pct(lagSeconds, 50) as median, max(lagSeconds) as longest by bin(1h)`,
      ),
    );
  }

  /** One widget for each account: its sources share its quota. */
  private callsInADay() {
    const { config, pollers } = this.props;
    const accounts = [...new Set(config.sources.map(accountOf))];
    return accounts.map(account => {
      const name = accounts.length === 1 ? 'the account' : account ? `account ${account}` : "the stack's account";
      return this.fromLog(
        pollers.filter((_, at) => accountOf(config.sources[at] as SourceConfig) === account),
        `List calls in a day, of the 100,000 that ${name} has`,
        LogQueryVisualizationType.BAR,
        `
        filter message = "Run"
        | stats sum(listCalls) as calls by bin(1d)`,
      );
    });
  }

  private paceOf(poller: Poller, at: number) {
    const { sources } = this.props.config;
    const limit =
      sources.length === 1
        ? '10 that the account has'
        : `${(sources[at] as SourceConfig).maxListCallsPerSecond} that it may make`;
    return this.fromLog(
      [poller],
      titleOf(poller, `List calls a second in a poll, of the ${limit}`),
      LogQueryVisualizationType.LINE,
      `
      filter message = "Run" and milliseconds > 0
      | stats max(listCalls * 1000 / milliseconds) as aSecond by bin(15m)`,
    );
  }

  private fromLog(
    pollers: readonly Poller[],
    title: string,
    view: LogQueryVisualizationType,
    query: string,
    width = half.width,
  ) {
    const lines = unindented(query)
      .split('\n')
      .map(line => line.replace(/^\| /, ''));
    return new LogQueryWidget({
      ...half,
      title,
      view,
      width,
      logGroupNames: pollers.map(poller => poller.function.logGroup.logGroupName),
      queryLines: lines,
    });
  }

  private graph(title: string, ...left: IMetric[]) {
    return new GraphWidget({ ...half, title, left, leftYAxis: { min: 0 } });
  }

  private ofFunctions(metricName: string, statistic: string) {
    return this.props.pollers.map(({ function: poller, name }) =>
      poller.metric(metricName, { statistic, label: `${name} ${metricName} (${statistic})`.trim() }),
    );
  }

  /** Messages in every queue of the poller. */
  private waitingInQueues() {
    const { node } = this.node.scope as Construct;
    const queues = node.findAll().filter(construct => construct instanceof Queue);
    return queues.map(queue =>
      queue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        label: queue.node.path.slice(node.path.length + 1).replaceAll('/', ' '),
      }),
    );
  }

  private ofTable() {
    const dimensionsMap = { TableName: this.props.table.tableName };
    return ['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents'].map(
      metricName => new Metric({ namespace: 'AWS/DynamoDB', metricName, dimensionsMap, statistic: Stats.SUM }),
    );
  }
}

/** A widget takes at most 100: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const alarmParts = (alarms: readonly IAlarm[]) =>
  Array.from({ length: Math.ceil(alarms.length / 100) }, (_, at) => alarms.slice(at * 100, (at + 1) * 100));

/** With the name of the source, if there are several. */
const titleOf = ({ name }: Poller, question: string) => (name ? `${name}: ${question}` : question);
