import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import type { Config } from '../config';
import { warnWithoutSubscribers } from './subscribers';

interface AlarmTopicProps {
  readonly config: Pick<Config, 'alarmEmail'>;
  /**
   * Customer managed key, to encrypt the topic at rest. Its policy must allow cloudwatch.amazonaws.com to use it. The AWS
   * managed key for SNS doesn't work: CloudWatch may not use it, and only the alarm's history shows the failure.
   * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
   */
  readonly encryptionKey?: IKey | undefined;
}

/** Topic of the alarms. Separate from the topic of the task alerts, so that a burst of failed tasks can't delay alarms. */
export function alarmTopic(scope: Construct, id: string, { config, encryptionKey }: AlarmTopicProps): Topic {
  const topic = new Topic(scope, id, {
    displayName: 'Partner Central poller alarms',
    enforceSSL: true,
    ...(encryptionKey && { masterKey: encryptionKey }),
  });
  if (config.alarmEmail) topic.addSubscription(new EmailSubscription(config.alarmEmail));
  warnWithoutSubscribers(
    topic,
    'nobodyGetsAlarms',
    'Nobody gets the alarms, so nobody hears when the poller fails. Set alarmEmail, or subscribe to the topic.',
  );

  // An explicit policy replaces the default one, which allowed this account's alarms to publish.
  const stack = Stack.of(scope);
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'AlarmsOfThisAccount',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': stack.account },
        ArnLike: { 'aws:SourceArn': `arn:${stack.partition}:cloudwatch:${stack.region}:${stack.account}:alarm:*` },
      },
    }),
  );
  return topic;
}
