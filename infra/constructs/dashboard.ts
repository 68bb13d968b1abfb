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
import { unindented } from './log-queries';
import type { Poller } from './poller';

interface DashboardProps {
  readonly config: Pick<Config, 'stackName' | 'runbookUrl'>;
  readonly pollers: readonly Poller[];
  readonly table: Pick<ITable, 'tableName'>;
  readonly alarms: readonly IAlarm[];
}

const half = { width: 12, height: 6 };

/**
 * Optional dashboard; nothing depends on it. Free AWS metrics are shown as graphs, everything else is queried from the log.
 * It is off by default, because a dashboard costs $3 a month after the three free ones.
 */
export class Dashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: DashboardProps,
  ) {
    super(scope, id);
    const { config, alarms } = props;
    const page = new CloudWatchDashboard(this, 'Page', { defaultInterval: Duration.days(1) });
    page.addWidgets(
      new TextWidget({ markdown: `# ${config.stackName}\nRunbook: ${config.runbookUrl}`, width: 6, height: 3 }),
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 18, height: 3 }),
    );
    page.addWidgets(
      this.fromLog(
        'Tasks that ended, by outcome',
        LogQueryVisualizationType.BAR,
        `
        filter message = "Run"
        | stats sum(completed) as complete, sum(failed) as failures by bin(1h)`,
      ),
      this.fromLog(
        'Tasks that ended, by reason',
        LogQueryVisualizationType.TABLE,
        `
        filter message = "Published" and detailType != "TaskStalled"
        | stats count(*) as endings by taskStatus, reasonCategory, reasonCode
        | sort endings desc`,
      ),
    );
    page.addWidgets(
      this.fromLog(
        'Tasks that run, and that have stalled',
        LogQueryVisualizationType.LINE,
        `
        filter message = "Run"
        | stats max(unsettled) as running, max(stalled) as stalledOnes by bin(15m)`,
      ),
      this.fromLog(
        'Detection lag in seconds, at most',
        LogQueryVisualizationType.LINE,
        `
        filter message = "Published" and ispresent(lagSeconds)
        | stats pct(lagSeconds, 50) as median, max(lagSeconds) as longest by bin(1h)`,
      ),
    );
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
    page.addWidgets(
      this.fromLog(
        'List calls in a day, of the 100,000 that the account has',
        LogQueryVisualizationType.BAR,
        `
        filter message = "Run"
        | stats sum(listCalls) as calls by bin(1d)`,
      ),
      this.fromLog(
        'List calls a second in a poll, of the 10 that the account has',
        LogQueryVisualizationType.LINE,
        `
        filter message = "Run" and milliseconds > 0
        | stats max(listCalls * 1000 / milliseconds) as aSecond by bin(15m)`,
      ),
    );
    page.addWidgets(
      this.graph('Messages waiting in the queues', ...this.waitingInQueues()),
      this.graph('Table: capacity units used, and requests throttled', ...this.ofTable()),
    );
    page.addWidgets(
      this.fromLog(
        'Warnings and errors',
        LogQueryVisualizationType.TABLE,
        `
        fields @timestamp, level, message, taskId, error.message
        | filter level in ["WARN", "ERROR", "CRITICAL"]
        | sort @timestamp desc
        | limit 20`,
        24,
      ),
    );
  }

  private fromLog(title: string, view: LogQueryVisualizationType, query: string, width = half.width) {
    const lines = unindented(query)
      .split('\n')
      .map(line => line.replace(/^\| /, ''));
    return new LogQueryWidget({
      ...half,
      title,
      view,
      width,
      logGroupNames: this.props.pollers.map(poller => poller.function.logGroup.logGroupName),
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
