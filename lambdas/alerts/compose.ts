/** Turns failed tasks into messages, each with its topic. Pure. */
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
  /** The tasks that the message reports. */
  readonly tasks: readonly FailedTask[];
}

/**
 * Every task with a route is in one mail to its topic and, where chats are on, in one chat message. A task whose route is
 * NOWHERE is in neither; the other routes change mails only.
 * @param isDelivered whether a task was published to a topic before
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
  const mails = [...byTopic].flatMap(([topicArn, itsTasks]) =>
    formatMails(itsTasks, settings.logs).map(({ subject, body, tasks }): Alert => {
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
