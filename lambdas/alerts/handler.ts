/**
 * Turns a batch of failed tasks from the queue into one mail. What can't be read goes back to the queue alone, and from
 * there to the dead-letter queue; when SNS refuses the mail, the whole batch goes back. A retry can repeat a mail, never
 * lose one.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { TaskEvent } from '../task-event';
import { environment } from './environment';
import { formatMail, parseFailedTask } from './format';

const logger = new Logger();
const sns = new SNSClient({});

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const topicArn = process.env[environment.topicArn];
  if (!topicArn) throw new Error(`${environment.topicArn} is not set: deploy the stack again`);

  // By event id, because a queue and a rule may deliver one event twice.
  const tasks = new Map<string, TaskEvent>();
  const unreadable: string[] = [];
  for (const { messageId, body } of event.Records) {
    try {
      const task = parseFailedTask(body);
      tasks.set(task.eventId, task);
    } catch {
      unreadable.push(messageId); // the reason is in the message, which the dead-letter queue keeps
    }
  }

  const summary = { records: event.Records.length, taskIds: [...tasks.values()].map(task => task.taskId), unreadable };
  try {
    const mailId = tasks.size > 0 ? await publish(topicArn, [...tasks.values()]) : undefined;
    logger[unreadable.length > 0 ? 'warn' : 'info']('task alerts', { ...summary, mailId });
    return giveBack(unreadable);
  } catch (error) {
    logger.error('task alerts: SNS did not take the mail', { ...summary, error: error as Error });
    return giveBack(event.Records.map(record => record.messageId));
  }
}

async function publish(topicArn: string, tasks: TaskEvent[]) {
  const { subject, body } = formatMail(tasks);
  const { MessageId } = await sns.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: body }));
  return MessageId;
}

const giveBack = (messageIds: string[]): SQSBatchResponse => ({
  batchItemFailures: messageIds.map(itemIdentifier => ({ itemIdentifier })),
});
