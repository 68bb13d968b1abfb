import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

export const privateQueue = (scope: Construct, id: string, props: QueueProps = {}) =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14), // the longest there is: somebody has to notice first
    ...props,
  });

/** Where what could not be dealt with waits for a person. */
export function deadLetters(scope: Construct, id: string, of: string) {
  const queue = privateQueue(scope, id);
  Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: `It is a dead-letter queue itself, of ${of}.` });
  return queue;
}
