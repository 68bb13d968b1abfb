/**
 * Turns a batch of failed tasks from the queue into a few SNS messages.
 *
 * An unreadable record fails alone; SQS retries it and then moves it to the dead-letter queue. If SNS refuses a message,
 * only the records of its tasks fail. A retry can repeat a message, but it never loses a task.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type Alert, composeAlerts } from './compose';
import { countDeals } from './deals';
import { type AlertSettings, readEnvironment } from './environment';
import { deliveryId, type FailedTask, parseFailedTask } from './failed-task';
import { lookUpLimits, withDeals } from './look-up';

const logger = new Logger();
const clients = new Map<string, SNSClient>();

/**
 * Deliveries of this instance. If one of two topics refuses a task, the retry must not repeat it on the other topic.
 * Only a cache: without an entry, a message is repeated and nothing is lost.
 */
const delivered = new Set<string>();
const maxRemembered = 20_000;
const deliveryOf = (topicArn: string, task: FailedTask) => `${topicArn} ${deliveryId(task)}`;

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const settings = readEnvironment(process.env);
  const { tasks, messageIds, unreadable } = readBatch(event.Records);
  const compose = (some: readonly FailedTask[]) =>
    composeAlerts(some, settings, (topicArn, task) => delivered.has(deliveryOf(topicArn, task)));
  const undescribed = compose(tasks);
  const described = await describe(undescribed, settings);
  const alerts = described ? compose(described) : undescribed;
  const outcomes = await Promise.all(alerts.map(publish));

  const refused = outcomes.filter(({ error }) => error !== undefined);
  const retryIds = new Set(
    refused.flatMap(({ alert }) => alert.tasks.flatMap(task => messageIds.get(deliveryId(task)) ?? [])),
  );
  const summary = {
    records: event.Records.length,
    taskIds: tasks.map(task => task.taskId),
    unreadable,
    published: outcomes.filter(({ error }) => error === undefined).map(logFields),
    ...(described && { dealsNotNamed: Object.fromEntries(countDeals(described).unnamed) }),
  };
  if (refused.length > 0) {
    const [first] = refused;
    logger.error('task alerts: SNS refused a message', {
      ...summary,
      refused: refused.map(logFields),
      error: first?.error as Error,
    });
  } else logger[unreadable.length > 0 ? 'warn' : 'info']('task alerts', summary);
  return { batchItemFailures: [...unreadable, ...retryIds].map(itemIdentifier => ({ itemIdentifier })) };
}

/** Looks up the deals of the tasks that the alerts are about. Nobody reads of the others. */
async function describe(alerts: readonly Alert[], { dealSources }: AlertSettings): Promise<FailedTask[] | undefined> {
  const tasks = [...new Set(alerts.flatMap(alert => alert.tasks))];
  if (!dealSources || tasks.length === 0) return undefined;
  const { askPartnerCentral } = await import('./partner-central');
  return withDeals(tasks, dealSources, askPartnerCentral, AbortSignal.timeout(lookUpLimits.timeoutMs));
}

/** Deduplicates by event and replay id, because rules and standard queues may deliver an event twice. */
function readBatch(records: readonly SQSRecord[]) {
  const tasks = new Map<string, FailedTask>();
  const messageIds = new Map<string, string[]>();
  const unreadable: string[] = [];
  for (const { messageId, body } of records) {
    try {
      const task = parseFailedTask(body);
      const id = deliveryId(task);
      tasks.set(id, task);
      messageIds.set(id, [...(messageIds.get(id) ?? []), messageId]);
    } catch {
      unreadable.push(messageId); // the dead-letter queue keeps the message itself
    }
  }
  return { tasks: [...tasks.values()], messageIds, unreadable };
}

interface Outcome {
  readonly alert: Alert;
  readonly messageId?: string | undefined;
  readonly error?: unknown;
}

/** Never rejects: a topic that refuses a message must not block the others. */
async function publish(alert: Alert): Promise<Outcome> {
  const { topicArn, subject, message } = alert;
  try {
    const command = new PublishCommand({ TopicArn: topicArn, Message: message, ...(subject && { Subject: subject }) });
    const { MessageId } = await clientFor(topicArn).send(command);
    // The SDK reads an error body under HTTP 200 as a response without members. Such a message was not sent.
    if (MessageId === undefined) return { alert, error: new Error('The response of SNS has no MessageId') };
    remember(alert);
    return { alert, messageId: MessageId };
  } catch (error) {
    return { alert, error: error ?? new Error('SNS rejected without an error') };
  }
}

/** A topic can only be called in its own region. */
function clientFor(topicArn: string): SNSClient {
  const region = topicArn.split(':')[3] as string;
  // Three attempts of five seconds end well before the function's timeout, so the handler can still report failures.
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  const client = clients.get(region) ?? new SNSClient({ region, requestHandler });
  clients.set(region, client);
  return client;
}

function remember({ topicArn, tasks }: Alert) {
  for (const task of tasks) delivered.add(deliveryOf(topicArn, task));
  for (const oldest of delivered) {
    if (delivered.size <= maxRemembered) break;
    delivered.delete(oldest);
  }
}

/** The log fields of a message. Its text is never logged. */
const logFields = ({ alert: { format, topicArn, tasks }, messageId, error }: Outcome) => ({
  format,
  topicArn,
  tasks: tasks.length,
  messageId,
  ...(error !== undefined && { error: (error as Error).name }),
});
