import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Config } from '../config';

/**
 * Queries for CloudWatch Logs Insights on the poller's log, by the name that the console shows. They cost nothing until
 * they run: then $0.005 for each GB of log in their time range, and a month of polls is about 0.03 GB.
 *
 * Each poll ends with a line "Run", unless it failed; each published event has a line "Published". Both are missing
 * where `logLevel` leaves INFO out.
 */
export const logQueries = {
  Polls: `
    fields @timestamp, outcome, mode, completed, failed, rejected, drift, unsettled, stalled, setAside, gaps, listCalls, pages, tasks, milliseconds, runId
    | filter message = "Run"
    | sort @timestamp desc
    | limit 200`,
  'Polls that were not complete': `
    fields @timestamp, outcome, mode, gaps, unsettled, listCalls, milliseconds, runId
    | filter message = "Run" and outcome != "complete"
    | sort @timestamp desc
    | limit 200`,
  'Warnings and errors': `
    fields @timestamp, level, message, taskId, code, error.message, runId
    | filter level in ["WARN", "ERROR", "CRITICAL"] or @message like /Task timed out|Runtime exited|Runtime.ImportModuleError/
    | sort @timestamp desc
    | limit 200`,
  'Endings by reason': `
    filter message = "Published" and detailType != "TaskStalled"
    | stats count(*) as endings by taskStatus, reasonCategory, reasonCode
    | sort endings desc`,
  'Detection lag': `
    filter message = "Published" and ispresent(lagSeconds)
    | stats count(*) as endings, pct(lagSeconds, 50) as median, pct(lagSeconds, 95) as most, max(lagSeconds) as longest by bin(1d)`,
  'List calls': `
    filter message = "Run"
    | stats sum(listCalls) as calls, max(listCalls) as mostInAPoll, sum(pages) as pagesListed by bin(1h)`,
  'One task': `
    fields @timestamp, level, message, taskStatus, reasonCode, lagSeconds, runId
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
        name: `${config.stackName}/${name}`, // the console makes a folder of what precedes the slash
        queryString: tidy(query),
        logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
      });
    }
  }
}

/** Without the indentation that a template text has here. */
export const tidy = (query: string) => query.trim().replace(/\n\s+/g, '\n');
