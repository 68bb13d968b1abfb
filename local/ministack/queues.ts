/** Queues that receive the events and alert messages of the stack. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DEFAULT_EVENT_SOURCE, TASK_COMPLETED, TASK_FAILED } from '../../lambdas/event-names';
import type { MiniStack } from './ministack';

interface Queue {
  readonly url: string;
  readonly arn: string;
}

export function queuesOn({ clientOptions }: Pick<MiniStack, 'clientOptions'>) {
  const sqs = new SQSClient(clientOptions);
  const sns = new SNSClient(clientOptions);
  const eventBridge = new EventBridgeClient(clientOptions);

  /** A queue to which only one rule or one topic may send. */
  async function queueFor(name: string, service: 'events' | 'sns', sourceArn: string): Promise<Queue> {
    const statement = {
      Effect: 'Allow',
      Principal: { Service: `${service}.amazonaws.com` },
      Action: 'sqs:SendMessage',
      Resource: '*',
      Condition: { ArnEquals: { 'aws:SourceArn': sourceArn } },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { Policy } }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    return { url: QueueUrl as string, arn: Attributes?.QueueArn as string };
  }

  return {
    /** Behind a rule for finished tasks, made by hand like a consumer's: docs/events.md. */
    async behindRule(name: string, EventBusName: string, catalog: string): Promise<Queue> {
      const pattern = {
        source: [DEFAULT_EVENT_SOURCE],
        'detail-type': [TASK_COMPLETED, TASK_FAILED],
        detail: { schemaVersion: ['1'], catalog: [catalog] },
      };
      const rule = { EventBusName, Name: name, EventPattern: JSON.stringify(pattern) };
      const { RuleArn } = await eventBridge.send(new PutRuleCommand(rule));
      const queue = await queueFor(name, 'events', RuleArn as string);
      const Targets = [{ Id: 'queue', Arn: queue.arn }];
      await eventBridge.send(new PutTargetsCommand({ EventBusName, Rule: name, Targets }));
      return queue;
    },

    /** @param raw whether it receives the message alone instead of an envelope with the subject */
    async subscribedTo(TopicArn: string, name: string, raw = false): Promise<Queue> {
      const queue = await queueFor(name, 'sns', TopicArn);
      const Attributes = { RawMessageDelivery: String(raw) };
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queue.arn, Attributes }));
      return queue;
    },
  };
}
