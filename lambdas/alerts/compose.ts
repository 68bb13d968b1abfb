/** Composes the SNS messages for failed tasks, each with its topic. Pure. */
import { formatChat } from './chat';
import type { AlertSettings } from './environment';
import type { FailedTask } from './failed-task';
import { formatMails } from './mail';
import { DEFAULT, NOWHERE, routeOf } from './routes';

/** One SNS message. */
export interface Alert {
  readonly format: 'mail' | 'chat';
  readonly topicArn: string;
  readonly subject?: string;
  readonly message: string;
  /** Tasks that this message reports. If SNS refuses it, they are retried. */
  readonly tasks: readonly FailedTask[];
}

interface Addressed {
  readonly topicArn: string;
  readonly tasks: [FailedTask, ...FailedTask[]];
}

/**
 * Each task is in one mail to the topic of its route and, if chats are on, in a chat message. Only the route `nowhere`
 * applies to chats as well: such a task is in neither. What is new and what each replay repeats are messages of their own.
 * @param isDelivered whether a topic already received this task
 */
export function composeAlerts(
  tasks: readonly FailedTask[],
  settings: AlertSettings,
  isDelivered: (topicArn: string, task: FailedTask) => boolean,
): Alert[] {
  const mails = new Map<string, Addressed>();
  const chats = new Map<string, Addressed>();
  const { topicArn: ownTopic, chatTopicArn } = settings;
  for (const task of tasks) {
    const route = routeOf(settings.routes, task);
    if (route === NOWHERE) continue;
    const topicArn = route === DEFAULT ? ownTopic : route;
    if (!isDelivered(topicArn, task)) addTo(mails, topicArn, task);
    if (chatTopicArn && !isDelivered(chatTopicArn, task)) addTo(chats, chatTopicArn, task);
  }
  return [
    ...[...mails.values()].flatMap(({ topicArn, tasks: mailTasks }) =>
      formatMails(mailTasks, settings.logs).map(({ subject, body, tasks }): Alert => {
        return { format: 'mail', topicArn, subject, message: body, tasks };
      }),
    ),
    ...[...chats.values()].map(({ topicArn, tasks }): Alert => {
      return { format: 'chat', topicArn, message: JSON.stringify(formatChat(tasks, settings.logs)), tasks };
    }),
  ];
}

function addTo(messages: Map<string, Addressed>, topicArn: string, task: FailedTask) {
  const key = `${topicArn} ${task.replayId ?? ''}`;
  const known = messages.get(key);
  if (known) known.tasks.push(task);
  else messages.set(key, { topicArn, tasks: [task] });
}
