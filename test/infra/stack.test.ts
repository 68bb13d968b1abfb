import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsSolutionsChecks } from 'cdk-nag';
import { synthesize } from '../../infra/synthesize';

type Json = Record<string, unknown>;
interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
interface TemplateJson {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { Value: unknown }>;
}

const folder = mkdtempSync(join(tmpdir(), 'stack-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const outdir = () => mkdtempSync(join(folder, 'assembly-'));

const synthesized = new Map<string, TemplateJson>();
function template(context: Json = {}): TemplateJson {
  const key = JSON.stringify(context);
  const known = synthesized.get(key) ?? synthesize({ bundle: false, outdir: outdir(), context }).stacks[0]?.template;
  synthesized.set(key, known);
  return known;
}

/** Logical ids without CDK's hash, and references as `Id`, `Id.Attribute` or text with those inside. */
function readable(value: unknown): unknown {
  const name = (logicalId: string) => logicalId.replace(/[0-9A-F]{8}$/, '');
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const json = value as Json;
  if (typeof json.Ref === 'string') return `{${name(json.Ref)}}`;
  const get = json['Fn::GetAtt'] as [string, string] | undefined;
  if (get) return `{${name(get[0])}.${get[1]}}`;
  const join = json['Fn::Join'] as [string, unknown[]] | undefined;
  if (join) return join[1].map(readable).join(join[0]);
  return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, readable(inner)]));
}

/** Resources of a type by their readable id. */
function all(type: string, from = template()) {
  return Object.fromEntries(
    Object.entries(from.Resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => [
        id.replace(/[0-9A-F]{8}$/, ''),
        { ...resource, Properties: readable(resource.Properties) as Json },
      ]),
  );
}
const properties = (type: string, id: string, from = template()) => all(type, from)[id]?.Properties;

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
  readonly Effect: string;
}
/** Everything that a role may do, as `action, … on resource`. */
function permissions(role: string, from = template()) {
  const inline = (properties('AWS::IAM::Role', role, from)?.Policies ?? []) as Json[];
  const attached = Object.values(all('AWS::IAM::Policy', from))
    .map(policy => policy.Properties)
    .filter(policy => (policy.Roles as string[]).includes(`{${role}}`));
  return [...inline, ...attached]
    .flatMap(policy => (policy.PolicyDocument as { Statement: Statement[] }).Statement)
    .map(({ Effect, Action, Resource, Condition }) => {
      expect(Effect).toBe('Allow');
      return `${[Action].flat().join(', ')} on ${Resource}${Condition ? ` if ${JSON.stringify(Condition)}` : ''}`;
    })
    .sort();
}

describe('what each role may do, and nothing else', () => {
  test('the poller', () => {
    expect(permissions('PollerFunctionRole')).toEqual([
      'dynamodb:BatchGetItem, dynamodb:BatchWriteItem, dynamodb:UpdateItem on {SnapshotTable.Arn}',
      'dynamodb:Query on {SnapshotTable.Arn}/index/unsettled',
      'events:PutEvents on {TaskBus.Arn}',
      'logs:CreateLogStream, logs:PutLogEvents on {PollerFunctionLogs.Arn}',
      'partnercentral:ListEngagementFromOpportunityTasks, partnercentral:ListOpportunityFromEngagementTasks on * if {"StringEquals":{"partnercentral:Catalog":"Sandbox"}}',
      'sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on {PollerFailedRuns.Arn}',
    ]);
  });

  test('the formatter', () => {
    expect(permissions('FailedTaskAlertsFormatterRole')).toEqual([
      'logs:CreateLogStream, logs:PutLogEvents on {FailedTaskAlertsFormatterLogs.Arn}',
      'sns:Publish on {FailedTaskAlertsTopic}',
      'sqs:ChangeMessageVisibility, sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:ReceiveMessage on {FailedTaskAlertsQueue.Arn}',
    ]);
  });

  test('the scheduler, and only that of this account', () => {
    expect(permissions('PollerSchedulerRole')).toEqual([
      'lambda:InvokeFunction on {PollerFunction.Arn}',
      'sqs:SendMessage on {PollerMissedTicks.Arn}',
    ]);
    expect(properties('AWS::IAM::Role', 'PollerSchedulerRole')).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: {
              StringEquals: {
                'aws:SourceAccount': '{AWS::AccountId}',
                'aws:SourceArn': 'arn:{AWS::Partition}:scheduler:{AWS::Region}:{AWS::AccountId}:schedule-group/default',
              },
            },
          },
        ],
      },
    });
  });

  test('there are no other roles, and no managed policies', () => {
    const roles = all('AWS::IAM::Role');
    expect(Object.keys(roles)).toEqual(['PollerFunctionRole', 'PollerSchedulerRole', 'FailedTaskAlertsFormatterRole']);
    for (const role of Object.values(roles)) expect(role.Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  test('the condition follows the catalog', () => {
    expect(permissions('PollerFunctionRole', template({ catalog: 'AWS' })).join()).toContain(
      '"partnercentral:Catalog":"AWS"',
    );
  });
});

test('the table keeps what it has: recovery, protection, expiry of settled rows', () => {
  const table = all('AWS::DynamoDB::Table').SnapshotTable;
  expect(table).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      KeySchema: [
        { AttributeName: 'source', KeyType: 'HASH' },
        { AttributeName: 'item', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'unsettled',
          KeySchema: [
            { AttributeName: 'unsettledSource', KeyType: 'HASH' },
            { AttributeName: 'nextCheckAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: expect.arrayContaining(['status', 'startTime']) },
        },
      ],
    },
  });
  // Absent means the key that AWS owns: encrypted like every table, without a key to pay or to grant.
  expect(table?.Properties).not.toHaveProperty('SSESpecification');
});

describe('the archive', () => {
  test('keeps our events only', () => {
    expect(
      properties('AWS::Events::Archive', 'TaskBusArchive', template({ archiveDays: 7, eventSource: 'my.tasks' })),
    ).toMatchObject({
      SourceArn: '{TaskBus.Arn}',
      RetentionDays: 7,
      EventPattern: { source: ['my.tasks'] },
    });
  });
  test('can be off', () => expect(all('AWS::Events::Archive', template({ archiveDays: 0 }))).toEqual({}));
});

describe('the functions', () => {
  test('run on Node 24, arm64, with what they need to know', () => {
    expect(properties('AWS::Lambda::Function', 'PollerFunction')).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: 55,
      MemorySize: 256,
      Handler: 'index.handler',
      LoggingConfig: { LogGroup: '{PollerFunctionLogs}' },
    });
    expect(properties('AWS::Lambda::Function', 'PollerFunction')?.Environment).toEqual({
      Variables: {
        TABLE_NAME: '{SnapshotTable}',
        EVENT_BUS_NAME: '{TaskBus}',
        POLLER_SETTINGS: expect.stringMatching(/^\{"catalog":"Sandbox",.*\}$/),
        POWERTOOLS_SERVICE_NAME: 'PartnerCentralTaskPoller',
        POWERTOOLS_METRICS_NAMESPACE: 'PartnerCentralTaskPoller',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
    expect(properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter')).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogGroup: '{FailedTaskAlertsFormatterLogs}' },
    });
    expect(properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter')?.Environment).toEqual({
      Variables: {
        TOPIC_ARN: '{FailedTaskAlertsTopic}',
        POWERTOOLS_SERVICE_NAME: 'PartnerCentralTaskPoller',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
  });

  test('log for as long as configured', () => {
    const groups = all('AWS::Logs::LogGroup', template({ logRetentionDays: 7 }));
    expect(Object.keys(groups)).toEqual(['PollerFunctionLogs', 'FailedTaskAlertsFormatterLogs']);
    for (const group of Object.values(groups)) expect(group.Properties.RetentionInDays).toBe(7);
  });

  test('are traced only when asked', () => {
    for (const { Properties } of Object.values(all('AWS::Lambda::Function')))
      expect(Properties).not.toHaveProperty('TracingConfig');
    const traced = template({ tracing: true });
    for (const { Properties } of Object.values(all('AWS::Lambda::Function', traced)))
      expect(Properties.TracingConfig).toEqual({ Mode: 'Active' });
    expect(permissions('PollerFunctionRole', traced)).toContain('xray:PutTelemetryRecords, xray:PutTraceSegments on *');
  });
});

describe('the schedules', () => {
  const slow = { pollEveryMinutes: 720, auditEveryHours: 168, functionTimeoutSeconds: 300 };
  test.each<[id: string, context: Json, rate: string, mode: string, ageSeconds: number]>([
    ['PollerPollSchedule', {}, 'rate(1 minute)', 'poll', 60],
    ['PollerAuditSchedule', {}, 'rate(1 day)', 'audit', 3600],
    ['PollerPollSchedule', slow, 'rate(12 hours)', 'poll', 3600],
    ['PollerAuditSchedule', slow, 'rate(7 days)', 'audit', 3600],
  ])('%s with %j: %s', (id, context, rate, mode, ageSeconds) => {
    expect(properties('AWS::Scheduler::Schedule', id, template(context))).toMatchObject({
      ScheduleExpression: rate,
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: {
        Arn: '{PollerFunction.Arn}',
        Input: JSON.stringify({ mode }),
        RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: ageSeconds },
        DeadLetterConfig: { Arn: '{PollerMissedTicks.Arn}' },
      },
    });
  });

  test.each([
    [{}, 60],
    [slow, 21_600],
  ])(
    'a tick with %j waits for the function no longer than a period, and a failed run is not repeated',
    (context, ageSeconds) => {
      expect(Object.values(all('AWS::Lambda::EventInvokeConfig', template(context)))).toMatchObject([
        {
          Properties: {
            FunctionName: '{PollerFunction}',
            MaximumRetryAttempts: 0,
            MaximumEventAgeInSeconds: ageSeconds,
            DestinationConfig: { OnFailure: { Destination: '{PollerFailedRuns.Arn}' } },
          },
        },
      ]);
    },
  );
});

describe('alerts on failed tasks', () => {
  test('go from the rule to the queue; a replay is not alerted again', () => {
    expect(
      properties('AWS::Events::Rule', 'FailedTaskAlertsFailedTasks', template({ eventSource: 'my.tasks' })),
    ).toEqual({
      Description: expect.any(String),
      EventBusName: '{TaskBus}',
      State: 'ENABLED',
      EventPattern: {
        source: ['my.tasks'],
        'detail-type': ['TaskFailed'],
        detail: { replayId: [{ exists: false }] },
        'replay-name': [{ exists: false }],
      },
      Targets: [
        {
          Id: 'Target0',
          Arn: '{FailedTaskAlertsQueue.Arn}',
          DeadLetterConfig: { Arn: '{FailedTaskAlertsUndelivered.Arn}' },
        },
      ],
    });
  });

  test('are gathered for a minute, and retried long enough for the formatter to finish', () => {
    const [mapping] = Object.values(all('AWS::Lambda::EventSourceMapping'));
    expect(mapping?.Properties).toEqual({
      EventSourceArn: '{FailedTaskAlertsQueue.Arn}',
      FunctionName: '{FailedTaskAlertsFormatter}',
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 60,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
    const timeout = properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter')?.Timeout as number;
    expect(properties('AWS::SQS::Queue', 'FailedTaskAlertsQueue')?.VisibilityTimeout).toBeGreaterThanOrEqual(
      6 * timeout + 60,
    );
  });

  test('go to the address, if there is one', () => {
    expect(all('AWS::SNS::Subscription')).toEqual({});
    expect(Object.values(all('AWS::SNS::Subscription', template({ alertEmail: 'a@example.com' })))).toMatchObject([
      { Properties: { Protocol: 'email', Endpoint: 'a@example.com', TopicArn: '{FailedTaskAlertsTopic}' } },
    ]);
  });

  test('are encrypted at rest, on a topic that refuses plain-text transport', () => {
    expect(properties('AWS::SNS::Topic', 'FailedTaskAlertsTopic')?.KmsMasterKeyId).toMatch(/:alias\/aws\/sns$/);
    const policies = Object.values(all('AWS::SNS::TopicPolicy'));
    expect(policies.filter(({ Properties }) => String(Properties.Topics) === '{FailedTaskAlertsTopic}')).toMatchObject([
      {
        Properties: {
          Topics: ['{FailedTaskAlertsTopic}'],
          PolicyDocument: {
            Statement: [
              {
                Effect: 'Deny',
                Principal: '*',
                Action: 'sns:Publish',
                Condition: { Bool: { 'aws:SecureTransport': 'false' } },
              },
            ],
          },
        },
      },
    ]);
  });
});

describe('the queues', () => {
  const fourteenDays = 14 * 24 * 60 * 60;
  test.each<[id: string, retentionSeconds: number, deadLetters: unknown]>([
    ['PollerFailedRuns', fourteenDays, undefined],
    ['PollerMissedTicks', 60 * 60, undefined],
    ['FailedTaskAlertsUndelivered', fourteenDays, undefined],
    [
      'FailedTaskAlertsQueue',
      4 * 24 * 60 * 60,
      { deadLetterTargetArn: '{FailedTaskAlertsUndelivered.Arn}', maxReceiveCount: 5 },
    ],
  ])('%s', (id, retentionSeconds, deadLetters) => {
    const queue = properties('AWS::SQS::Queue', id);
    expect(queue?.MessageRetentionPeriod).toBe(retentionSeconds);
    expect(queue?.RedrivePolicy).toEqual(deadLetters);
    expect(queue?.SqsManagedSseEnabled).toBe(true);
    const policy = Object.values(all('AWS::SQS::QueuePolicy')).find(({ Properties }) =>
      (Properties.Queues as string[]).includes(`{${id}}`),
    );
    expect(policy?.Properties.PolicyDocument).toMatchObject({
      Statement: expect.arrayContaining([
        {
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 'sqs:*',
          Resource: `{${id}.Arn}`,
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ]),
    });
  });

  test('are these four', () => expect(Object.keys(all('AWS::SQS::Queue'))).toHaveLength(4));
});

test('several stacks fit in one account: nothing has a physical name, and the buses differ', () => {
  const names = [
    'TableName',
    'FunctionName',
    'QueueName',
    'TopicName',
    'RoleName',
    'LogGroupName',
    'ArchiveName',
    'AlarmName',
    'DashboardName',
    'Name',
  ];
  const named = Object.values(template().Resources).filter(
    ({ Type, Properties }) =>
      // These refer to a function by that property.
      !['AWS::Lambda::EventInvokeConfig', 'AWS::Lambda::EventSourceMapping'].includes(Type) &&
      // A saved query has to have a name; it begins with the stack's.
      Type !== 'AWS::Logs::QueryDefinition' &&
      names.some(name => name in Properties),
  );
  // A bus has to have a name; CDK makes it from the stack's.
  expect(named.map(({ Type }) => Type)).toEqual(['AWS::Events::EventBus']);
  const busOf = (from: TemplateJson) => properties('AWS::Events::EventBus', 'TaskBus', from)?.Name;
  expect(busOf(template({ stackName: 'Another' }))).not.toBe(busOf(template()));
});

test('the outputs', () => {
  expect(
    Object.fromEntries(Object.entries(template().Outputs).map(([key, { Value }]) => [key, readable(Value)])),
  ).toEqual({
    EventBusName: '{TaskBus}',
    EventBusArn: '{TaskBus.Arn}',
    SnapshotTableName: '{SnapshotTable}',
    TaskAlertsTopicArn: '{FailedTaskAlertsTopic}',
    PollerFunctionName: '{PollerFunction}',
    PollerLogGroupName: '{PollerFunctionLogs}',
    FailedRunsQueueUrl: '{PollerFailedRuns}',
    UndeliveredAlertsQueueUrl: '{FailedTaskAlertsUndelivered}',
    AlarmTopicArn: '{AlarmsTopic}',
  });
});

test('the whole template', () => {
  const withoutHashes = JSON.stringify(template()).replace(/[0-9a-f]{64}\.zip/g, 'code.zip');
  expect(JSON.parse(withoutHashes)).toMatchSnapshot();
});

describe('cdk-nag', () => {
  test('checks every synthesis and finds nothing unexplained', () => {
    const check = jest.spyOn(AwsSolutionsChecks.prototype, 'validate');
    synthesize({
      bundle: false,
      outdir: outdir(),
      context: { tracing: true, alertEmail: 'a@example.com', alarmEmail: 'a@example.com', dashboard: true },
    });
    expect(check.mock.results.map(({ value }) => value)).toEqual([{ success: true, violations: [] }]);
    check.mockRestore();
  });

  test('fails when a finding is not acknowledged', () => {
    jest.isolateModules(() => {
      jest.doMock('../../infra/constructs/task-bus', () => {
        const real = jest.requireActual('../../infra/constructs/task-bus');
        const { Queue } = require('aws-cdk-lib/aws-sqs');
        return {
          TaskBus: class extends real.TaskBus {
            constructor(...given: unknown[]) {
              super(...given);
              new Queue(this, 'PlainTextQueue');
            }
          },
        };
      });
      const { synthesize: synthesizeWithBadQueue } = require('../../infra/synthesize');
      expect(() => synthesizeWithBadQueue({ bundle: false, outdir: outdir() })).toThrow(
        /PlainTextQueue[\s\S]*AwsSolutions-SQS4/,
      );
    });
  });
});
