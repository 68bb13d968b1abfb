/** Who gets the events is there before the first poll, and goes by the same name wherever in an app the stack stands. */
import { App, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '../../infra/task-poller';

const unbundled = { context: { 'aws:cdk:bundling-stacks': [] } };
const props: PartnerCentralTaskPollerProps = {
  catalog: 'AWS',
  forwardTo: ['arn:aws:events:us-east-1:123456789012:event-bus/other'],
  furtherSources: [{ taskFamily: 'EngagementFromOpportunity' }],
};

type Resource = { Type: string; DependsOn?: string[]; Properties: Record<string, unknown> };
const resourcesOf = (stack: Stack) => Template.fromStack(stack).toJSON().Resources as Record<string, Resource>;
const ofType = (resources: Record<string, Resource>, type: string) =>
  Object.keys(resources).filter(id => resources[id]?.Type === type);

function stackWith(more: Partial<PartnerCentralTaskPollerProps> = {}, scope: Construct = new App(unbundled)) {
  const stack = new Stack(scope, 'Tasks', { stackName: 'dev-tasks' });
  const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', { ...props, ...more });
  return { stack, tasks };
}

/** What each schedule waits for, at least. */
function waitsOfEachSchedule(stack: Stack): ReadonlySet<string> {
  const resources = resourcesOf(stack);
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule');
  expect(schedules).toHaveLength(4); // a poll and an audit of each source
  const [first, ...others] = schedules.map(id => new Set(resources[id]?.DependsOn));
  return new Set([...(first ?? [])].filter(id => others.every(other => other.has(id))));
}

test.each([
  'AWS::Events::Rule',
  'AWS::Events::Archive',
  'AWS::Lambda::EventSourceMapping',
  'AWS::SQS::QueuePolicy',
  'AWS::SNS::Subscription',
])('no schedule starts before each %s of alerts, archive and forwarding is there', type => {
  const { stack, tasks } = stackWith({ alertEmail: 'crm@example.com' });
  const waits = waitsOfEachSchedule(stack);
  const resources = resourcesOf(stack);
  const receivers = [
    tasks.node.findChild('FailedTaskAlerts'),
    tasks.node.findChild('TaskBus'),
    tasks.node.findChild('Forwarding'),
  ];
  const ids = receivers.flatMap(receiver =>
    receiver.node.findAll().flatMap(({ node }) => {
      const id = node.defaultChild && stack.getLogicalId(node.defaultChild as never);
      return id !== undefined && resources[id]?.Type === type ? [id] : [];
    }),
  );
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.filter(id => !waits.has(id))).toEqual([]);
});

test('no schedule starts before the rules of onTask… and what their targets need', () => {
  const { stack, tasks } = stackWith();
  const queue = new Queue(stack, 'Crm');
  const handler = new Lambda(stack, 'Handler', {
    runtime: Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => {}'),
  });
  tasks.onTaskCompleted('ToQueue', { target: new SqsQueue(queue) });
  tasks.onTaskFailed('ToFunction').addTarget(new LambdaFunction(handler));
  const waits = waitsOfEachSchedule(stack);
  const resources = resourcesOf(stack);
  const wanted = Object.keys(resources).filter(
    id =>
      /^TaskPollerTo(Queue|Function)|^CrmPolicy/.test(id) ||
      (resources[id]?.Type === 'AWS::Lambda::Permission' && id.startsWith('Handler')),
  );
  expect(wanted).toHaveLength(4);
  expect(wanted.filter(id => !waits.has(id))).toEqual([]);
});

test('a rule in another stack is no dependency, and makes no circle', () => {
  const app = new App(unbundled);
  const { tasks } = stackWith({}, app);
  const other = new Stack(app, 'Consumers');
  tasks.onTaskFailed('Failed', { crossStackScope: other, target: new SqsQueue(new Queue(other, 'Queue')) });
  expect(() => app.synth()).not.toThrow();
});

test('a bus of somebody else has nothing to wait for but its rules and archive', () => {
  const app = new App(unbundled);
  const stack = new Stack(app, 'Tasks');
  const eventBus = EventBus.fromEventBusName(stack, 'Existing', 'existing');
  new PartnerCentralTaskPoller(stack, 'TaskPoller', { ...props, eventBus });
  expect(waitsOfEachSchedule(stack).size).toBeGreaterThan(0);
});

const busNames = (stack: Stack) =>
  Object.values(resourcesOf(stack))
    .filter(({ Type }) => Type === 'AWS::Events::EventBus')
    .map(({ Properties }) => Properties.Name);

test('two stacks that differ in stackName only have buses of their own, and so have two constructs in one stack', () => {
  const names = ['dev-tasks', 'prod-tasks'].flatMap(stackName => {
    const stack = new Stack(new App(unbundled), 'Tasks', { stackName });
    new PartnerCentralTaskPoller(stack, 'One', { catalog: 'AWS' });
    new PartnerCentralTaskPoller(stack, 'Two', { catalog: 'AWS' });
    return busNames(stack);
  });
  expect(names).toHaveLength(4);
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^(dev|prod)-tasks-(One|Two)-TaskBus$/);
});

/** Neither names nor ids of resources: a hash of what is packed, and a label within a policy. */
const comparable = (template: object) =>
  JSON.parse(
    JSON.stringify(template)
      .replace(/[0-9a-f]{64}\.zip/g, 'asset.zip')
      .replace(/"Sid":"AllowEventRule\w+"/g, '"Sid":"AllowEventRule"'),
  );

test.each([
  ['directly', (stack: Stack) => stack],
  ['deeper', (stack: Stack) => new Construct(stack, 'Scope')],
])('a stack that is moved into a stage keeps every name and id of a poller that stands %s in it', (_, within) => {
  const make = (scope: Construct) => {
    const env = { account: '123456789012', region: 'us-east-1' };
    const stack = new Stack(scope, 'Tasks', { stackName: 'dev-tasks', env });
    new PartnerCentralTaskPoller(within(stack), 'TaskPoller', { ...props, dashboard: true, chatAlerts: true });
    return comparable(Template.fromStack(stack).toJSON());
  };
  expect(make(new Stage(new App(unbundled), 'Production'))).toEqual(make(new App(unbundled)));
});
