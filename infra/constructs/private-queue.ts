import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** A queue that is encrypted at rest and refuses plain-text transport. */
export function privateQueue(scope: Construct, id: string, props: QueueProps) {
  return new Queue(scope, id, { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, ...props });
}

/**
 * A queue at the end of the line, where what could not be delivered waits for a person.
 * @param endOf whose undeliverable messages end here, as cdk-nag's report should say it
 */
export function lastQueue(scope: Construct, id: string, endOf: string, retention: Duration) {
  const queue = privateQueue(scope, id, { retentionPeriod: retention });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: `It is a dead-letter queue itself, of ${endOf}; cdk-nag only recognises those of queues and functions.`,
  });
  return queue;
}

/** SQS keeps a message no longer than this. */
export const longestRetention = Duration.days(14);
