import { Alias } from 'aws-cdk-lib/aws-kms';
import { Topic, type TopicProps } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Encrypted } from './encryption-key';

/**
 * A topic that is encrypted at rest and refuses plain-text transport.
 * Without a key of the stack's own it is under AWS's key for SNS: free, and its policy lets everybody in this account
 * publish who may publish to the topic. Services such as CloudWatch may not use that one: alarms need a topic without it.
 */
export function privateTopic(scope: Construct, id: string, props: TopicProps & Encrypted) {
  const { encryptionKey, ...rest } = props;
  const masterKey = encryptionKey ?? Alias.fromAliasName(scope, `${id}SnsKey`, 'alias/aws/sns');
  return new Topic(scope, id, { enforceSSL: true, masterKey, ...rest });
}
