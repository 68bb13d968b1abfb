import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** What may be encrypted under the stack's own key; without one, it is under a key of AWS, which needs no grants. */
export interface Encrypted {
  readonly encryptionKey?: IKey | undefined;
}

/**
 * One key for all that the stack stores. It outlives the stack, because what it encrypted (the table, logs) does so too.
 *
 * Who may use it is written out here and in `allowKeyUse`, rather than left to CDK, which grants more than a service asks
 * for and nothing at all for the dead-letter queue of a rule (https://github.com/aws/aws-cdk/issues/33169).
 * The policy can't name queues and topics: they refer to the key, and CloudFormation allows no circle. Their own policies
 * say who may send; the encryption context keeps the key for those of this account.
 */
export function encryptionKey(scope: Construct, id: string): Key {
  const key = new Key(scope, id, {
    description:
      'All that the Partner Central task poller stores. $1 a month, $1 more after each of the first two yearly rotations, and $0.03 for 10,000 requests: about $0.10 a month at a poll a minute',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const stack = Stack.of(scope);
  const allow = (service: string, actions: string[], conditions: PolicyStatement['conditions']) =>
    key.addToResourcePolicy(
      new PolicyStatement({ principals: [new ServicePrincipal(service)], actions, resources: ['*'], conditions }),
    );

  // EventBridge, into the queue of failed tasks and the one for what can't be delivered. Every request of SQS names its
  // queue, while `aws:SourceAccount` is known to fail for EventBridge's deliveries to encrypted topics:
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
  allow('events.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey'], {
    ArnLike: { 'kms:EncryptionContext:aws:sqs:arn': stack.formatArn({ service: 'sqs', resource: '*' }) },
  });
  // Alarms, into an encrypted topic: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  allow('cloudwatch.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey'], {
    StringEquals: { 'aws:SourceAccount': stack.account },
  });
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  // CloudFormation begins the names of log groups with that of the stack.
  allow(
    `logs.${stack.region}.amazonaws.com`,
    ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    {
      ArnLike: {
        'kms:EncryptionContext:aws:logs:arn': stack.formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: `${stack.stackName}-*`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      },
    },
  );
  return key;
}

/**
 * EventBridge itself, for what it stores: the bus, the patterns and targets of its rules, and the archive.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
 */
export function allowBusToUseKey(key: IKey, busArn: string): void {
  const principals = [new ServicePrincipal('events.amazonaws.com')];
  key.addToResourcePolicy(
    new PolicyStatement({
      principals,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:ReEncrypt*'],
      resources: ['*'],
      conditions: { StringEquals: { 'kms:EncryptionContext:aws:events:event-bus:arn': busArn } },
    }),
  );
  // It has no encryption context, and tells nothing but that the key is there and symmetric.
  key.addToResourcePolicy(new PolicyStatement({ principals, actions: ['kms:DescribeKey'], resources: ['*'] }));
}

type Through = 'dynamodb' | 'lambda' | 'sns' | 'sqs';

interface KeyUse {
  /** Services that decrypt for the role: the table's (writing asks for no more), Lambda its environment, SQS what it receives. */
  readonly reads?: readonly Through[];
  /** Services that encrypt for it what it sends; they ask for the right to decrypt as well. */
  readonly sends?: readonly Through[];
}

/** Lets a role use the key, if there is one, but only by way of services that it already may use. */
export function allowKeyUse(role: IRole, encrypted: Encrypted, use: KeyUse): void {
  for (const statement of keyUse(Stack.of(role), encrypted, use)) role.addToPrincipalPolicy(statement);
}

/** The same as statements, for a policy that is written in one piece. */
export function keyUse(stack: Stack, { encryptionKey }: Encrypted, { reads = [], sends = [] }: KeyUse) {
  if (!encryptionKey) return [];
  const through = (action: string, services: readonly Through[]) => {
    const names = services.map(service => `${service}.${stack.region}.amazonaws.com`).sort();
    const conditions = { StringEquals: { 'kms:ViaService': names } };
    return new PolicyStatement({ actions: [action], resources: [encryptionKey.keyArn], conditions });
  };
  return [
    through('kms:Decrypt', [...reads, ...sends]),
    ...(sends.length > 0 ? [through('kms:GenerateDataKey', sends)] : []),
  ];
}
