/** The stack's own key: what is under it, who may use it and for what, and that a stack without it has none. */
import { NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { PartnerCentralTaskPoller } from '../../infra/index';
import { all, circlesIn, newApp, properties, type Resource, statements, template, variants } from './read-template';

const encrypted = template({ customerManagedKey: true });
const key = '{EncryptionKey.Arn}';

/** Everything that a service stores for us, and where its key is named. */
const keyOf: Record<string, (properties: Resource['Properties']) => unknown> = {
  'AWS::DynamoDB::Table': ({ SSESpecification }) => SSESpecification,
  'AWS::SQS::Queue': ({ KmsMasterKeyId, SqsManagedSseEnabled }) => KmsMasterKeyId ?? { SqsManagedSseEnabled },
  'AWS::SNS::Topic': ({ KmsMasterKeyId }) => KmsMasterKeyId,
  'AWS::Events::EventBus': ({ KmsKeyIdentifier }) => KmsKeyIdentifier,
  'AWS::Events::Archive': ({ KmsKeyIdentifier }) => KmsKeyIdentifier || undefined, // empty text takes a key away again
  'AWS::Logs::LogGroup': ({ KmsKeyId }) => KmsKeyId,
  'AWS::Lambda::Function': ({ KmsKeyArn }) => KmsKeyArn,
};
const keysIn = (from: typeof encrypted) =>
  Object.fromEntries(
    Object.entries(keyOf).flatMap(([type, keyOf]) =>
      Object.entries(all(type, from)).map(([id, { Properties }]) => [id, keyOf(Properties)]),
    ),
  );

test('it rotates, outlives the stack, and says what it costs', () => {
  expect(Object.values(all('AWS::KMS::Key', encrypted))).toMatchObject([
    {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        EnableKeyRotation: true,
        Description: expect.stringMatching(/\$1 a month.*\$0\.03 for 10,000 req/),
      },
    },
  ]);
});

test('it encrypts all that is stored, but for the queue that has to work when the key does not', () => {
  const { SnapshotTable, TaskBusKeyFailures, ...others } = keysIn(encrypted);
  expect(SnapshotTable).toEqual({ SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: key });
  expect(TaskBusKeyFailures).toEqual({ SqsManagedSseEnabled: true });
  expect(Object.keys(others).length).toBeGreaterThanOrEqual(11);
  expect(Object.entries(others).filter(([, its]) => its !== key)).toEqual([]);
});

test('the archive can be off', () => {
  expect(all('AWS::Events::Archive', template({ customerManagedKey: true, archiveDays: 0 }))).toEqual({});
});

test('without the switch there is no key, and all is under keys of AWS', () => {
  expect(all('AWS::KMS::Key')).toEqual({});
  const actions = statements(template()).flatMap(({ actions }) => actions);
  expect(actions.filter(action => action.startsWith('kms:'))).toEqual([]);
  const { FailedTaskAlertsTopic, ...others } = keysIn(template());
  expect(FailedTaskAlertsTopic).toMatch(/:alias\/aws\/sns$/);
  for (const its of Object.values(others)) expect([undefined, { SqsManagedSseEnabled: true }]).toContainEqual(its);
});

test('an event that the bus can neither encrypt nor decrypt waits in that queue', () => {
  expect(properties('AWS::Events::EventBus', 'TaskBus', encrypted)).toMatchObject({
    DeadLetterConfig: { Arn: '{TaskBusKeyFailures.Arn}' },
  });
  expect(properties('AWS::SQS::Queue', 'TaskBusKeyFailures', encrypted)?.MessageRetentionPeriod).toBe(
    14 * 24 * 60 * 60,
  );
  expect(properties('AWS::Events::EventBus', 'TaskBus')).not.toHaveProperty('DeadLetterConfig');
});

test('a bus under a key can have no schema discovery, and this one has none', () => {
  expect(all('AWS::EventSchemas::Discoverer', encrypted)).toEqual({});
});

const via = (...services: string[]) =>
  JSON.stringify({
    StringEquals: { 'kms:ViaService': services.map(service => `${service}.{AWS::Region}.amazonaws.com`) },
  });
const arn = (service: string, resource: string) =>
  `arn:{AWS::Partition}:${service}:{AWS::Region}:{AWS::AccountId}:${resource}`;

test('who may use it, by what way, and nobody else', () => {
  const uses = statements(encrypted).flatMap(({ who, actions, on, condition, effect }) => {
    const some = actions.filter(action => action.startsWith('kms:'));
    return some.length > 0
      ? [`${effect} ${who}: ${some.join(', ')} on ${on} if ${JSON.stringify(condition ?? {})}`]
      : [];
  });
  expect(uses.toSorted()).toEqual(
    [
      // Who administers keys in this account, by IAM.
      'Allow arn:{AWS::Partition}:iam::{AWS::AccountId}:root: kms:* on {EncryptionKey} if {}',
      // The bus, its rules and its archive.
      `Allow events.amazonaws.com: kms:Decrypt, kms:GenerateDataKey, kms:ReEncrypt* on {EncryptionKey} if {"StringEquals":{"kms:EncryptionContext:aws:events:event-bus:arn":"${arn('events', 'event-bus/PartnerCentralTaskPollerTaskBus81FEB46D')}"}}`,
      'Allow events.amazonaws.com: kms:DescribeKey on {EncryptionKey} if {}',
      // The rule's queue and its dead-letter queue.
      `Allow events.amazonaws.com: kms:Decrypt, kms:GenerateDataKey on {EncryptionKey} if {"ArnLike":{"kms:EncryptionContext:aws:sqs:arn":"${arn('sqs', '*')}"}}`,
      // Alarms.
      'Allow cloudwatch.amazonaws.com: kms:Decrypt, kms:GenerateDataKey on {EncryptionKey} if {"StringEquals":{"aws:SourceAccount":"{AWS::AccountId}"}}',
      // Logs.
      `Allow logs.{AWS::Region}.amazonaws.com: kms:Decrypt, kms:DescribeKey, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on {EncryptionKey} if {"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"${arn('logs', 'log-group:{AWS::StackName}-*')}"}}`,
      // Its environment; the table, and the queue for failed runs.
      `Allow PollerFunctionRole: kms:Decrypt on ${key} if ${via('lambda')}`,
      `Allow PollerFunctionRole: kms:Decrypt on ${key} if ${via('dynamodb', 'sqs')}`,
      `Allow PollerFunctionRole: kms:GenerateDataKey on ${key} if ${via('sqs')}`,
      // The queue for missed ticks.
      `Allow PollerSchedulerRole: kms:Decrypt, kms:GenerateDataKey on ${key} if ${via('sqs')}`,
      // Its environment; the queue it receives from, and the topic.
      `Allow FailedTaskAlertsFormatterRole: kms:Decrypt on ${key} if ${via('lambda')}`,
      `Allow FailedTaskAlertsFormatterRole: kms:Decrypt on ${key} if ${via('sns', 'sqs')}`,
      `Allow FailedTaskAlertsFormatterRole: kms:GenerateDataKey on ${key} if ${via('sns')}`,
    ].toSorted(),
  );
});

test("the bus's name in the key's policy is the bus's name", () => {
  for (const stackName of ['PartnerCentralTaskPoller', 'Another']) {
    const other = template({ customerManagedKey: true, stackName });
    const name = properties('AWS::Events::EventBus', 'TaskBus', other)?.Name;
    expect(JSON.stringify(properties('AWS::KMS::Key', 'EncryptionKey', other))).toContain(`:event-bus/${name}"`);
  }
});

// CloudFormation names log groups after the stack that it deploys, which may have another name than the one in the app.
test('the log groups are those of the stack as it is deployed, whatever its name', () => {
  const keyOf = (stackName: string) =>
    JSON.stringify(properties('AWS::KMS::Key', 'EncryptionKey', template({ customerManagedKey: true, stackName })));
  expect(keyOf('Another')).toContain('log-group:{AWS::StackName}-*');
  const nested = new NestedStack(new Stack(newApp(), 'Outer'), 'Inner');
  new PartnerCentralTaskPoller(nested, 'TaskPoller', { catalog: 'AWS', customerManagedKey: true });
  const inNested = Template.fromStack(nested).toJSON() as typeof encrypted;
  expect(JSON.stringify(properties('AWS::KMS::Key', 'TaskPollerEncryptionKey', inNested))).toContain(
    'log-group:{AWS::StackName}-*',
  );
});

test('each queue is sent to by the same rule as without the key, and not by all of the account', () => {
  const senders = (from: typeof encrypted) =>
    statements(from).filter(({ who, on }) => who === 'events.amazonaws.com' && /Queue|Undelivered/.test(String(on)));
  expect(senders(template())).toHaveLength(2);
  expect(senders(encrypted)).toEqual(senders(template()));
});

test.each(variants)('with %j, no resource depends on itself: CloudFormation would refuse the stack', context => {
  expect(circlesIn(template(context))).toEqual([]);
});
