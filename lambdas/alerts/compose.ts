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

/**
 * Each task is in one mail to the topic of its route and, if chats are on, in the chat message. Only the route
 * `nowhere` applies to chats as well: such a task is in neither.
 * @param isDelivered whether a topic already received this task
 */
export function composeAlerts(
  tasks: readonly FailedTask[],
  settings: AlertSettings,
  isDelivered: (topicArn: string, task: FailedTask) => boolean,
): Alert[] {
  const byTopic = new Map<string, FailedTask[]>();
  const forChat: FailedTask[] = [];
  for (const task of tasks) {
    const route = routeOf(settings.routes, task.reasonCategory);
    if (route === NOWHERE) continue;
    const topicArn = route === DEFAULT ? settings.topicArn : route;
    if (!isDelivered(topicArn, task)) addTo(byTopic, topicArn, task);
    if (settings.chatTopicArn && !isDelivered(settings.chatTopicArn, task)) forChat.push(task);
  }
  const mails = [...byTopic].flatMap(([topicArn, topicTasks]) =>
    formatMails(topicTasks, settings.logs).map(({ subject, body, tasks }): Alert => {
      return { format: 'mail', topicArn, subject, message: body, tasks };
    }),
  );
  const [first, ...others] = forChat;
  if (!settings.chatTopicArn || !first) return mails;
  const message = JSON.stringify(formatChat([first, ...others], settings.logs));
  return [...mails, { format: 'chat', topicArn: settings.chatTopicArn, message, tasks: forChat }];
}

function addTo(byTopic: Map<string, FailedTask[]>, topicArn: string, task: FailedTask) {
  const known = byTopic.get(topicArn);
  if (known) known.push(task);
  else byTopic.set(topicArn, [task]);
}
