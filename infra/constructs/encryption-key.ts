import { Annotations, ArnFormat, Aws, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Props of constructs that can use the stack's key. Default: keys of AWS, which need no grants. */
export interface Encrypted {
  readonly encryptionKey?: IKey | undefined;
}

/**
 * One key for all data that the stack stores. By default it is retained when the stack is deleted, because the data that
 * it encrypts (table, logs) is retained too.
 */
export function encryptionKey(scope: Construct, id: string, removalPolicy = RemovalPolicy.RETAIN): Key {
  return new Key(scope, id, {
    description:
      'All that the Partner Central task poller stores. $1 a month, $1 more after each of the first two yearly rotations, and $0.03 for 10,000 requests: about $0.10 a month at a poll a minute',
    enableKeyRotation: true,
    removalPolicy,
  });
}

/**
 * Allows the services that encrypt for themselves to use the key. Roles are allowed by `allowKeyUse`.
 *
 * The grants are explicit, here and there. CDK's own grants are wider than needed, and are missing for the dead-letter
 * queue of a rule (https://github.com/aws/aws-cdk/issues/33169).
 * The policy can't name queues and topics, because they refer to the key and CloudFormation refuses circular references.
 * Their own policies limit the senders; the encryption context limits the key to queues of this account.
 */
export function allowServicesToUseKey(scope: Construct, key: IKey): void {
  const stack = Stack.of(scope);
  // In the policy of a key in another stack, the pseudo parameter would be that stack's name.
  const deployedName = Stack.of(key) === stack ? Aws.STACK_NAME : stack.stackName;
  const allow = (service: string, actions: string[], conditions: PolicyStatement['conditions']) => {
    const principals = [new ServicePrincipal(service)];
    return key.addToResourcePolicy(new PolicyStatement({ principals, actions, resources: ['*'], conditions }));
  };

  // EventBridge sends to the queue of failed tasks and to dead-letter queues. The condition is the encryption context, which
  // every request of SQS has. `aws:SourceAccount` is known to fail for EventBridge's deliveries to encrypted topics:
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
  allow('events.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey'], {
    ArnLike: { 'kms:EncryptionContext:aws:sqs:arn': stack.formatArn({ service: 'sqs', resource: '*' }) },
  });
  // Alarms publish to an encrypted topic: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  const { statementAdded } = allow('cloudwatch.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey'], {
    StringEquals: { 'aws:SourceAccount': stack.account },
  });
  if (!statementAdded)
    Annotations.of(scope).addWarningV2(
      'partner-central-task-poller:encryptionKeyPolicy',
      `The policy of the encryptionKey can't be changed from this app. It must allow the services what docs/security.md lists under "With customerManagedKey"; otherwise logs, alarms and events are lost.`,
    );
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  // CloudFormation prefixes the names of log groups with the name of the stack that it deploys, which may differ from the app's.
  allow(
    `logs.${stack.region}.amazonaws.com`,
    ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    {
      ArnLike: {
        'kms:EncryptionContext:aws:logs:arn': stack.formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: `${deployedName}-*`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      },
    },
  );
}

/**
 * Allows EventBridge to encrypt what it stores: events on the bus, patterns and targets of rules, and the archive.
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
  // DescribeKey has no encryption context. It only reveals the key's metadata.
  key.addToResourcePolicy(new PolicyStatement({ principals, actions: ['kms:DescribeKey'], resources: ['*'] }));
}

type AwsService = 'dynamodb' | 'lambda' | 'sns' | 'sqs';

interface KeyUse {
  /** Services that decrypt for the role: DynamoDB (for writes as well), Lambda (the environment), SQS (received messages). */
  readonly reads?: readonly AwsService[];
  /** Services that encrypt what the role sends. They need to decrypt as well. */
  readonly sends?: readonly AwsService[];
}

/** Allows a role to use the key, if there is one, but only through these services (kms:ViaService). */
export function allowKeyUse(role: IRole, encrypted: Encrypted, use: KeyUse): void {
  for (const statement of keyUse(Stack.of(role), encrypted, use)) role.addToPrincipalPolicy(statement);
}

/** The statements of `allowKeyUse`, for inline policies. */
export function keyUse(stack: Stack, { encryptionKey }: Encrypted, { reads = [], sends = [] }: KeyUse) {
  if (!encryptionKey) return [];
  const allow = (action: string, services: readonly AwsService[]) => {
    const names = services.map(service => `${service}.${stack.region}.amazonaws.com`).sort();
    const conditions = { StringEquals: { 'kms:ViaService': names } };
    return new PolicyStatement({ actions: [action], resources: [encryptionKey.keyArn], conditions });
  };
  return [
    allow('kms:Decrypt', [...reads, ...sends]),
    ...(sends.length > 0 ? [allow('kms:GenerateDataKey', sends)] : []),
  ];
}
