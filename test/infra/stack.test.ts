import {
  all,
  type Json,
  permissions,
  properties,
  readable,
  type TemplateJson,
  template,
  variants,
} from './read-template';

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

  test('the formatter may publish to the topics that the routes name, and to no other', () => {
    const team = 'arn:aws:sns:eu-west-1:123456789012:security-team';
    const topicsFor = (context: Json) =>
      permissions('FailedTaskAlertsFormatterRole', template(context))
        .filter(permission => permission.includes('sns:'))
        .flatMap(permission => permission.replace(/^sns:Publish on /, '').split(','))
        .sort();
    expect(topicsFor({})).toEqual(['{FailedTaskAlertsTopic}']);
    expect(topicsFor({ chatAlerts: true })).toEqual(['{FailedTaskAlertsChatTopic}', '{FailedTaskAlertsTopic}']);
    expect(topicsFor({ alertRoutes: { access: team, quota: team, throttling: 'nowhere' } })).toEqual([
      team,
      '{FailedTaskAlertsTopic}',
    ]);
    expect(topicsFor({ alertRoutes: `*=${team}` })).toEqual([team]);
    // Whatever other topics the stack has, those of its alarms for example, are none of the formatter's.
    const everything = { chatAlerts: true, alertEmail: 'a@example.com' };
    const others = Object.keys(all('AWS::SNS::Topic', template(everything))).filter(
      id => !id.startsWith('FailedTaskAlerts'),
    );
    for (const id of others)
      expect(permissions('FailedTaskAlertsFormatterRole', template(everything)).join()).not.toContain(id);
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
          // Pinned, for an update can't change it: another projection needs another name, in two deployments.
          Projection: {
            ProjectionType: 'INCLUDE',
            NonKeyAttributes: ['status', 'startTime', 'fruitlessChecks', 'stalledAt', 'missing', 'lastError'],
          },
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
        ALERT_ROUTES: '{"*":"default"}',
        POLLER_LOG_GROUPS: 'Sandbox#OpportunityFromEngagement={PollerFunctionLogs}',
        POLLER_LOG_REGION: '{AWS::Region}',
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
  test('go from the rule to the queue; a replay is not alerted again unless it asks for that', () => {
    expect(
      properties('AWS::Events::Rule', 'FailedTaskAlertsFailedTasks', template({ eventSource: 'my.tasks' })),
    ).toEqual({
      Description: expect.any(String),
      EventBusName: '{TaskBus}',
      State: 'ENABLED',
      EventPattern: {
        source: ['my.tasks'],
        'detail-type': ['TaskFailed'],
        detail: { schemaVersion: ['1'], $or: [{ replayId: [{ exists: false }] }, { replayAlerts: [true] }] },
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
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 60,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      // No maximum concurrency: with one, Lambda polls an idle queue with five pollers, and not with two.
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

  test('go to each of several addresses, and an address keeps its subscription beside another', () => {
    const subscriptions = (alertEmail: unknown) =>
      Object.entries(all('AWS::SNS::Subscription', template({ alertEmail })));
    const [one] = subscriptions('a@example.com');
    const both = subscriptions(['b@example.com', 'a@example.com']);
    expect(both.map(([, { Properties }]) => Properties.Endpoint)).toEqual(['b@example.com', 'a@example.com']);
    expect(both).toContainEqual(one);
  });

  test('go to chats by a topic of their own, only when asked', () => {
    expect(Object.keys(all('AWS::SNS::Topic'))).not.toContain('FailedTaskAlertsChatTopic');
    expect(template().Outputs).not.toHaveProperty('ChatAlertsTopicArn');
    const withChats = template({ chatAlerts: true, alertEmail: 'a@example.com' });
    expect(properties('AWS::SNS::Topic', 'FailedTaskAlertsChatTopic', withChats)?.KmsMasterKeyId).toMatch(
      /:alias\/aws\/sns$/,
    );
    expect(readable(withChats.Outputs.ChatAlertsTopicArn?.Value)).toBe('{FailedTaskAlertsChatTopic}');
    const formatter = properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter', withChats);
    expect(formatter?.Environment).toMatchObject({ Variables: { CHAT_TOPIC_ARN: '{FailedTaskAlertsChatTopic}' } });
    // Nobody wants its JSON by mail.
    expect(Object.values(all('AWS::SNS::Subscription', withChats))).toMatchObject([
      { Properties: { Protocol: 'email', TopicArn: '{FailedTaskAlertsTopic}' } },
    ]);
    expect(
      Object.values(all('AWS::SNS::TopicPolicy', withChats)).flatMap(({ Properties }) => Properties.Topics),
    ).toContain('{FailedTaskAlertsChatTopic}');
  });

  test('follow the routes', () => {
    const routed = template({ alertRoutes: { throttling: 'nowhere' } });
    expect(properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter', routed)?.Environment).toMatchObject({
      Variables: { ALERT_ROUTES: '{"throttling":"nowhere","*":"default"}' },
    });
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

test.each(variants)('several stacks with %j fit in one account: nothing has a name, and the buses differ', context => {
  const names = [
    'TableName',
    'FunctionName',
    'QueueName',
    'TopicName',
    'RoleName',
    'LogGroupName',
    'ArchiveName',
    'AliasName',
    'AlarmName',
    'DashboardName',
    'Name',
  ];
  const named = Object.values(template(context).Resources).filter(
    ({ Type, Properties }) =>
      // These refer to a function by that property.
      !['AWS::Lambda::EventInvokeConfig', 'AWS::Lambda::EventSourceMapping', 'AWS::Lambda::Permission'].includes(
        Type,
      ) &&
      // A saved query has to have a name; it begins with the stack's.
      Type !== 'AWS::Logs::QueryDefinition' &&
      names.some(name => name in Properties),
  );
  // A bus has to have a name; CDK makes it from the stack's.
  expect(named.map(({ Type }) => Type)).toEqual('existingEventBusName' in context ? [] : ['AWS::Events::EventBus']);
  if ('existingEventBusName' in context) return;
  const busOf = (from: TemplateJson) => properties('AWS::Events::EventBus', 'TaskBus', from)?.Name;
  expect(busOf(template({ ...context, stackName: 'Another' }))).not.toBe(busOf(template(context)));
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
