import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import type { Config } from '../config';

interface AlarmTopicProps {
  readonly config: Pick<Config, 'alarmEmail'>;
  /**
   * A key of our own, if the topic is to be encrypted at rest. Never the one that AWS manages for SNS: its policy shuts
   * CloudWatch out and can't be changed, and an alarm that may not publish says so nowhere but in its own history.
   */
  readonly encryptionKey?: Key | undefined;
}

/** Apart from the topic of the task alerts, so that a burst of failed tasks can't silence the pager. */
export function alarmTopic(scope: Construct, id: string, { config, encryptionKey }: AlarmTopicProps): Topic {
  const topic = new Topic(scope, id, {
    displayName: 'Partner Central poller alarms',
    enforceSSL: true,
    ...(encryptionKey && { masterKey: encryptionKey }),
  });
  if (config.alarmEmail) topic.addSubscription(new EmailSubscription(config.alarmEmail));

  // A topic with a policy of its own has lost the default one, which let this account's alarms publish.
  const stack = Stack.of(scope);
  const alarmsOfThisAccount = {
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    conditions: {
      StringEquals: { 'aws:SourceAccount': stack.account },
      ArnLike: { 'aws:SourceArn': `arn:${stack.partition}:cloudwatch:${stack.region}:${stack.account}:alarm:*` },
    },
  };
  topic.addToResourcePolicy(
    new PolicyStatement({
      ...alarmsOfThisAccount,
      sid: 'AlarmsOfThisAccount',
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
    }),
  );
  // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  encryptionKey?.addToResourcePolicy(
    new PolicyStatement({
      ...alarmsOfThisAccount,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'], // in a key's own policy: this key
    }),
  );
  return topic;
}
