import { Duration, Validations } from 'aws-cdk-lib';
import { type CfnQueue, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Encrypted } from './encryption-key';

/** A queue that is encrypted at rest and refuses plain-text transport. */
export function privateQueue(scope: Construct, id: string, props: QueueProps & Encrypted) {
  const { encryptionKey, ...rest } = props;
  const queue = new Queue(scope, id, { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, ...rest });
  if (encryptionKey) {
    // Past CDK's own property for it, with which every grant on the queue would become a wider one on the key, and the
    // queue's policy would name the account in place of the rule. Who may use the key is in encryption-key.ts.
    const resource = queue.node.defaultChild as CfnQueue;
    resource.sqsManagedSseEnabled = undefined;
    resource.kmsMasterKeyId = encryptionKey.keyArn;
  }
  return queue;
}

/**
 * A queue at the end of the line, where what could not be delivered waits for a person.
 * @param endOf whose undeliverable messages end here, as cdk-nag's report should say it
 */
export function lastQueue(
  scope: Construct,
  id: string,
  endOf: string,
  retention: Duration,
  { encryptionKey }: Encrypted = {},
) {
  const queue = privateQueue(scope, id, { retentionPeriod: retention, encryptionKey });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: `It is a dead-letter queue itself, of ${endOf}; cdk-nag only recognises those of queues and functions.`,
  });
  return queue;
}

/** SQS keeps a message no longer than this. */
export const longestRetention = Duration.days(14);
