/** The construct as another app uses it. What is in it is tested as the stack that it makes by itself. */
import { readFileSync } from 'node:fs';
import { type App, Duration, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { AttributeType, type ITable, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Construct } from 'constructs';
import type * as v from 'valibot';
import type { configEntries } from '../../infra/config-entries';
import {
  type FurtherSource,
  PartnerCentralTaskPoller,
  type PartnerCentralTaskPollerProps,
  type TaskPollerSettings,
} from '../../infra/index';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { settingsFile } from '../../scripts/write-settings';
import {
  all,
  type Json,
  newApp,
  permissions,
  properties,
  readable,
  statements,
  type TemplateJson,
} from './read-template';

const newStack = () => new Stack(newApp(), 'Tasks');
const templateOf = (stack: Stack) => Template.fromStack(stack).toJSON() as TemplateJson;

const twoSources = {
  catalog: 'AWS',
  pollEveryMinutes: 1,
  furtherSources: [{ taskFamily: 'EngagementFromOpportunity', pollEveryMinutes: 15, taskStalledEvents: true }],
} satisfies PartnerCentralTaskPollerProps;

/** A poller in a stack of somebody's, which has its ids begin with TaskPoller. */
function poller(props: Partial<PartnerCentralTaskPollerProps> = {}, stack = newStack()) {
  const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', { catalog: 'Sandbox', ...props });
  return { stack, tasks, template: () => templateOf(stack) };
}
/** The props may be those of somebody without TypeScript. */
const pollerOf = (props: Json) => poller(props as unknown as PartnerCentralTaskPollerProps);

describe('the props', () => {
  test('are written from the schemas, with nothing left to write', () => {
    const [path, content] = settingsFile();
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('have types that the schemas take', () => {
    type Input = v.InferInput<v.StrictObjectSchema<typeof configEntries, undefined>>;
    type Writable<T> = T extends readonly (infer E)[] ? E[] : T;
    type Accepted<T> = {
      [K in keyof T]-?: K extends keyof Input ? (Writable<NonNullable<T[K]>> extends Input[K] ? true : K) : K;
    };
    type Yes<T extends Record<keyof T, true>> = T;
    const compiled: [Yes<Accepted<TaskPollerSettings>>?, Yes<Accepted<FurtherSource>>?] = [];
    expect(compiled).toEqual([]);
  });

  test.each<[what: string, logRetentionDays: RetentionDays]>([
    ['the enumeration of CDK', RetentionDays.ONE_WEEK],
    ['a number of days', 7],
  ])('take %s for the retention of logs', (_, logRetentionDays) => {
    const groups = Object.values(all('AWS::Logs::LogGroup', poller({ logRetentionDays }).template()));
    expect(groups.map(({ Properties }) => Properties.RetentionInDays)).toEqual([7, 7]);
  });

  test('fails when they are bad: names each of them, and the construct', () => {
    const props = {
      catalog: 'Sandpit',
      pollEveryMinutes: 0,
      colour: 'red',
      tags: { team: 'crm' },
      existingTableName: 'restored',
      furtherSources: [{ catalog: 'AWS', alertEmail: 'a@example.com' }],
    };
    expect(() => pollerOf(props)).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        message: expect.stringContaining('The props of Tasks/TaskPoller'),
        problems: expect.arrayContaining([
          'tags: not a prop; use Tags.of(…).add(…)',
          'existingTableName: not a prop; use table',
          'catalog: got "Sandpit", allowed: AWS or Sandbox',
          'pollEveryMinutes: got 0, allowed: a whole number of minutes from 1 to 1440',
          expect.stringContaining('colour: unknown key, got "red"'),
        ]),
      }),
    );
  });

  test('fails when an address is given for existing topics, and when there are no topics', () => {
    const stack = newStack();
    const alarmTopics = [new Topic(stack, 'OnCall')];
    expect(() => poller({ alarmTopics, alarmEmail: 'a@example.com' }, stack)).toThrow(
      'alarmEmail with alarmTopics: got both',
    );
    expect(() => poller({ alarmTopics: [] })).toThrow(
      'alarmTopics: got [], allowed: 1 to 5 ARNs of standard SNS topics',
    );
  });

  test('that are undefined are not given', () => {
    const props = { catalog: 'AWS', alertEmail: undefined, pollEveryMinutes: undefined };
    expect(readable(pollerOf(props).template())).toEqual(readable(poller({ catalog: 'AWS' }).template()));
  });
});

describe('what exists', () => {
  const stack = newStack();
  const alarmTopics = [
    new Topic(stack, 'OnCall'),
    Topic.fromTopicArn(stack, 'Else', 'arn:aws:sns:eu-west-1:111122223333:else'),
  ];
  const { template, tasks } = poller(
    {
      eventBus: EventBus.fromEventBusName(stack, 'Shared', 'shared-bus'),
      table: Table.fromTableName(stack, 'Restored', 'restored'),
      alarmTopics,
    },
    stack,
  );

  test('a bus: no other is made, and events, archive and rules are on that one', () => {
    tasks.onTaskFailed('Failed');
    expect(all('AWS::Events::EventBus', template())).toEqual({});
    for (const [id, { Properties }] of Object.entries(all('AWS::Events::Rule', template())))
      expect(Properties.EventBusName).toBe(/Nudges(PartnerCentral|CloudTrail)$/.test(id) ? 'default' : 'shared-bus');
    const bus = 'arn:{AWS::Partition}:events:{AWS::Region}:{AWS::AccountId}:event-bus/shared-bus';
    const [archive] = Object.values(all('AWS::Events::Archive', template()));
    expect(archive?.Properties.SourceArn).toBe(bus);
    expect(permissions('TaskPollerFunctionRole', template())).toContain(`events:PutEvents on ${bus}`);
  });

  test('a table: no other is made', () => {
    expect(all('AWS::DynamoDB::Table', template())).toEqual({});
    expect(properties('AWS::Lambda::Function', 'TaskPollerFunction', template())).toHaveProperty(
      'Environment.Variables.TABLE_NAME',
      'restored',
    );
  });

  test('topics: every alarm tells them, and no other is made', () => {
    for (const { Properties } of Object.values(all('AWS::CloudWatch::Alarm', template())))
      expect(Properties.AlarmActions).toEqual(['{OnCall}', 'arn:aws:sns:eu-west-1:111122223333:else']);
    expect(tasks.alarmTopics).toEqual(alarmTopics);
    expect(Object.keys(all('AWS::SNS::Topic', template()))).toEqual(['OnCall', 'TaskPollerFailedTaskAlertsTopic']);
  });
});

describe('what is known only when it is deployed', () => {
  test('the ARN of a topic of the same app, in alertRoutes', () => {
    const stack = newStack();
    const team = new Topic(stack, 'SecurityTeam');
    const { template } = poller({ alertRoutes: { access: team.topicArn, throttling: 'nowhere' } }, stack);
    const formatter = properties('AWS::Lambda::Function', 'TaskPollerFailedTaskAlertsFormatter', template());
    expect(formatter).toHaveProperty(
      'Environment.Variables.ALERT_ROUTES',
      '{"access":"{SecurityTeam}","throttling":"nowhere","*":"default"}',
    );
    expect(permissions('TaskPollerFailedTaskAlertsFormatterRole', template()).filter(one => /sns/.test(one))).toEqual([
      'sns:Publish on {SecurityTeam}',
      'sns:Publish on {TaskPollerFailedTaskAlertsTopic}',
    ]);
  });

  test('the ARN of a topic in another stack', () => {
    const app = newApp();
    const team = new Topic(new Stack(app, 'Team'), 'SecurityTeam');
    const stack = new Stack(app, 'Tasks');
    const { template } = poller({ alertRoutes: { access: team.topicArn } }, stack);
    expect(JSON.stringify(template())).toMatch(/"Fn::ImportValue":"Team:ExportsOutputRefSecurityTeam\w+"/);
  });

  test('the ARN of a bus of the same app, in forwardTo', () => {
    const app = newApp();
    const env = { account: '111122223333', region: 'eu-west-1' };
    const central = new EventBus(new Stack(app, 'Central', { env }), 'Bus', { eventBusName: 'central' });
    const stack = new Stack(app, 'Tasks', { env: { account: '444455556666', region: 'us-east-1' } });
    const { template } = poller({ forwardTo: [central.eventBusArn] }, stack);
    const arn = 'arn:{AWS::Partition}:events:eu-west-1:111122223333:event-bus/central';
    expect(properties('AWS::Events::Rule', 'TaskPollerForwardingRule', template())).toHaveProperty(
      'Targets.0.Arn',
      arn,
    );
    expect(permissions('TaskPollerForwardingRole', template())).toEqual([`events:PutEvents on ${arn}`]);
  });

  test('fails when the topic of the alarms is one of the routes as well', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Everything');
    expect(() => poller({ alertRoutes: { '*': topic.topicArn }, alarmTopics: [topic] }, stack)).toThrow(
      'alertRoutes with alarmTopics',
    );
  });
});

describe('rules', () => {
  const patternOf = (template: TemplateJson, id: string) => properties('AWS::Events::Rule', id, template)?.EventPattern;

  test('get the events that their method names, from this poller alone', () => {
    const { tasks, template } = poller({ taskStalledEvents: true, eventSource: 'my.tasks' });
    tasks.onTaskCompleted('Completed');
    tasks.onTaskFailed('Failed');
    tasks.onTaskStalled('Stalled');
    const made = template();
    for (const name of ['Completed', 'Failed', 'Stalled']) {
      expect(patternOf(made, `TaskPoller${name}`)).toEqual({
        source: ['my.tasks'],
        'detail-type': [`Task${name}`],
        detail: { schemaVersion: ['1'] }, // docs/events.md: let each rule match the version that its consumer can read
      });
      expect(properties('AWS::Events::Rule', `TaskPoller${name}`, made)?.EventBusName).toBe('{TaskPollerTaskBus}');
    }
  });

  test("are narrowed by reason, source, replays and a pattern of one's own, all at once", () => {
    const { tasks, template } = poller(twoSources);
    tasks.onTaskFailed('Failed', {
      source: 'AWS/EngagementFromOpportunity',
      reasonCategories: ['access', 'quota'],
      reasonCodes: ['EngagementAccessDenied'],
      replays: false,
      eventPattern: { detail: { engagementId: ['eng-1'] }, account: ['111122223333'] },
    });
    expect(patternOf(template(), 'TaskPollerFailed')).toEqual({
      source: ['partnercentral.task-poller'],
      'detail-type': ['TaskFailed'],
      account: ['111122223333'],
      detail: {
        schemaVersion: ['1'],
        catalog: ['AWS'],
        taskType: ['EngagementFromOpportunity'],
        reasonCategory: ['access', 'quota'],
        reasonCode: ['EngagementAccessDenied'],
        replayId: [{ exists: false }],
        engagementId: ['eng-1'],
      },
      'replay-name': [{ exists: false }],
    });
  });

  test('take name, description and target, and a target later', () => {
    const { stack, tasks, template } = poller();
    const [first, second] = [new Queue(stack, 'First'), new Queue(stack, 'Second')];
    const rule = tasks.onTaskFailed('Failed', { ruleName: 'failed', description: 'Why', target: new SqsQueue(first) });
    rule.addTarget(new SqsQueue(second));
    expect(properties('AWS::Events::Rule', 'TaskPollerFailed', template())).toMatchObject({
      Name: 'failed',
      Description: 'Why',
      Targets: [{ Arn: '{First.Arn}' }, { Arn: '{Second.Arn}' }],
    });
  });

  test('stand in another stack if they are given its scope', () => {
    const { stack, tasks } = poller();
    const other = new Stack(stack.node.scope as App, 'Other');
    tasks.onTaskFailed('Failed', { crossStackScope: other, target: new SqsQueue(new Queue(other, 'Queue')) });
    expect(Object.keys(all('AWS::Events::Rule', templateOf(other)))).toEqual(['Failed']);
    expect(Object.keys(all('AWS::Events::Rule', templateOf(stack)))).not.toContain('TaskPollerFailed');
  });

  test('fails when no source tells of stalled tasks, or not the one that is named', () => {
    expect(() => poller().tasks.onTaskStalled('Stalled')).toThrow(
      'Tasks/TaskPoller publishes no TaskStalled events: set its prop taskStalledEvents to true',
    );
    const { tasks } = poller(twoSources);
    tasks.onTaskStalled('Any');
    tasks.onTaskStalled('Second', { source: 'AWS/EngagementFromOpportunity' });
    expect(() => tasks.onTaskStalled('First', { source: 'AWS/OpportunityFromEngagement' })).toThrow(
      'no TaskStalled events for AWS/OpportunityFromEngagement',
    );
  });
});

/** Somebody without TypeScript may write anything. */
describe('options that can not work fail at synthesis', () => {
  type Options = Parameters<PartnerCentralTaskPoller['onTaskFailed']>[1];
  const { tasks } = poller({ taskStalledEvents: true });
  const problemsOf = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      if (error instanceof ConfigurationError) return error;
      throw error;
    }
    throw new Error('It was accepted');
  };

  test('of a rule: each of them is named, with what is allowed', () => {
    const options = {
      reasonCategories: ['acess'],
      reasonCodes: 'X',
      replay: false,
      replays: 'no',
    } as unknown as Options;
    const { message, problems } = problemsOf(() => tasks.onTaskFailed('x', options));
    expect(message).toContain("The options of Tasks/TaskPoller.onTaskFailed('x') can't be used:");
    const names =
      'source, replays, target, description, eventPattern, ruleName, crossStackScope, reasonCategories, reasonCodes';
    expect(problems).toEqual([
      `replay: unknown option; allowed: ${names}`,
      'replays: got "no", allowed: true or false',
      'reasonCategories: got ["acess"], allowed: a list of access, validation, conflict, throttling, quota, not-found, not-permitted, submission, internal, unknown',
      'reasonCodes: got "X", allowed: a list of reason codes',
    ]);
  });

  // EventBridge refuses an empty list, or it matches nothing.
  test.each<[Options]>([
    [{ reasonCategories: [] }],
    [{ reasonCodes: [] }],
    [{ reasonCodes: [''] }],
    [{ reasonCodes: [1] } as unknown as Options],
    [{ reasonCategories: 'access' } as unknown as Options],
    [{ reasonCategories: [null] } as unknown as Options],
  ])('of a rule: %j', options => {
    const [key] = Object.keys(options as object);
    expect(problemsOf(() => tasks.onTaskFailed('x', options)).problems).toEqual([
      expect.stringContaining(`${key}: got`),
    ]);
  });

  test.each<'onTaskCompleted' | 'onTaskStalled'>(['onTaskCompleted', 'onTaskStalled'])(
    'of %s: a reason, which its events do not have',
    method => {
      const { problems } = problemsOf(() => tasks[method]('x', { reasonCategories: ['access'] } as object));
      expect(problems).toEqual([
        expect.stringMatching(/^reasonCategories: unknown option; allowed: source, replays, target,/),
      ]);
    },
  );

  test('of a metric', () => {
    const { message } = problemsOf(() => tasks.metricTasksFailed({ sorce: 'AWS/EngagementFromOpportunity' } as object));
    expect(message).toContain('The options of a metric of Tasks/TaskPoller ');
    expect(message).toContain('sorce: unknown option; allowed: source, period,');
  });

  test('a refused rule leaves nothing behind', () => {
    const { tasks, template } = poller();
    const before = Object.keys(template().Resources);
    expect(() => tasks.onTaskFailed('x', { replay: false } as object)).toThrow();
    expect(Object.keys(template().Resources)).toEqual(before);
  });

  test('that are undefined are not given', () => {
    const { tasks, template } = poller();
    tasks.onTaskFailed('Failed', {
      source: undefined,
      reasonCodes: undefined,
      replays: undefined,
      replay: undefined,
    } as object);
    expect(all('AWS::Events::Rule', template())).toHaveProperty('TaskPollerFailed');
  });

  test('a reason code that this release does not know is a warning: Partner Central may have a new one', () => {
    const stack = newStack();
    const rule = poller({}, stack).tasks.onTaskFailed('x', { reasonCodes: ['EngagementAcessDenied', 'InternalError'] });
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('EngagementAcessDenied'));
    expect(warnings.map(({ id }) => id)).toEqual([`/${rule.node.path}`]);
    expect(warnings[0]?.entry.data).toContain('partner-central-task-poller:unknownReasonCode');
    expect(warnings[0]?.entry.data).not.toContain('InternalError,');
  });
});

describe('metrics', () => {
  const { tasks } = poller(twoSources);
  const seen = (metric: ReturnType<typeof tasks.metricTasksFailed>) => ({
    name: metric.metricName,
    service: metric.dimensions?.service,
    minutes: metric.period.toMinutes(),
    statistic: metric.statistic,
  });

  test('are those of the first source, over five minutes', () => {
    const first = { service: 'Tasks-TaskPoller', minutes: 5 };
    expect(seen(tasks.metricCompleteRuns())).toMatchObject({ ...first, statistic: 'Sum' });
    expect(seen(tasks.metricTasksFailed())).toMatchObject({ ...first, statistic: 'Sum' });
    for (const metric of [
      tasks.metricTasksStalled(),
      tasks.metricItemsSetAside(),
      tasks.metricAuditProblems(),
      tasks.metricBacklogUnchanged(),
    ])
      expect(seen(metric)).toMatchObject({ ...first, statistic: 'Maximum' });
  });

  test('can be those of another, over the time between its polls if that is longer', () => {
    const source = 'AWS/EngagementFromOpportunity';
    const second = { service: 'Tasks-TaskPoller-AWS-EngagementFromOpportunity', statistic: 'Sum' };
    expect(seen(tasks.metricTasksFailed({ source }))).toMatchObject({ ...second, minutes: 15 });
    const hourly = tasks.metricTasksFailed({ source, period: Duration.hours(1), statistic: 'Maximum' });
    expect(seen(hourly)).toMatchObject({ ...second, minutes: 60, statistic: 'Maximum' });
  });

  test('are the ones that the functions report', () => {
    const services = Object.values(all('AWS::Lambda::Function', templateOf(Stack.of(tasks)))).map(
      ({ Properties }) => (Properties.Environment as { Variables: Json }).Variables.POWERTOOLS_SERVICE_NAME,
    );
    expect(services).toEqual(
      expect.arrayContaining(['Tasks-TaskPoller', 'Tasks-TaskPoller-AWS-EngagementFromOpportunity']),
    );
  });

  test('fails when there is no such source, and says which there are', () => {
    expect(() => tasks.metricTasksFailed({ source: 'Sandbox/EngagementFromOpportunity' })).toThrow(
      'Tasks/TaskPoller has no source Sandbox/EngagementFromOpportunity; allowed: AWS/OpportunityFromEngagement or AWS/EngagementFromOpportunity',
    );
    expect(() => tasks.onTaskFailed('X', { source: 'Sandbox/EngagementFromOpportunity' })).toThrow('has no source');
  });
});

test('two sources share bus, table and alerts, and each has a function, queues and alarms', () => {
  const { tasks, template } = poller(twoSources);
  const made = template();
  const count = (type: string) => Object.keys(all(type, made)).length;
  expect(['AWS::Events::EventBus', 'AWS::DynamoDB::Table', 'AWS::SNS::Topic'].map(count)).toEqual([1, 1, 2]);
  expect(tasks.functions).toHaveLength(2);
  expect(tasks.deadLetterQueues.failedRuns).toHaveLength(2);
  expect(tasks.alarms).toHaveLength(count('AWS::CloudWatch::Alarm'));
  expect(count('AWS::CloudWatch::Alarm')).toBe(17);
});

test('the function that writes alerts is there for the key of a topic', () => {
  const { tasks, stack } = poller();
  expect(readable(stack.resolve(tasks.alertFunction.functionArn))).toBe('{TaskPollerFailedTaskAlertsFormatter.Arn}');
});

describe('several pollers', () => {
  /** What would mix the metrics, logs or queries of two, and has to differ wherever they stand. */
  const namesOf = ({ Resources }: TemplateJson) => {
    const propertiesOf = (type: string) =>
      Object.values(Resources).flatMap(({ Type, Properties }) => (Type === type ? [Properties] : []));
    return {
      services: propertiesOf('AWS::Lambda::Function')
        .map(({ Environment }) => (Environment as { Variables: Json }).Variables)
        .filter(({ TABLE_NAME }) => TABLE_NAME !== undefined)
        .map(variables => String(variables.POWERTOOLS_SERVICE_NAME)),
      queries: propertiesOf('AWS::Logs::QueryDefinition').map(({ Name }) => String(Name)),
    };
  };
  const expectDistinct = (names: readonly string[]) => expect([...names].sort()).toEqual([...new Set(names)].sort());

  test('in one stack have ids, metrics and queries of their own, however deep they stand', () => {
    const stack = newStack();
    const props = { catalog: 'Sandbox' } as const;
    new PartnerCentralTaskPoller(stack, 'A', props);
    new PartnerCentralTaskPoller(stack, 'A-B', props);
    new PartnerCentralTaskPoller(new Construct(stack, 'Scope'), 'A', props);
    new PartnerCentralTaskPoller(new Construct(stack, 'A_'), 'B', props);
    new PartnerCentralTaskPoller(stack, `Long${'x'.repeat(130)}`, props);
    const { services, queries } = namesOf(templateOf(stack));
    expect(services).toEqual(expect.arrayContaining(['Tasks-A', 'Tasks-A-B']));
    expect(services).toContainEqual(expect.stringMatching(/^Tasks-Scope-A-[0-9A-F]{8}$/));
    for (const service of services) expect(service.length).toBeLessThanOrEqual(128);
    expectDistinct(services);
    expect(services).toHaveLength(5);
    expectDistinct(queries);
    expect(queries.filter(name => name.startsWith('Tasks-A/'))).not.toEqual([]);
  });

  test('in stages and in nested stacks do so, too', () => {
    const app = newApp();
    const props = { catalog: 'Sandbox' } as const;
    const stacks = ['Test', 'Production'].map(name => new Stack(new Stage(app, name), 'Tasks'));
    for (const stack of stacks) new PartnerCentralTaskPoller(stack, 'TaskPoller', props);
    const nested = new NestedStack(stacks[0] as Stack, 'Nested');
    new PartnerCentralTaskPoller(nested, 'TaskPoller', props);
    const [test, production, inner] = [...stacks, nested].map(stack => namesOf(templateOf(stack)));
    expect(test?.services).toEqual(['Test-Tasks-TaskPoller']);
    expect(production?.services).toEqual(['Production-Tasks-TaskPoller']);
    expect(inner?.services).toEqual([expect.stringMatching(/^Test-Tasks-Nested-TaskPoller-[0-9A-F]{8}$/)]);
  });
});

test("a stack of somebody's is clean under the AwsSolutions rules of cdk-nag", () => {
  const app = newApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  const stack = new Stack(app, 'Tasks');
  const { tasks } = poller({ ...twoSources, chatAlerts: true, tracing: true, customerManagedKey: true }, stack);
  tasks.onTaskFailed('Failed');
  app.synth();
});

test('a table under a key of its own: the functions may read it', () => {
  const stack = newStack();
  const table = new Table(stack, 'Theirs', {
    partitionKey: { name: 'source', type: AttributeType.STRING },
    encryption: TableEncryption.CUSTOMER_MANAGED,
  });
  const { template } = poller({ table: table as ITable, furtherSources: twoSources.furtherSources }, stack);
  const from = template();
  const readers = statements(from).filter(
    ({ who, actions }) => /Poller.*FunctionRole$/.test(who) && actions[0] === 'kms:Decrypt',
  );
  expect(readers.map(({ who }) => who)).toHaveLength(2);
  for (const { on, condition } of readers) {
    expect(on).toBe('{TheirsKey.Arn}');
    expect(JSON.stringify(condition)).toContain('"kms:ViaService":["dynamodb.');
  }
});
