/** A poll that comes before the rules publishes to nobody, and the table says that it was published. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { LambdaAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, type IEventBus, type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import {
  CloudWatchLogGroup,
  EventBus as EventBusTarget,
  LambdaFunction,
  SfnStateMachine,
  SnsTopic,
  SqsQueue,
} from 'aws-cdk-lib/aws-events-targets';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, type IFunction, Function as OtherFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '../../infra/index';
import { circlesIn, madeBefore, nameOf, newApp, type TemplateJson, template, variants } from './read-template';

const newStack = () => new Stack(newApp(), 'Tasks');
const templateOf = (stack: Stack) => Template.fromStack(stack).toJSON() as TemplateJson;

/** A poller in somebody's stack. */
function poller(props: Partial<PartnerCentralTaskPollerProps> = {}, scope: Construct = newStack()) {
  const tasks = new PartnerCentralTaskPoller(scope, 'TaskPoller', { catalog: 'Sandbox', ...props });
  return { tasks, stack: Stack.of(tasks), template: () => templateOf(Stack.of(tasks)) };
}

/** Who only looks at polls, or describes the events. */
const watchers = [
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::EventSchemas::Registry',
  'AWS::EventSchemas::Schema',
  'AWS::Logs::QueryDefinition',
];

/** The source whose polls a resource is a part of; undefined if all sources share it. */
function sourceOf(id: string): string | undefined {
  const parts = 'FailedRuns|Function|MissedTicks|Nudges|SchedulerRole|PollSchedule|AuditSchedule';
  const found = new RegExp(`^(?:TaskPoller)?(?:Poller)?((?:AWS|Sandbox)\\w+?)?(?:${parts})`).exec(nameOf(id));
  return found ? (found[1] ?? 'the first') : undefined;
}

/** What each schedule does not wait for, but for watchers and the polls of other sources. */
function unawaited(from: TemplateJson): Record<string, string[]> {
  const [schedules, others] = [true, false].map(isOne =>
    Object.entries(from.Resources).filter(([, { Type }]) => (Type === 'AWS::Scheduler::Schedule') === isOne),
  ) as [[string, unknown][], [string, { Type: string }][]];
  return Object.fromEntries(
    schedules.map(([schedule]) => {
      const before = madeBefore(schedule, from);
      const left = others
        .filter(([id, { Type }]) => !before.has(id) && !watchers.includes(Type))
        .filter(([id]) => [undefined, sourceOf(schedule)].includes(sourceOf(id)));
      return [nameOf(schedule), left.map(([id]) => nameOf(id))];
    }),
  );
}

function expectPollsLast(from: TemplateJson) {
  expect(circlesIn(from)).toEqual([]);
  const left = unawaited(from);
  expect(Object.keys(left).length).toBeGreaterThanOrEqual(2);
  expect(left).toEqual(Object.fromEntries(Object.keys(left).map(schedule => [schedule, []])));
}

describe('both schedules of every source wait for everything in the stack that has to receive', () => {
  test.each([...variants, [{ archiveDays: 0, schemaRegistry: false, savedQueries: false }]])('with %j', context => {
    expectPollsLast(template(context));
  });

  test('of somebody else, on a table and a bus that exist', () => {
    const stack = newStack();
    const props = {
      eventBus: EventBus.fromEventBusName(stack, 'Shared', 'shared'),
      table: Table.fromTableName(stack, 'Restored', 'restored'),
      alertEmail: 'a@example.com',
    };
    const { tasks, template } = poller(props, stack);
    tasks.onTaskFailed('Failed', { target: new SqsQueue(new Queue(stack, 'Queue')) });
    expectPollsLast(template());
  });

  test('nested in another', () => {
    const outer = newStack();
    const { tasks, stack, template } = poller(
      { alertEmail: 'a@example.com', alarmEmail: 'a@example.com' },
      new NestedStack(outer, 'Nested'),
    );
    tasks.onTaskFailed('Failed', { target: new SqsQueue(new Queue(stack, 'Queue')) });
    expectPollsLast(template());
    expect(circlesIn(templateOf(outer))).toEqual([]);
  });

  test('and nothing waits for a schedule, so that whatever receivers refer to can close no circle', () => {
    for (const [context] of variants) {
      const from = template(context);
      const isSchedule = (id: string) => from.Resources[id]?.Type === 'AWS::Scheduler::Schedule';
      const waiting = Object.keys(from.Resources).filter(id => [...madeBefore(id, from)].some(isSchedule));
      expect(waiting).toEqual([]);
    }
  });
});

describe('whatever the feature flags of the app say', () => {
  const createNewPolicies = '@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy';
  test.each<[what: string, flags: Readonly<Record<string, unknown>>]>([
    ['none', {}],
    ['those of a new project', CURRENTLY_RECOMMENDED_FLAGS],
    ['new policies for each permission', { [createNewPolicies]: true }],
  ])('%s: each function waits for all that it may do, and so does what calls it', (_, flags) => {
    const app = newApp();
    for (const [flag, value] of Object.entries(flags)) app.node.setContext(flag, value);
    const furtherSources = [{ taskFamily: 'EngagementFromOpportunity' as const }];
    const { template } = poller({ furtherSources, tracing: true, customerManagedKey: true }, new Stack(app, 'Tasks'));
    const from = template();
    expectPollsLast(from);
    const policies = Object.entries(from.Resources).filter(([, { Type }]) => Type === 'AWS::IAM::Policy');
    const functions = Object.entries(from.Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
    expect(functions.length).toBe(3);
    for (const [id, { Properties }] of functions) {
      const role = JSON.stringify((Properties.Role as Record<string, string[]>)['Fn::GetAtt']?.[0]);
      const own = policies
        .filter(([, policy]) => JSON.stringify(policy.Properties.Roles).includes(role))
        .map(([one]) => one);
      expect(own.length).toBeGreaterThan(0);
      const before = madeBefore(id, from);
      expect(own.filter(policy => !before.has(policy))).toEqual([]);
    }
  });
});

describe('rules of onTask…', () => {
  const functionIn = (scope: Construct, id: string) =>
    new OtherFunction(scope, id, {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = () => {}'),
    });

  test.each<[target: string, of: (stack: Stack) => IRuleTarget]>([
    ['a queue', stack => new SqsQueue(new Queue(stack, 'Queue'))],
    [
      'a queue under a key',
      stack => new SqsQueue(new Queue(stack, 'Queue', { encryptionMasterKey: new Key(stack, 'Key') })),
    ],
    [
      'a queue with dead letters',
      stack => new SqsQueue(new Queue(stack, 'Queue'), { deadLetterQueue: new Queue(stack, 'Dead') }),
    ],
    ['a topic', stack => new SnsTopic(new Topic(stack, 'Topic'))],
    ['a function', stack => new LambdaFunction(functionIn(stack, 'Consumer'))],
    ['an alias', stack => new LambdaFunction(functionIn(stack, 'Consumer').addAlias('live') as IFunction)],
    [
      'a state machine',
      stack =>
        new SfnStateMachine(
          new StateMachine(stack, 'Machine', { definitionBody: DefinitionBody.fromChainable(new Pass(stack, 'Pass')) }),
        ),
    ],
    ['another bus', stack => new EventBusTarget(new EventBus(stack, 'Other') as IEventBus)],
  ])('%s, given with the rule or added later: rule, target and permissions come first', (_, targetIn) => {
    const [given, added] = [poller(), poller()];
    given.tasks.onTaskFailed('Failed', { target: targetIn(given.stack) });
    expectPollsLast(given.template());
    added.tasks.onTaskFailed('Failed').addTarget(targetIn(added.stack));
    expectPollsLast(added.template());
  });

  // docs/construct.md says so.
  test('with a log group as target, its permission alone is not waited for: CDK puts that beside the log group', () => {
    const { tasks, stack, template } = poller();
    const log = new LogGroup(stack, 'Log', { logGroupName: '/aws/events/tasks' });
    tasks.onTaskFailed('Failed', { target: new CloudWatchLogGroup(log) });
    expect(circlesIn(template())).toEqual([]);
    for (const left of Object.values(unawaited(template()))) {
      expect(left).toContainEqual(expect.stringMatching(/^EventsLogGroupPolicy/));
      // The others are those of the custom resource that makes it.
      expect(left.filter(id => !/^(EventsLogGroupPolicy|AWS679f53fac002430cb0da5b7982bd2287)/.test(id))).toEqual([]);
    }
  });

  test('with several sources, all schedules wait', () => {
    const { tasks, stack, template } = poller({
      catalog: 'AWS',
      furtherSources: [{ taskFamily: 'EngagementFromOpportunity', taskStalledEvents: true }],
    });
    const target = new SqsQueue(new Queue(stack, 'Queue'));
    tasks.onTaskCompleted('Completed', { target });
    tasks.onTaskStalled('Stalled', { target });
    expectPollsLast(template());
    expect(Object.keys(unawaited(template()))).toHaveLength(4);
  });

  test('a consumer that is told of the alarms as well closes no circle', () => {
    const stack = newStack();
    const onCall = new Topic(stack, 'OnCall');
    const { tasks, template } = poller({ alarmTopics: [onCall] }, stack);
    const consumer = functionIn(stack, 'Consumer');
    const queue = new Queue(stack, 'Queue');
    tasks.onTaskFailed('ToFunction', { target: new LambdaFunction(consumer) });
    tasks.onTaskFailed('ToQueue', { target: new SqsQueue(queue) });
    tasks.onTaskFailed('ToTopic', { target: new SnsTopic(onCall) });
    // Each of these makes something beneath a target refer to alarms.
    for (const alarm of tasks.alarms) alarm.addAlarmAction(new LambdaAction(consumer, { useUniquePermissionId: true }));
    const arns = tasks.alarms.map(({ alarmArn }) => alarmArn);
    const conditions = { ArnLike: { 'aws:SourceArn': arns } };
    onCall.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));
    const ofAlarms = new Rule(stack, 'OfAlarms', { eventPattern: { source: ['aws.cloudwatch'], resources: arns } });
    ofAlarms.addTarget(new SqsQueue(queue));
    expectPollsLast(template());
  });

  test('an own topic or function of the poller may refer to the alarms', () => {
    const { tasks, template } = poller();
    const arns = tasks.alarms.map(({ alarmArn }) => alarmArn);
    const conditions = { ArnLike: { 'aws:SourceArn': arns } };
    for (const topic of [tasks.alertTopic, ...tasks.alarmTopics])
      topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));
    for (const [at, alarm] of tasks.alarms.entries())
      tasks.alertFunction.addPermission(`Alarm${at}`, {
        principal: new ServicePrincipal('lambda.alarms.cloudwatch.amazonaws.com'),
        sourceArn: alarm.alarmArn,
      });
    expectPollsLast(template());
  });

  test('a subscription by mail that is added later comes first, too', () => {
    const { tasks, template } = poller();
    tasks.alertTopic.addSubscription(new EmailSubscription('a@example.com'));
    expectPollsLast(template());
  });

  test.each<[where: string, scopeIn: (stack: Stack, nested: Stack) => Stack]>([
    ['in there as well', (_, nested) => nested],
    ['in that of the poller', stack => stack],
  ])('in a stack nested in that of the poller, with a target %s: both come first', (_, scopeIn) => {
    const { tasks, stack, template } = poller();
    const nested = new NestedStack(stack, 'Nested');
    const queue = new Queue(scopeIn(stack, nested), 'Queue');
    tasks.onTaskFailed('Failed', { crossStackScope: nested, target: new SqsQueue(queue) });
    expectPollsLast(template());
  });

  test.each<[where: string, scopeIn: (app: App) => Construct]>([
    ['in another stack', app => new Stack(app, 'Other')],
    ['in the stack around that of the poller', app => app.node.findChild('Tasks') as Stack],
  ])('%s: the schedules do not wait, for the rule needs the bus first', (_, scopeIn) => {
    const outer = newStack();
    const { tasks, stack } = poller({}, new NestedStack(outer, 'Nested'));
    const scope = scopeIn(outer.node.root as App);
    tasks.onTaskFailed('Failed', { crossStackScope: scope, target: new SqsQueue(new Queue(scope, 'Queue')) });
    expectPollsLast(templateOf(stack));
    expect(circlesIn(templateOf(outer))).toEqual([]);
  });

  test('with a target outside of a nested stack: the schedules wait for the rule, and nothing closes a circle', () => {
    const outer = newStack();
    const { tasks, stack } = poller({}, new NestedStack(outer, 'Nested'));
    tasks.onTaskFailed('Failed', { target: new SqsQueue(new Queue(outer, 'Queue')) });
    expectPollsLast(templateOf(stack));
    expect(circlesIn(templateOf(outer))).toEqual([]);
  });
});

describe('pollAfter', () => {
  test('makes the schedules wait for a rule of another kind, its targets and their permissions', () => {
    const { tasks, stack, template } = poller();
    const rule = new Rule(stack, 'Everything', {
      eventBus: tasks.eventBus,
      eventPattern: { source: [tasks.eventSource] },
    });
    tasks.pollAfter(rule);
    rule.addTarget(new SqsQueue(new Queue(stack, 'Queue')));
    expectPollsLast(template());
  });

  test('takes whatever has to be there: a consumer, or a subscription', () => {
    const { tasks, stack, template } = poller();
    const consumer = new Construct(stack, 'Consumer');
    tasks.pollAfter(consumer);
    const queue = new Queue(consumer, 'Queue');
    new Rule(consumer, 'Rule', { eventBus: tasks.eventBus, eventPattern: { source: [tasks.eventSource] } }).addTarget(
      new SqsQueue(queue),
    );
    const mails = new Queue(stack, 'Mails');
    tasks.pollAfter(tasks.alertTopic.addSubscription(new SqsSubscription(mails)), mails);
    expectPollsLast(template());
  });

  test('takes a rule in another stack on a bus that was there before: that stack is deployed first', () => {
    const app = newApp();
    const [stack, other] = [new Stack(app, 'Tasks'), new Stack(app, 'Other')];
    const { tasks } = poller({ eventBus: EventBus.fromEventBusName(stack, 'Shared', 'shared') }, stack);
    const target = new SqsQueue(new Queue(other, 'Queue'));
    tasks.pollAfter(tasks.onTaskFailed('Failed', { crossStackScope: other, target }));
    app.synth();
    expect(stack.dependencies).toEqual([other]);
    expectPollsLast(templateOf(stack));
  });

  test('fails when it is given a rule in a stack that needs the bus of this one', () => {
    const stack = newStack();
    const { tasks } = poller({}, stack);
    const other = new Stack(stack.node.root, 'Other');
    const target = new SqsQueue(new Queue(other, 'Queue'));
    tasks.pollAfter(tasks.onTaskFailed('Failed', { crossStackScope: other, target }));
    expect(() => (stack.node.root as App).synth()).toThrow(/'Other' depends on 'Tasks'|'Tasks' depends on 'Other'/);
  });
});

describe('the documents', () => {
  const section = (file: string, heading: string) => {
    const [, text = ''] = readFileSync(join(__dirname, '..', '..', 'docs', file), 'utf8').split(`\n## ${heading}\n`);
    return text.split('\n## ')[0] as string;
  };
  /** Where each of these stands, which has to be one after the other. */
  function expectInOrder(text: string, steps: readonly RegExp[]) {
    const at = steps.map(step => text.search(step));
    expect(at).not.toContain(-1);
    expect(at).toEqual([...at].sort((a, b) => a - b));
  }

  test.each<[file: string, heading: string, steps: readonly RegExp[]]>([
    [
      'runbook.md',
      'Moving from Sandbox to production',
      [/cdk deploy -c enabled=false\n/, /Make your rules/, /cdk deploy\n/],
    ],
    [
      'runbook.md',
      'Deleting the stack without losing the table',
      [
        /cdk deploy .*-c enabled=false/,
        /Delete rules/,
        /cdk destroy/,
        /cdk deploy .*-c existingTableName=.*-c enabled=false/,
        /Make your rules/,
        /cdk deploy .*-c enabled=true/,
      ],
    ],
    [
      'construct.md',
      'Moving from the stand-alone stack',
      [/stand-alone stack with `-c enabled=false`/, /`enabled: false` and `table:/, /Move rules/, /`enabled: true`/],
    ],
  ])('%s, %s: polls begin when the rules are there, and end before these go', (file, heading, steps) => {
    expectInOrder(section(file, heading), steps);
  });

  test('no table is adopted by a new stack that polls at once', () => {
    const adopting = [
      ...section('runbook.md', 'Deleting the stack without losing the table').matchAll(/existingTableName=.*/g),
    ];
    expect(adopting.length).toBeGreaterThan(0);
    for (const [command] of adopting) expect(command).toContain('enabled=false');
  });
});
