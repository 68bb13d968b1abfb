import { Alias } from 'aws-cdk-lib/aws-kms';
import { Topic, type TopicProps } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Encrypted } from './encryption-key';

/**
 * A topic that is encrypted at rest and refuses plain-text transport.
 * Without the stack's key, it uses the AWS managed key for SNS. That key is free, and every principal of this account that
 * may publish to the topic may use it. Services such as CloudWatch may not, so the alarms need a topic without this key.
 */
export function privateTopic(scope: Construct, id: string, props: TopicProps & Encrypted) {
  const { encryptionKey, ...rest } = props;
  const masterKey = encryptionKey ?? Alias.fromAliasName(scope, `${id}SnsKey`, 'alias/aws/sns');
  return new Topic(scope, id, { enforceSSL: true, masterKey, ...rest });
}
