/** Props that only the construct has, and values that are known when the stack is deployed. */
import { App, CfnParameter, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import {
  ConfigurationError,
  PartnerCentralTaskPoller,
  type PartnerCentralTaskPollerProps,
  type TaskPollerSettings,
} from '../../infra/index';
import { all, circlesIn, type Json, newApp, properties, statements, type TemplateJson } from './read-template';

const env = { account: '111122223333', region: 'eu-west-1' };
const placedStack = () => new Stack(newApp(), 'Tasks', { env });
const templateOf = (stack: Stack) => Template.fromStack(stack).toJSON() as TemplateJson;

/** A poller in a stack of somebody's, which has its ids begin with TaskPoller. */
function poller(props: Partial<PartnerCentralTaskPollerProps> = {}, stack = new Stack(newApp(), 'Tasks')) {
  new PartnerCentralTaskPoller(stack, 'TaskPoller', { catalog: 'Sandbox', ...props });
  return { stack, template: () => templateOf(stack) };
}
function problemsOf(props: Partial<PartnerCentralTaskPollerProps>, stack?: Stack): readonly string[] {
  try {
    poller(props, stack);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('It was accepted');
}

describe('a value that is known when the stack is deployed', () => {
  const stack = new Stack(newApp(), 'Tasks');
  const parameter = (id: string) => new CfnParameter(stack, id).valueAsString;
  const { template } = poller(
    {
      alertEmail: parameter('AlertEmail'),
      alarmEmail: parameter('AlarmEmail'),
      eventSource: parameter('EventSource'),
      assumeRoleArn: new Role(stack, 'Reader', { assumedBy: new AccountRootPrincipal() }).roleArn,
    },
    stack,
  );
  const from = template();

  test('can be an address', () => {
    const subscriptions = Object.values(all('AWS::SNS::Subscription', from)).map(({ Properties }) => Properties);
    expect(subscriptions.map(({ TopicArn, Endpoint }) => [TopicArn, Endpoint]).sort()).toEqual([
      ['{TaskPollerAlarmsTopic}', '{AlarmEmail}'],
      ['{TaskPollerFailedTaskAlertsTopic}', '{AlertEmail}'],
    ]);
  });

  test('can be some of several addresses', () => {
    const stack = new Stack(newApp(), 'Tasks');
    const [one, another] = ['One', 'Another'].map(id => new CfnParameter(stack, id).valueAsString) as [string, string];
    const { template } = poller({ alertEmail: [one, 'a@example.com', another] }, stack);
    const subscriptions = Object.values(all('AWS::SNS::Subscription', template()));
    expect(subscriptions.map(({ Properties }) => Properties.Endpoint)).toEqual(['{One}', 'a@example.com', '{Another}']);
  });

  test('can be the source of the events: in the settings, the rules and the names of the schemas', () => {
    const { Environment } = properties('AWS::Lambda::Function', 'TaskPollerFunction', from) as Json;
    expect(JSON.stringify(Environment)).toContain('\\"eventSource\\":\\"{EventSource}\\"');
    const rule = properties('AWS::Events::Rule', 'TaskPollerFailedTaskAlertsFailedTasks', from) as Json;
    expect(rule.EventPattern).toMatchObject({ source: ['{EventSource}'] });
    const names = Object.values(from.Resources)
      .filter(({ Type }) => Type === 'AWS::EventSchemas::Schema')
      .map(({ Properties }) => Properties.SchemaName);
    // A slash in it would be refused.
    const withoutSlashes = { 'Fn::Join': ['-', { 'Fn::Split': ['/', { Ref: 'EventSource' }] }] };
    expect(names).toContainEqual({ 'Fn::Join': ['', [withoutSlashes, '@TaskFailed']] });
    expect(names).toHaveLength(3);
  });

  test('can be the role to list by', () => {
    const assumes = statements(from).filter(({ actions }) => actions.includes('sts:AssumeRole'));
    expect(assumes.filter(({ who }) => who.endsWith('FunctionRole')).map(({ on }) => on)).toEqual(['{Reader.Arn}']);
    const { Environment } = properties('AWS::Lambda::Function', 'TaskPollerFunction', from) as Json;
    expect(JSON.stringify(Environment)).toContain('\\"assumeRoleArn\\":\\"{Reader.Arn}\\"');
  });

  test('may be a role in the account of any source, so that all share the pace', () => {
    const stack = new Stack(newApp(), 'Tasks');
    const roleArn = new CfnParameter(stack, 'Role').valueAsString;
    const assumeRoleArn = 'arn:aws:iam::444455556666:role/reader';
    const settings = JSON.stringify(
      poller(
        {
          assumeRoleArn,
          maxListCallsPerSecond: 4,
          furtherSources: [{ catalog: 'AWS', assumeRoleArn: roleArn }],
        },
        stack,
      ).template(),
    );
    expect(settings.match(/maxListCallsPerSecond[\\":]+\d/g)).toEqual(
      Array(2).fill(expect.stringMatching(/maxListCallsPerSecond[\\":]+2$/)),
    );
  });
});

describe('what exists has to be within reach', () => {
  const other = new Stack(newApp(), 'Other');
  const inRegion = (region: string) =>
    EventBus.fromEventBusArn(new Stack(newApp(), 'Other'), 'Bus', `arn:aws:events:${region}:111122223333:event-bus/b`);
  const tableArn = 'arn:aws:dynamodb:us-east-1:444455556666:table/t';
  const table = Table.fromTableArn(other, 'Table', tableArn) as ITable;
  const topic = Topic.fromTopicArn(other, 'Topic', 'arn:aws:sns:us-east-1:444455556666:pager');
  const key = Key.fromKeyArn(other, 'Key', 'arn:aws:kms:us-east-1:444455556666:key/k');
  const region = (prop: string) =>
    `${prop}: got one in region us-east-1, allowed: one in the stack's region, eu-west-1`;
  const account = (prop: string) =>
    `${prop}: got one in account 444455556666, allowed: one in the stack's account, 111122223333`;

  test.each<[why: string, props: Partial<PartnerCentralTaskPollerProps>, problems: string[]]>([
    ['a bus is in another region', { eventBus: inRegion('us-east-1') }, [region('eventBus')]],
    ['a table is elsewhere', { table }, [account('table'), region('table')]],
    ['a topic is in another region', { alarmTopics: [topic] }, [region('alarmTopics[0]')]],
    ['a key is in another region', { encryptionKey: key }, [region('encryptionKey')]],
    [
      'much is wrong at once: each is named',
      { eventBus: inRegion('us-east-1'), table, memoryMb: 1 },
      [
        region('eventBus'),
        account('table'),
        region('table'),
        'memoryMb: got 1, allowed: a whole number of megabytes from 128 to 3008',
      ],
    ],
  ])('fails when %s', (_, props, problems) => {
    expect(problemsOf(props, placedStack())).toEqual(problems);
  });

  test('and is taken where it may be', () => {
    const alarmTopics = [Topic.fromTopicArn(other, 'Near', 'arn:aws:sns:eu-west-1:444455556666:pager')];
    poller({ eventBus: inRegion('eu-west-1'), alarmTopics }, placedStack());
    poller({ eventBus: inRegion('us-west-2'), table, alarmTopics: [topic] }); // where the stack will be is unknown
  });
});

describe('removalPolicy', () => {
  const kept = (from: TemplateJson) =>
    Object.values(from.Resources)
      .filter(({ DeletionPolicy }) => DeletionPolicy !== undefined && DeletionPolicy !== 'Delete')
      .map(({ Type }) => Type);
  const tableOf = (from: TemplateJson) => Object.values(all('AWS::DynamoDB::Table', from))[0];

  test('DESTROY: a stack that leaves nothing behind', () => {
    const from = poller({ removalPolicy: RemovalPolicy.DESTROY, customerManagedKey: true }).template();
    expect(kept(from)).toEqual([]);
    expect(tableOf(from)?.Properties.DeletionProtectionEnabled).toBe(false);
  });

  test('by default, table and key stay', () => {
    const from = poller({ customerManagedKey: true }).template();
    expect(kept(from).sort()).toEqual(['AWS::DynamoDB::Table', 'AWS::KMS::Key']);
    expect(tableOf(from)?.Properties.DeletionProtectionEnabled).toBe(true);
  });

  test.each(['destory', RemovalPolicy.SNAPSHOT])('fails when it is %s', removalPolicy => {
    expect(problemsOf({ removalPolicy: removalPolicy as RemovalPolicy })).toEqual([
      `removalPolicy: got "${removalPolicy}", allowed: retain or retain-on-update-or-delete or destroy`,
    ]);
  });
});

describe('encryptionKey', () => {
  const keyIn = (stack: Stack) => new Key(stack, 'Key');
  /** Whatever names the key, by the id of the one that the construct would make. */
  const uses = (from: TemplateJson, id: string) =>
    JSON.stringify(from.Resources)
      .replaceAll(new RegExp(`${id}[0-9A-F]{8}`, 'g'), 'THE-KEY')
      .match(/THE-KEY/g)?.length;

  test('encrypts what the key of customerManagedKey does, with the same permissions', () => {
    const stack = new Stack(newApp(), 'Tasks');
    const own = poller({ encryptionKey: keyIn(stack), furtherSources: [{ catalog: 'AWS' }] }, stack).template();
    const made = poller({ customerManagedKey: true, furtherSources: [{ catalog: 'AWS' }] }).template();
    expect(Object.keys(all('AWS::KMS::Key', own))).toEqual(['Key']);
    expect(uses(own, 'Key')).toBe(uses(made, 'TaskPollerEncryptionKey'));
    expect(uses(own, 'Key')).toBeGreaterThan(20);
    const policyOf = (from: TemplateJson) => Object.values(all('AWS::KMS::Key', from))[0]?.Properties.KeyPolicy;
    expect(policyOf(own)).toEqual(policyOf(made));
    expect(circlesIn(own)).toEqual([]);
  });

  test('may be in another stack of the app, which then comes first', () => {
    const app = newApp();
    const keys = new Stack(app, 'Keys');
    const stack = new Stack(app, 'Tasks');
    poller({ encryptionKey: keyIn(keys) }, stack);
    app.synth();
    expect(stack.dependencies).toEqual([keys]);
    expect(JSON.stringify(templateOf(keys))).toContain(':log-group:Tasks-*');
  });

  test('from elsewhere gets no policy, so a warning says where it is written', () => {
    const stack = placedStack();
    poller({ encryptionKey: Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:111122223333:key/k') }, stack);
    Annotations.fromStack(stack).hasWarning('/Tasks/TaskPoller', Match.stringLikeRegexp('docs/security.md'));
  });

  test('fails when it is an alias, and beside customerManagedKey', () => {
    const stack = new Stack(newApp(), 'Tasks');
    expect(problemsOf({ encryptionKey: keyIn(stack).addAlias('mine') }, stack)).toEqual([
      'encryptionKey: got an alias, allowed: a key; IAM policies have to name it',
    ]);
    const another = new Stack(new App(), 'Tasks');
    expect(problemsOf({ encryptionKey: keyIn(another), customerManagedKey: true }, another)).toEqual([
      'customerManagedKey with encryptionKey: got both, allowed: one of them; the first makes a new key',
    ]);
  });
});

test('fails when a prop is misspelt: names the one that was meant, also where it has an object', () => {
  const stack = new Stack(newApp(), 'Tasks');
  const eventbus = new EventBus(stack, 'Bus');
  const misspelt = { eventbus, encriptionKey: 'x', alertEmails: 'a@example.com', tag: 'x' };
  expect(problemsOf(misspelt as Partial<PartnerCentralTaskPollerProps>, stack)).toEqual([
    'eventbus: unknown key, got an object; did you mean eventBus?',
    'encriptionKey: unknown key, got "x"; did you mean encryptionKey?',
    'alertEmails: unknown key, got "a@example.com"; did you mean alertEmail?',
    'tag: unknown key, got "x"; docs/configuration.md has all keys', // tags are no prop
  ]);
});

test('who calls from JavaScript catches ConfigurationError by its class', () => {
  expect(() => poller({ catalog: 'Sandpit' } as unknown as TaskPollerSettings)).toThrow(ConfigurationError);
});
