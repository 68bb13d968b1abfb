import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

export const privateQueue = (scope: Construct, id: string, props: QueueProps = {}) =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14), // the maximum, so that an operator has time to react
    ...props,
  });

/** A queue of failed items for an operator. */
export function deadLetters(scope: Construct, id: string, of: string) {
  const queue = privateQueue(scope, id);
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: `It is a dead-letter queue itself, of ${of}.` });
  return queue;
}
