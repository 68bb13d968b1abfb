import { Alias } from 'aws-cdk-lib/aws-kms';
import { Topic, type TopicProps } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/**
 * A topic that is encrypted at rest and refuses plain-text transport.
 * The key is AWS's own for SNS: free, and its policy lets everybody in this account publish who may publish to the topic.
 * Services such as CloudWatch may not use it.
 */
export function privateTopic(scope: Construct, id: string, props: TopicProps = {}) {
  const masterKey = Alias.fromAliasName(scope, `${id}Key`, 'alias/aws/sns');
  return new Topic(scope, id, { enforceSSL: true, masterKey, ...props });
}
