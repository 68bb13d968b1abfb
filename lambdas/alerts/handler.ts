/**
 * Turns a batch of failed tasks from the queue into a few messages. Records that can't be read go back to the queue, and
 * from there to the dead-letter queue. If SNS refuses a message, only the tasks of that message go back. A retry can
 * repeat a message, never lose a task.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type Alert, composeAlerts } from './compose';
import { readEnvironment } from './environment';
import { type FailedTask, parseFailedTask } from './failed-task';

const logger = new Logger();
const clients = new Map<string, SNSClient>();

/**
 * Which tasks this instance has published to which topic. If one topic of two refuses a task, the task comes back, and is
 * published to that topic only. Losing this memory repeats messages and loses none.
 */
const delivered = new Set<string>();
const MAX_REMEMBERED = 20_000;
// A replay with alerts asks for a second message.
const deliveryOf = (topicArn: string, { eventId, replayId = '' }: FailedTask) => `${topicArn} ${eventId} ${replayId}`;

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const settings = readEnvironment(process.env);
  const { tasks, messageIds, unreadable } = readBatch(event.Records);
  const alerts = composeAlerts(tasks, settings, (topicArn, task) => delivered.has(deliveryOf(topicArn, task)));
  const outcomes = await Promise.all(alerts.map(publish));

  const refused = outcomes.filter(({ error }) => error !== undefined);
  const again = new Set(
    refused.flatMap(({ alert }) => alert.tasks.flatMap(task => messageIds.get(task.eventId) ?? [])),
  );
  const summary = {
    records: event.Records.length,
    taskIds: tasks.map(task => task.taskId),
    unreadable,
    published: outcomes.filter(({ error }) => error === undefined).map(describeOutcome),
  };
  if (refused.length > 0) {
    const [first] = refused;
    logger.error('task alerts: SNS did not take a message', {
      ...summary,
      refused: refused.map(describeOutcome),
      error: first?.error as Error,
    });
  } else logger[unreadable.length > 0 ? 'warn' : 'info']('task alerts', summary);
  return { batchItemFailures: [...unreadable, ...again].map(itemIdentifier => ({ itemIdentifier })) };
}

/** By event id, because a queue and a rule may deliver one event twice. */
function readBatch(records: readonly SQSRecord[]) {
  const tasks = new Map<string, FailedTask>();
  const messageIds = new Map<string, string[]>();
  const unreadable: string[] = [];
  for (const { messageId, body } of records) {
    try {
      const task = parseFailedTask(body);
      tasks.set(task.eventId, task);
      messageIds.set(task.eventId, [...(messageIds.get(task.eventId) ?? []), messageId]);
    } catch {
      unreadable.push(messageId); // the reason is in the message, which the dead-letter queue keeps
    }
  }
  return { tasks: [...tasks.values()], messageIds, unreadable };
}

interface Outcome {
  readonly alert: Alert;
  readonly messageId?: string | undefined;
  readonly error?: unknown;
}

/** Never rejects: one topic that refuses must not hold back the others. */
async function publish(alert: Alert): Promise<Outcome> {
  const { topicArn, subject, message } = alert;
  try {
    const command = new PublishCommand({ TopicArn: topicArn, Message: message, ...(subject && { Subject: subject }) });
    const { MessageId } = await clientFor(topicArn).send(command);
    // The SDK reads an error body under HTTP 200 as an empty answer: no message was sent.
    if (MessageId === undefined) return { alert, error: new Error('The answer of SNS has no MessageId') };
    remember(alert);
    return { alert, messageId: MessageId };
  } catch (error) {
    return { alert, error: error ?? new Error('no error was given') };
  }
}

/** A topic answers in its own region only. */
function clientFor(topicArn: string): SNSClient {
  const region = topicArn.split(':')[3] as string;
  // Three attempts of five seconds leave time to return the records before the function times out.
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  const client = clients.get(region) ?? new SNSClient({ region, requestHandler });
  clients.set(region, client);
  return client;
}

function remember({ topicArn, tasks }: Alert) {
  for (const task of tasks) delivered.add(deliveryOf(topicArn, task));
  for (const oldest of delivered) {
    if (delivered.size <= MAX_REMEMBERED) break;
    delivered.delete(oldest);
  }
}

/** What is logged of a message: never its text. */
const describeOutcome = ({ alert: { format, topicArn, tasks }, messageId, error }: Outcome) => ({
  format,
  topicArn,
  tasks: tasks.length,
  messageId,
  ...(error !== undefined && { error: (error as Error).name }),
});
