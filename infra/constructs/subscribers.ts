import { Annotations } from 'aws-cdk-lib';
import { CfnSubscription, type CfnTopic, type Topic } from 'aws-cdk-lib/aws-sns';
import { resourcesReferencedIn } from './receivers';

/**
 * Warns at synthesis if nobody in the app is subscribed to the topic. Until then, subscriptions may be added, also in other
 * stacks. The warning can be acknowledged, because somebody may subscribe outside of the app.
 */
export function warnWithoutSubscribers(topic: Topic, warningId: string, message: string): void {
  topic.node.addValidation({
    validate() {
      const isOfTopic = (subscription: CfnSubscription) =>
        resourcesReferencedIn(subscription.topicArn, subscription).includes(topic.node.defaultChild as CfnTopic);
      const subscriptions = topic.node.root.node.findAll().filter(one => one instanceof CfnSubscription);
      if (!subscriptions.some(isOfTopic))
        Annotations.of(topic).addWarningV2(`partner-central-task-poller:${warningId}`, message);
      return [];
    },
  });
}
