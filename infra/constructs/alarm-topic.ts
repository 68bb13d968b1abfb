import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import type { Config } from '../config';

interface AlarmTopicProps {
  readonly config: Pick<Config, 'alarmEmail'>;
  /**
   * A key of our own, if the topic is to be encrypted at rest; its policy has to let cloudwatch.amazonaws.com use it.
   * Never the key that AWS manages for SNS: that one shuts CloudWatch out, and an alarm that may not publish says so
   * nowhere but in its own history. https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
   */
  readonly encryptionKey?: IKey | undefined;
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
