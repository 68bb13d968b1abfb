/** What a platform team switches: each does what it says, and nothing that holds state is made anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnResource, Stack, TagManager } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { PartnerCentralTaskPoller } from '../../infra/index';
import { TaskPollerStack } from '../../infra/stack';
import { synthesize } from '../../infra/synthesize';
import { all, type Json, newApp, outdir, permissions, properties, readable, template, variants } from './read-template';

describe('enabled: false', () => {
  const off = template({ enabled: false });

  test('disables both schedules and the rules that ask for polls', () => {
    const states = Object.values(all('AWS::Scheduler::Schedule', off)).map(({ Properties }) => Properties.State);
    expect(states).toEqual(['DISABLED', 'DISABLED']);
    const rules = Object.entries(all('AWS::Events::Rule', off)).map(
      ([id, { Properties }]) => `${id} ${Properties.State}`,
    );
    expect(rules).toEqual([
      'PollerNudgesTaskStarted DISABLED',
      'PollerNudgesPartnerCentral DISABLED',
      'PollerNudgesCloudTrail DISABLED',
      'FailedTaskAlertsFailedTasks ENABLED',
    ]);
  });

  test('silences the alarm about polls that are missing, and changes nothing else', () => {
    const enabledAgain = structuredClone(off);
    for (const { Type, Properties } of Object.values(enabledAgain.Resources))
      if (['AWS::Scheduler::Schedule', 'AWS::Events::Rule'].includes(Type)) Properties.State = 'ENABLED';
    const notFinishing = enabledAgain.Resources.AlarmsNotFinishing00EC2183?.Properties as Json;
    expect(notFinishing.ActionsEnabled).toBe(false);
    notFinishing.ActionsEnabled = true;
    expect(enabledAgain).toEqual(template());
  });
});

test('shadow: the poller may do all that it may otherwise, but publish', () => {
  const usual = permissions('PollerFunctionRole');
  const inShadow = permissions('PollerFunctionRole', template({ shadow: true }));
  expect(usual.filter(one => !inShadow.includes(one))).toEqual(['events:PutEvents on {TaskBus.Arn}']);
  expect(inShadow.filter(one => !usual.includes(one))).toEqual([]);
});

describe('existingTableName', () => {
  const existing = template({ existingTableName: 'restored-table' });
  const arn = 'arn:{AWS::Partition}:dynamodb:{AWS::Region}:{AWS::AccountId}:table/restored-table';

  test('leaves only the own table out of the template, which keeps that', () => {
    expect(all('AWS::DynamoDB::Table', existing)).toEqual({});
    expect(all('AWS::DynamoDB::Table').SnapshotTable).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: { DeletionProtectionEnabled: true },
    });
    expect(Object.keys(template().Resources).filter(id => !(id in existing.Resources))).toEqual([
      'SnapshotTable6A30849D',
    ]);
  });

  test('is what the poller is told, may use with its index, and what the output says', () => {
    expect(properties('AWS::Lambda::Function', 'PollerFunction', existing)?.Environment).toMatchObject({
      Variables: { TABLE_NAME: 'restored-table' },
    });
    expect(permissions('PollerFunctionRole', existing).filter(one => one.startsWith('dynamodb:'))).toEqual([
      `dynamodb:BatchGetItem, dynamodb:BatchWriteItem, dynamodb:UpdateItem on ${arn}`,
      `dynamodb:Query on ${arn}/index/unsettled`,
    ]);
    expect(existing.Outputs.SnapshotTableName?.Value).toBe('restored-table');
  });

  test("with the stack's own key, a table that was restored under it can be read", () => {
    expect(
      permissions('PollerFunctionRole', template({ existingTableName: 'restored-table', customerManagedKey: true })),
    ).toContainEqual(expect.stringMatching(/^kms:Decrypt on \{EncryptionKey\.Arn\}.*dynamodb/));
  });
});

describe('permissionsBoundary', () => {
  test.each<[given: string, arn: string]>([
    ['team-boundary', 'arn:{AWS::Partition}:iam::{AWS::AccountId}:policy/team-boundary'],
    ['arn:aws:iam::111122223333:policy/teams/crm', 'arn:aws:iam::111122223333:policy/teams/crm'],
  ])('%s is on every role', (permissionsBoundary, arn) => {
    const roles = Object.values(all('AWS::IAM::Role', template({ permissionsBoundary })));
    expect(roles).toHaveLength(3);
    for (const { Properties } of roles) expect(Properties.PermissionsBoundary).toBe(arn);
  });

  test('is on roles that CDK makes for itself', () => {
    const app = newApp();
    const context = { catalog: 'Sandbox', permissionsBoundary: 'team-boundary' };
    const stack = new TaskPollerStack(app, 'Limited', { context });
    new LambdaFunction(stack, 'Other', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = () => {}'),
    });
    const roles = all('AWS::IAM::Role', app.synth().stacks[0]?.template);
    expect(roles).toHaveProperty('OtherServiceRole');
    for (const { Properties } of Object.values(roles))
      expect(Properties.PermissionsBoundary).toMatch(/:policy\/team-boundary$/);
  });

  test('is absent unless asked for', () => expect(JSON.stringify(template())).not.toContain('PermissionsBoundary'));
});

describe('tags', () => {
  const Tags = [
    { Key: 'cost-center', Value: '42' },
    { Key: 'team', Value: 'crm' },
  ];
  const context = { tags: 'team=crm,cost-center=42', customerManagedKey: true, alertEmail: 'a@example.com' };

  test('are on every resource that CloudFormation can tag, and on the stack', () => {
    const app = newApp();
    const stack = new TaskPollerStack(app, 'Tagged', { context: { catalog: 'Sandbox', ...context } });
    const taggable = stack.node
      .findAll()
      .filter(construct => CfnResource.isCfnResource(construct) && TagManager.isTaggable(construct))
      .map(resource => stack.resolve((resource as CfnResource).logicalId));
    const { template: tagged, tags } = app.synth().stacks[0] as unknown as { template: Json; tags: Json };
    expect(tags).toEqual({ team: 'crm', 'cost-center': '42' });
    expect(taggable.length).toBeGreaterThan(10);
    for (const id of taggable)
      expect((tagged.Resources as Record<string, { Properties: Json }>)[id]?.Properties.Tags).toEqual(Tags);
  });

  test('are missing on nothing but what has none in CloudFormation', () => {
    const untagged = Object.values(template(context).Resources).filter(({ Properties }) => !Properties.Tags);
    expect([...new Set(untagged.map(({ Type }) => Type))].sort()).toEqual([
      'AWS::Events::Archive',
      'AWS::IAM::Policy',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::Permission',
      'AWS::Logs::QueryDefinition',
      'AWS::SNS::Subscription',
      'AWS::SNS::TopicPolicy',
      'AWS::SQS::QueuePolicy',
      'AWS::Scheduler::Schedule', // only a group of schedules has tags
    ]);
  });

  test('are absent unless asked for', () => expect(JSON.stringify(template())).not.toContain('"Tags"'));

  test('reach the stack from the command line as well as from cdk.json', () => {
    const asObject = synthesize({
      bundle: false,
      validate: false,
      outdir: outdir(),
      context: { tags: { team: 'crm', 'cost-center': '42' } },
    });
    expect(asObject.stacks[0]?.template).toEqual(template({ tags: 'team=crm,cost-center=42' }));
  });
});

describe('schemaRegistry', () => {
  const schemas = (context: Json = {}) =>
    Object.values(all('AWS::EventSchemas::Schema', template(context))).map(({ Properties }) => Properties);
  const documented = (name: string) =>
    JSON.parse(readFileSync(join(__dirname, '..', '..', 'docs', 'schemas', `${name}.json`), 'utf8'));

  test('has the three schemas of the documentation, by the names that EventBridge would give them', () => {
    expect(Object.keys(all('AWS::EventSchemas::Registry'))).toEqual(['EventSchemasRegistry']);
    expect(
      schemas().map(({ Content, Description, ...more }) => ({ ...more, Content: JSON.parse(String(Content)) })),
    ).toEqual(
      ['TaskCompleted', 'TaskFailed', 'TaskStalled'].map(name => ({
        RegistryName: '{EventSchemasRegistry.RegistryName}',
        SchemaName: `partnercentral.task-poller@${name}`,
        Type: 'JSONSchemaDraft4',
        Content: documented(name),
      })),
    );
  });

  // https://docs.aws.amazon.com/eventbridge/latest/schema-reference/v1-registries-name-registryname-schemas-name-schemaname.html
  test('names the source that is configured, and stays within what EventBridge takes', () => {
    const [first] = schemas({ eventSource: 'crm/tasks' });
    expect(first?.SchemaName).toBe('crm-tasks@TaskCompleted');
    expect(JSON.parse(String(first?.Content))['x-amazon-events-source']).toBe('crm/tasks');
    for (const { Content, Description } of schemas()) {
      expect(String(Content).length).toBeLessThan(100_000);
      expect(String(Description).length).toBeLessThanOrEqual(256);
    }
  });

  test('false: there is none, and nothing else differs', () => {
    expect(template({ schemaRegistry: false })).toEqual(without('AWS::EventSchemas::'));
  });

  describe('where AWS has none', () => {
    const warningId = 'partner-central-task-poller:noSchemaRegistry';
    const registriesIn = (stack: Stack) =>
      Object.keys(Template.fromStack(stack).findResources('AWS::EventSchemas::Registry')).length;
    const warningsOf = (stack: Stack) =>
      Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp(warningId));
    function stackIn(env: { region?: string }, props = {}) {
      const stack = new Stack(newApp(), 'Tasks', { env });
      new PartnerCentralTaskPoller(stack, 'TaskPoller', { catalog: 'AWS', ...props });
      return stack;
    }
    afterEach(() => delete process.env.CDK_DEFAULT_REGION);

    test.each([
      'ap-east-2',
      'ap-south-2',
      'ap-southeast-4',
      'ap-southeast-5',
      'ap-southeast-6',
      'ap-southeast-7',
      'ca-west-1',
      'il-central-1',
      'mx-central-1',
    ])('%s: it is left out with a warning', region => {
      const stack = stackIn({ region });
      expect(registriesIn(stack)).toBe(0);
      expect(warningsOf(stack)).toHaveLength(1);
      expect(String(warningsOf(stack)[0]?.entry.data)).toContain(region);
    });

    test('no warning where it is off, or where AWS has one', () => {
      expect(warningsOf(stackIn({ region: 'ca-west-1' }, { schemaRegistry: false }))).toEqual([]);
      const stack = stackIn({ region: 'us-east-1' });
      expect({ registries: registriesIn(stack), warnings: warningsOf(stack) }).toEqual({ registries: 1, warnings: [] });
    });

    test('a stack without a region is deployed to the one that the CDK CLI names', () => {
      expect(registriesIn(stackIn({}))).toBe(1);
      process.env.CDK_DEFAULT_REGION = 'ca-west-1';
      const stack = stackIn({});
      expect({ registries: registriesIn(stack), warnings: warningsOf(stack).length }).toEqual({
        registries: 0,
        warnings: 1,
      });
      expect(registriesIn(stackIn({ region: 'us-east-1' }))).toBe(1);
    });
  });
});

test('savedQueries: with false there are none, and nothing else differs', () => {
  expect(Object.keys(all('AWS::Logs::QueryDefinition'))).toHaveLength(7);
  expect(template({ savedQueries: false })).toEqual(without('AWS::Logs::QueryDefinition'));
});

/** The default stack without the types of resources that begin so. */
function without(types: string) {
  const { Resources, ...rest } = template();
  const others = Object.entries(Resources).filter(([, { Type }]) => !Type.startsWith(types));
  return { ...rest, Resources: Object.fromEntries(others) };
}

/**
 * CloudFormation knows a resource by this id alone: under another one it makes a new resource and deletes the old. For these
 * that would lose what they hold, or break what others have configured with their name.
 */
const pinned = {
  // What the poller knows. The old table would stay, but outside the stack, and the new one would start without memory.
  SnapshotTable6A30849D: 'AWS::DynamoDB::Table',
  // Rules and permissions of others name the bus.
  TaskBus82DFEABF: 'AWS::Events::EventBus',
  // A month of events, to be replayed.
  TaskBusArchive8E71F310: 'AWS::Events::Archive',
  // Subscriptions, which people have confirmed.
  FailedTaskAlertsTopic88E5AE25: 'AWS::SNS::Topic',
  AlarmsTopic3A2DFEBA: 'AWS::SNS::Topic',
  // Failed tasks on their way to a mail, and what waits for a person.
  FailedTaskAlertsQueue43EA54C5: 'AWS::SQS::Queue',
  FailedTaskAlertsUndelivered9AE63B59: 'AWS::SQS::Queue',
  PollerFailedRuns909BAC1A: 'AWS::SQS::Queue',
  PollerMissedTicksA1CEF172: 'AWS::SQS::Queue',
  // Others invoke the poller by its name, and their dashboards name both.
  PollerFunctionD1C91003: 'AWS::Lambda::Function',
  FailedTaskAlertsFormatterE8EB197F: 'AWS::Lambda::Function',
  // Others look up the shapes of the events by its name.
  EventSchemasRegistry99CC6CC6: 'AWS::EventSchemas::Registry',
};

/** What something that was there before takes the place of. */
const replacedIn = (context: Json) => [
  ...('existingTableName' in context ? ['SnapshotTable6A30849D'] : []),
  ...('existingEventBusName' in context ? ['TaskBus82DFEABF', 'TaskBusArchive8E71F310'] : []),
];

describe('an upgrade makes nothing anew that holds state', () => {
  test.each(variants)('with %j', context => {
    const { Resources } = template(context);
    const expected = Object.fromEntries(Object.entries(pinned).filter(([id]) => !replacedIn(context).includes(id)));
    const found = Object.fromEntries(Object.keys(expected).map(id => [id, Resources[id]?.Type]));
    expect(found).toEqual(expected);
  });

  test('every table, bus, archive, topic, queue and function of the default stack is among them', () => {
    const types = new Set(Object.values(pinned));
    const stateful = Object.entries(template().Resources).filter(([, { Type }]) => types.has(Type));
    expect(Object.fromEntries(stateful.map(([id, { Type }]) => [id, Type]))).toEqual(pinned);
  });

  test('the key is one, too: what it encrypted needs it', () => {
    expect(template({ customerManagedKey: true }).Resources.EncryptionKey1B843E66?.Type).toBe('AWS::KMS::Key');
  });

  test.each(variants)('with %j, the default stack keeps all its ids', context => {
    const missing = Object.keys(template().Resources).filter(id => !(id in template(context).Resources));
    expect(missing).toEqual(replacedIn(context));
  });

  // A new name or key schema would replace the resource under the same id.
  test.each(variants)('with %j, no property changes that CloudFormation can only change by a new resource', context => {
    const fixed: Record<string, readonly string[]> = {
      'AWS::DynamoDB::Table': ['TableName', 'KeySchema', 'GlobalSecondaryIndexes'],
      'AWS::Events::EventBus': ['Name'],
      'AWS::Events::Archive': ['ArchiveName', 'SourceArn'],
      'AWS::SNS::Topic': ['TopicName', 'FifoTopic'],
      'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
      'AWS::Lambda::Function': ['FunctionName', 'PackageType'],
      'AWS::EventSchemas::Registry': ['RegistryName'],
      'AWS::EventSchemas::Schema': ['RegistryName', 'SchemaName'],
      'AWS::Logs::LogGroup': ['LogGroupName'],
      'AWS::Scheduler::Schedule': ['Name'],
    };
    const fixedOf = (from: ReturnType<typeof template>) =>
      Object.fromEntries(
        Object.entries(from.Resources)
          .filter(([, { Type }]) => Type in fixed)
          .map(([id, { Type, Properties }]) => [id, fixed[Type]?.map(name => readable(Properties[name]))]),
      );
    const [before, after] = [fixedOf(template()), fixedOf(template(context))];
    for (const id of Object.keys(after).filter(id => id in before))
      expect({ [id]: after[id] }).toEqual({ [id]: before[id] });
  });
});
