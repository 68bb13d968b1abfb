/** Saved queries and the dashboard: they may only ask for what is logged and measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logQueries } from '../../infra/constructs/log-queries';
import type { Summary } from '../../lambdas/poller/run';
import { noCounts } from '../../lambdas/poller/tally';
import type { TaskEvent } from '../../lambdas/task-event';
import { all, readable, template } from './read-template';

/** Of the line "Run": the counts, and what a summary has besides. */
const ofRun = [
  ...Object.keys(noCounts()),
  ...([
    'outcome',
    'mode',
    'published',
    'unsettled',
    'stalled',
    'setAside',
    'gaps',
    'listCalls',
    'milliseconds',
    'runId',
  ] satisfies (keyof Summary)[]),
  'service',
];
/** Of the line "Published", one for each event. Its one field that no event has is the lag. */
const ofPublished = [
  ...(['taskId', 'taskStatus', 'reasonCode', 'reasonCategory', 'runId'] satisfies (keyof TaskEvent)[]),
  'service',
  'detailType',
  'lagSeconds',
];
/** Of every line, and of those that tell of a task or an error. */
const ofAnyLine = ['service', 'level', 'message', 'runId', 'taskId', 'code', 'error.message'];

const words =
  /^(fields|filter|stats|sort|limit|by|as|asc|desc|and|or|not|in|like|count|sum|max|min|avg|pct|bin|ispresent)$/;

/** What a Logs Insights query reads: every name in it that is neither its language's nor one of its own. */
function fieldsOf(query: string): string[] {
  const code = query.replace(/"[^"]*"|\/[^/\n]+\//g, '');
  const own = new Set([...code.matchAll(/\bas (\w+)/g)].map(([, name]) => name));
  const names = [...code.matchAll(/(?<![\w.@])@?[A-Za-z_][\w.]*/g)].map(([name]) => name);
  return [...new Set(names)].filter(name => !words.test(name) && !own.has(name) && !name.startsWith('@'));
}

function expectLogged(query: string) {
  const line = /message = "(\w+)"/.exec(query)?.[1];
  const logged = line === 'Run' ? ofRun : line === 'Published' ? ofPublished : [...ofAnyLine, ...ofPublished];
  expect({ query, unknown: fieldsOf(query).filter(name => ![...logged, 'message'].includes(name)) }).toEqual({
    query,
    unknown: [],
  });
  expect([undefined, 'Run', 'Published']).toContain(line);
}

test('a field that no line has is found', () => {
  expect(fieldsOf('filter message = "Run" and x.y > 1 | stats sum(calls * 2 / ms) as total by bin(1h), z')).toEqual([
    'message',
    'x.y',
    'calls',
    'ms',
    'z',
  ]);
  expect(() => expectLogged('filter message = "Run" | stats max(lagSeconds) as lag')).toThrow('lagSeconds');
});

test('the two lines are those that the poller logs', () => {
  const source = (file: string) => readFileSync(join(__dirname, '..', '..', 'lambdas', 'poller', file), 'utf8');
  expect(source('handler.ts')).toContain("logger.info('Run', {");
  expect(source('event-log.ts')).toContain("logger.info('Published', ");
  expect(source('event-log.ts')).toContain('lagSeconds: ');
});

describe('the saved queries', () => {
  const saved = (context = {}) =>
    Object.values(all('AWS::Logs::QueryDefinition', template(context))).map(({ Properties }) => Properties);

  test("are in a folder of the stack's name, on the poller's log", () => {
    expect(saved({ stackName: 'Other' }).map(({ Name }) => Name)).toEqual(
      Object.keys(logQueries).map(name => `Other/${name}`),
    );
    for (const { LogGroupNames } of saved()) expect(LogGroupNames).toEqual(['{PollerFunctionLogs}']);
  });

  // A saved query reads the logs of all sources.
  test.each(Object.entries(logQueries))('%s keeps sources apart, or adds them', (_, query) => {
    const isTotal = query.includes('sum(') && !query.includes('pct(');
    expect(isTotal || /\b(fields @timestamp, service,|by service,)/.test(query)).toBe(true);
  });

  test('answer these questions', () => {
    expect(Object.keys(logQueries)).toEqual([
      'Polls',
      'Polls that were not complete',
      'Warnings and errors',
      'Outcomes by reason',
      'Detection lag',
      'List calls',
      'One task',
    ]);
  });

  test.each(Object.entries(logQueries))('%s asks for what is logged', (name, query) => {
    expectLogged(query);
    expect(saved().find(({ Name }) => Name === `PartnerCentralTaskPoller/${name}`)?.QueryString).toBe(
      query.trim().replace(/\n +/g, '\n'),
    );
  });
});

describe('the dashboard', () => {
  interface Widget {
    readonly type: 'metric' | 'log' | 'text' | 'alarm';
    readonly properties: {
      readonly title?: string;
      readonly query?: string;
      readonly markdown?: string;
      readonly metrics?: unknown[][];
      readonly alarms?: string[];
    };
  }
  const dashboards = (context = {}) =>
    Object.values(all('AWS::CloudWatch::Dashboard', template(context))).map(({ Properties }) => Properties);
  const widgets = (context = {}) => {
    const [page] = dashboards({ dashboard: 'true', ...context });
    return (JSON.parse(String(readable(page?.DashboardBody))) as { widgets: Widget[] }).widgets;
  };
  const logWidgets = () => widgets().filter(({ type }) => type === 'log');
  const measured = () =>
    widgets().flatMap(({ properties }) =>
      (properties.metrics ?? []).map(
        ([namespace, name, dimension, value]) => `${namespace} ${name} ${dimension} ${value}`,
      ),
    );

  test('is there only when asked for: it costs more than all the rest', () => {
    expect(dashboards()).toEqual([]);
    expect(dashboards({ dashboard: 'true' })).toHaveLength(1);
    expect(dashboards({ dashboard: 'true' })[0]).not.toHaveProperty('DashboardName');
  });

  test('asks the log only for what is logged', () => {
    expect(logWidgets().length).toBeGreaterThanOrEqual(7);
    for (const { properties } of logWidgets()) {
      const source = "SOURCE '{PollerFunctionLogs}' | ";
      expect(String(properties.query).startsWith(source)).toBe(true);
      expectLogged(String(properties.query).slice(source.length));
    }
  });

  test('shows finished tasks by outcome and reason, what runs, lag, calls against the quota, and errors', () => {
    const asked = logWidgets().map(({ properties }) => String(properties.query));
    for (const part of [
      'sum(completed) as complete, sum(failed)',
      'by taskStatus, reasonCategory, reasonCode',
      'max(unsettled) as running, max(stalled)',
      'max(lagSeconds)',
      'sum(listCalls) as calls by bin(1d)',
      'max(listCalls * 1000 / milliseconds)',
      'level in ["WARN", "ERROR", "CRITICAL"]',
    ])
      expect(asked.filter(query => query.includes(part))).toHaveLength(1);
    const titles = logWidgets()
      .map(({ properties }) => properties.title)
      .join();
    expect(titles).toContain('of the 100,000');
    expect(titles).toContain('of the 10 ');
  });

  test('takes what AWS measures for nothing from there, and no metric that would cost', () => {
    expect(measured()).toEqual([
      'AWS/Lambda Duration FunctionName {PollerFunction}',
      'AWS/Lambda Duration FunctionName {PollerFunction}',
      'AWS/Lambda Invocations FunctionName {PollerFunction}',
      'AWS/Lambda Errors FunctionName {PollerFunction}',
      ...Object.keys(all('AWS::SQS::Queue')).map(
        queue => `AWS/SQS ApproximateNumberOfMessagesVisible QueueName {${queue}.QueueName}`,
      ),
      ...['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents'].map(
        metric => `AWS/DynamoDB ${metric} TableName {SnapshotTable}`,
      ),
    ]);
  });

  test('shows the state of each alarm, and where the runbook is', () => {
    const [shown] = widgets().flatMap(({ properties }) => (properties.alarms ? [properties.alarms] : []));
    expect(shown).toHaveLength(9);
    expect(new Set(shown).size).toBe(9);
    expect(widgets()[0]?.properties.markdown).toContain('docs/runbook.md');
  });

  describe('of several sources', () => {
    const names = [
      'Sandbox/OpportunityFromEngagement',
      'AWS/OpportunityFromEngagement',
      'AWS/EngagementFromOpportunity',
    ];
    const logs = ['Poller', 'PollerAWSOpportunityFromEngagement', 'PollerAWSEngagementFromOpportunity'];
    const further = [{ catalog: 'AWS' }, { catalog: 'AWS', taskFamily: 'EngagementFromOpportunity' }];
    const asked = (furtherSources: object[] = further) =>
      widgets({ furtherSources })
        .filter(({ type }) => type === 'log')
        .map(({ properties: { title = '', query = '' } }) => ({
          title,
          query,
          logs: [...query.matchAll(/SOURCE '\{(\w+)FunctionLogs\}'/g)].map(([, log]) => log),
        }));

    test('asks each log for itself, under the name of its source', () => {
      for (const { properties } of logWidgets().filter(
        ({ properties }) => !/in a day|Warnings/.test(properties.title ?? ''),
      )) {
        const [question] = String(properties.title).split(', of the 10 ');
        const each = asked().filter(({ title }) => title.includes(`: ${question}`));
        expect(each.map(({ title }) => title.split(': ')[0])).toEqual(names);
        expect(each.map(({ logs: its }) => its)).toEqual(logs.map(log => [log]));
      }
    });

    test('adds what it asks of several logs, or shows their lines with the source of each', () => {
      const ofSeveral = asked().filter(({ logs: its }) => its.length > 1);
      expect(ofSeveral.map(({ title }) => title)).toEqual([
        'List calls in a day, of the 100,000 that the account has',
        'Warnings and errors',
      ]);
      for (const { query, logs: its } of ofSeveral) {
        expect(its).toEqual(logs);
        expect(query).not.toMatch(/\b(max|min|avg|pct)\(/);
        expect(query).toMatch(/\bsum\(|fields @timestamp, service,/);
      }
    });

    test('counts the List calls of each account', () => {
      const elsewhere = {
        taskFamily: 'EngagementFromOpportunity',
        assumeRoleArn: 'arn:aws:iam::111122223333:role/lists',
      };
      const inADay = asked([{ catalog: 'AWS' }, elsewhere]).filter(({ title }) => title.includes('in a day'));
      expect(inADay.map(({ title, logs: its }) => [title, its])).toEqual([
        [
          "List calls in a day, of the 100,000 that the stack's account has",
          ['Poller', 'PollerAWSOpportunityFromEngagement'],
        ],
        [
          'List calls in a day, of the 100,000 that account 111122223333 has',
          ['PollerSandboxEngagementFromOpportunity'],
        ],
      ]);
    });

    test('holds the pace of each against its share', () => {
      const pace = asked().filter(({ title }) => title.includes('a second'));
      for (const { title } of pace) expect(title).toContain('of the 1.66 that it may make');
    });
  });
});
