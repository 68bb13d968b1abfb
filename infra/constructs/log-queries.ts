import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Config } from '../config';

/**
 * Queries for CloudWatch Logs Insights on the poller's log, by their name in the console. They are free until they run. A
 * run costs $0.005 for each GB of log in its time range; a month of polls is about 0.03 GB.
 *
 * Each poll ends with a line "Run", unless it failed. Each published event has a line "Published". Both have the level INFO,
 * so a higher `logLevel` omits them.
 *
 * A query reads the logs of all sources. It groups them by `service`, or sums the List calls of all sources, which may share a quota.
 */
export const logQueries = {
  Polls: `
    fields @timestamp, service, outcome, mode, completed, failed, rejected, drift, unsettled, stalled, setAside, gaps, listCalls, pages, tasks, milliseconds, runId
    | filter message = "Run"
    | sort @timestamp desc
    | limit 200`,
  'Polls that were not complete': `
    fields @timestamp, service, outcome, mode, gaps, unsettled, listCalls, milliseconds, runId
    | filter message = "Run" and outcome != "complete"
    | sort @timestamp desc
    | limit 200`,
  'Warnings and errors': `
    fields @timestamp, service, level, message, taskId, code, error.message, runId
    | filter level in ["WARN", "ERROR", "CRITICAL"] or @message like /Task timed out|Runtime exited|Runtime.ImportModuleError/
    | sort @timestamp desc
    | limit 200`,
  'Outcomes by reason': `
    filter message = "Published" and detailType != "TaskStalled"
    | stats count(*) as tasks by service, taskStatus, reasonCategory, reasonCode
    | sort tasks desc`,
  'Detection lag': `
    filter message = "Published" and ispresent(lagSeconds)
    | stats count(*) as tasks, pct(lagSeconds, 50) as median, pct(lagSeconds, 95) as p95, max(lagSeconds) as longest by service, bin(1d)`,
  'List calls': `
    filter message = "Run"
    | stats sum(listCalls) as calls, max(listCalls) as mostInAPoll, sum(pages) as pagesListed by bin(1h)`,
  'One task': `
    fields @timestamp, service, level, message, taskStatus, reasonCode, lagSeconds, runId
    | filter @message like "task-put-its-id-here"
    | sort @timestamp asc`,
} as const;

interface LogQueriesProps {
  readonly config: Pick<Config, 'stackName'>;
  readonly logGroups: readonly ILogGroup[];
}

export class LogQueries extends Construct {
  constructor(scope: Construct, id: string, { config, logGroups }: LogQueriesProps) {
    super(scope, id);
    for (const [name, query] of Object.entries(logQueries)) {
      new CfnQueryDefinition(this, name.replaceAll(' ', ''), {
        name: `${config.stackName}/${name}`, // the console shows the part before the slash as a folder
        queryString: unindented(query),
        logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
      });
    }
  }
}

/** Removes the indentation of the template literals above. */
export const unindented = (query: string) => query.trim().replace(/\n\s+/g, '\n');
