import { Duration, Validations } from 'aws-cdk-lib';
import { type CfnQueue, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Encrypted } from './encryption-key';

/** A queue that is encrypted at rest and refuses plain-text transport. */
export function privateQueue(scope: Construct, id: string, props: QueueProps & Encrypted) {
  const { encryptionKey, ...rest } = props;
  const queue = new Queue(scope, id, { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, ...rest });
  if (encryptionKey) {
    // Not CDK's property for the key: with it, CDK would also grant each user of the queue wide rights on the key, and the
    // queue's policy would name the account instead of the rule. The grants on the key are in encryption-key.ts.
    const resource = queue.node.defaultChild as CfnQueue;
    resource.sqsManagedSseEnabled = undefined;
    resource.kmsMasterKeyId = encryptionKey.keyArn;
  }
  return queue;
}

/**
 * A dead-letter queue.
 * @param owner what sends to it, as a phrase for cdk-nag's report
 */
export function deadLetterQueue(
  scope: Construct,
  id: string,
  owner: string,
  retention: Duration,
  { encryptionKey }: Encrypted = {},
) {
  const queue = privateQueue(scope, id, { retentionPeriod: retention, encryptionKey });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: `It is a dead-letter queue itself, of ${owner}. cdk-nag recognises only those of queues and functions.`,
  });
  return queue;
}

/** Maximum of SQS. */
export const maxRetention = Duration.days(14);
