/** A stack is the same wherever it stands in the app; what tells it from others is its name. */
import { NestedStack, Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '../../infra/index';
import { all, type Json, newApp, type TemplateJson } from './read-template';

/** Without the names of assets: CDK names a function that is not bundled after its path in the app. */
const templateOf = (stack: Stack): TemplateJson =>
  JSON.parse(JSON.stringify(Template.fromStack(stack).toJSON()).replace(/[0-9a-f]{64}\.(zip|json)/g, 'asset'));
const busNames = (from: TemplateJson) =>
  Object.values(all('AWS::Events::EventBus', from)).map(({ Properties }) => String(Properties.Name));

/** Every resource that the construct can make. */
const everything: PartnerCentralTaskPollerProps = {
  catalog: 'AWS',
  furtherSources: [{ taskFamily: 'EngagementFromOpportunity' }],
  forwardTo: ['arn:aws:events:eu-west-1:111122223333:event-bus/crm'],
  alertEmail: 'a@example.com',
  alarmEmail: 'a@example.com',
  chatAlerts: true,
  customerManagedKey: true,
  dashboard: true,
  taskStalledEvents: true,
  tracing: true,
};

type Fill = (stack: Stack) => void;
const inStack: Fill = stack => {
  const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', everything);
  tasks.onTaskFailed('Failed');
};
const deepInStack: Fill = stack => {
  new PartnerCentralTaskPoller(new Construct(stack, 'Partner'), 'TaskPoller', everything);
};
const onExistingBus: Fill = stack => {
  const eventBus = EventBus.fromEventBusName(stack, 'Shared', 'shared');
  new PartnerCentralTaskPoller(stack, 'TaskPoller', { ...everything, eventBus });
};
const asWholeStack: Fill = stack => {
  new PartnerCentralTaskPoller(stack, 'Default', everything);
};

function stackIn(scope: Construct, stackName: string, fill: Fill): Stack {
  const stack = new Stack(scope, 'Tasks', { stackName });
  fill(stack);
  return stack;
}

describe.each<[where: string, fill: Fill]>([
  ['in a stack', inStack],
  ['deep in a stack', deepInStack],
  ['on a bus that exists', onExistingBus],
  ['as the whole stack', asWholeStack],
])('%s', (_, fill) => {
  const before = templateOf(stackIn(newApp(), 'prod-tasks', fill));

  test('nothing changes when the stack moves into a Stage and keeps its name', () => {
    expect(templateOf(stackIn(new Stage(newApp(), 'Production'), 'prod-tasks', fill))).toEqual(before);
  });

  test('nothing changes when the stack gets another id and keeps its name', () => {
    const renamed = new Stack(newApp(), 'TasksOfProduction', { stackName: 'prod-tasks' });
    fill(renamed);
    expect(templateOf(renamed)).toEqual(before);
  });

  test('two stacks of one id and different names have different buses, services and queries', () => {
    const other = templateOf(stackIn(newApp(), 'dev-tasks', fill));
    const named = (from: TemplateJson) => [
      ...busNames(from),
      ...Object.values(all('AWS::Logs::QueryDefinition', from)).map(({ Properties }) => String(Properties.Name)),
      ...Object.values(all('AWS::Lambda::Function', from)).map(({ Properties }) =>
        String((Properties.Environment as { Variables: Json }).Variables.POWERTOOLS_SERVICE_NAME),
      ),
    ];
    expect(named(other)).toHaveLength(named(before).length);
    expect(named(other).filter(name => named(before).includes(name))).toEqual([]);
  });
});

describe('the name of the bus', () => {
  const busNameIn = (stackName: string, id = 'TaskPoller') => {
    const stack = new Stack(newApp(), 'Tasks', { stackName });
    new PartnerCentralTaskPoller(stack, id, { catalog: 'AWS' });
    return String(busNames(templateOf(stack))[0]);
  };

  test('tells two names apart that differ in what a bus name leaves out', () => {
    expect(busNameIn('a-b')).not.toBe(busNameIn('ab'));
  });

  // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
  test.each([
    ['a short name', 'T'],
    ['the longest name that a stack may have', `T${'x'.repeat(127)}`],
  ])('of %s is one that EventBridge takes', (_, stackName) => {
    for (const id of ['Default', 'TaskPoller', `Ünïcode ${'y'.repeat(200)}`])
      expect(busNameIn(stackName, id)).toMatch(/^[\w./-]{1,256}$/);
  });

  test('differs between constructs of one stack, and of its nested stacks', () => {
    const stack = new Stack(newApp(), 'Tasks', { stackName: 'prod-tasks' });
    const scopes = [stack, new Construct(stack, 'Scope'), new NestedStack(stack, 'A'), new NestedStack(stack, 'B')];
    for (const scope of scopes) new PartnerCentralTaskPoller(scope, 'TaskPoller', { catalog: 'AWS' });
    new PartnerCentralTaskPoller(stack, 'Another', { catalog: 'AWS' });
    const names = [...new Set(scopes.map(scope => Stack.of(scope)))].flatMap(one => busNames(templateOf(one)));
    expect(names).toHaveLength(5);
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^prodtasks/); // a nested stack's own name is known when deployed
  });

  test('stays in a nested stack when the outermost one moves into a Stage, and so does all else in there', () => {
    const nestedIn = (scope: Construct) => {
      const stack = new Stack(scope, 'Tasks', { stackName: 'prod-tasks' });
      const nested = new NestedStack(stack, 'Nested');
      const tasks = new PartnerCentralTaskPoller(nested, 'TaskPoller', everything);
      tasks.onTaskFailed('Failed', { target: new SqsQueue(new Queue(nested, 'Queue')) });
      return templateOf(nested);
    };
    expect(nestedIn(new Stage(newApp(), 'Production'))).toEqual(nestedIn(newApp()));
  });
});
