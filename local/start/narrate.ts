/** The story that `npm start` tells, a line at a time: as text for people, or as JSON for programs. Pure. */
import type { CustomNotification } from '../../lambdas/alerts/chat';
import type { Summary } from '../../lambdas/poller/run';
import type { TaskEvent } from '../../lambdas/task-event';
import type { DeliveredEvent } from '../services/event-bridge';
import type { TaskChange } from './scene';

/** Which one was polled; only where there are several. */
interface Source {
  readonly source?: string;
}

/** With `--json` each is one object, with a `time`; fields are only ever added. */
export type Line =
  | {
      readonly type: 'ready';
      /** Where Partner Central listens. */
      readonly partnerCentral: string;
      readonly catalog: string;
      readonly endedTasks: number;
      readonly runningTasks: number;
      /** How often the poller runs; absent when the scene decides. */
      readonly pollEverySeconds?: number;
      readonly keep?: string;
      /** Whether the tasks are those of an earlier start. */
      readonly resumed: boolean;
    }
  | { readonly type: 'note'; readonly text: string }
  | ({ readonly type: 'task' } & TaskChange)
  | ({ readonly type: 'poll' } & Source & Summary)
  | ({ readonly type: 'poll' } & Source & {
        readonly outcome: 'error';
        readonly error: { name: string; message: string };
      })
  | { readonly type: 'event'; readonly event: DeliveredEvent }
  | { readonly type: 'alert'; readonly format: 'mail'; readonly subject: string; readonly body: string }
  | { readonly type: 'alert'; readonly format: 'chat'; readonly notification: CustomNotification }
  | {
      readonly type: 'summary';
      readonly polls: number;
      readonly tasksEnded: number;
      readonly events: number;
      readonly completed: number;
      readonly failed: number;
      readonly mails: number;
      readonly keep?: string;
    };

/** One line of JSON. What a reader picks most often stands at the top level. */
export function asJson(line: Line, time: Date): string {
  return JSON.stringify({ type: line.type, time: time.toISOString(), ...fields(line) });
}

function fields(line: Line): object {
  if (line.type === 'task') {
    const { type: _, task, ...change } = line;
    const { taskId, status, reasonCode, engagementId, contextId } = task;
    return { ...change, taskId, status, reasonCode, engagementId, contextId };
  }
  if (line.type === 'event') {
    const { taskId, taskStatus, reasonCode, reasonCategory, eventId } = detailOf(line.event);
    return {
      detailType: line.event['detail-type'],
      taskId,
      taskStatus,
      reasonCode,
      reasonCategory,
      eventId,
      event: line.event,
    };
  }
  return line;
}

/** @returns one or more lines of text */
export function textNarrator({ colour }: { colour: boolean }) {
  const painted = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const paint = { bold: painted(1), dim: painted(2), red: painted(31), green: painted(32), yellow: painted(33) };
  const outcomes = { complete: paint.green, partial: paint.yellow, skipped: paint.yellow };

  return (line: Line, time: Date): string => {
    const told = (text: string) => `${paint.dim(time.toISOString().slice(11, 19))}  ${line.type.padEnd(5)}  ${text}`;
    switch (line.type) {
      case 'ready':
        return introduction(line, paint.bold);
      case 'note':
        return `\n${paint.bold(line.text)}`;
      case 'task':
        return told(paint.dim(change(line)));
      case 'poll':
        return told(
          (line.source === undefined ? '' : `${line.source.padEnd(39)}  `) +
            (line.outcome === 'error'
              ? paint.red(`failed    ${line.error.name}: ${line.error.message}`)
              : `${outcomes[line.outcome](line.outcome.padEnd(8))}  ${work(line)}`),
        );
      case 'event': {
        const detailType = line.event['detail-type'];
        if (detailType === 'TaskStalled')
          return told(`${paint.yellow(detailType.padEnd(13))}  ${detailOf(line.event).taskId}`);
        const ending = detailType === 'TaskFailed' ? paint.red : paint.green;
        return told(`${ending(detailType.padEnd(13))}  ${result(detailOf(line.event))}`);
      }
      case 'alert':
        return told(
          line.format === 'mail'
            ? ['mail to whoever has subscribed', ...mail(line.subject, line.body)].join('\n')
            : ['message to Slack or Teams', ...chat(line.notification)].join('\n'),
        );
      case 'summary':
        return summary(line, paint.bold);
    }
  };
}

const detailOf = (event: DeliveredEvent) => event.detail as unknown as TaskEvent;
const count = (number: number, thing: string) => `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

type LineOf<T extends Line['type']> = Extract<Line, { type: T }>;

function introduction(line: LineOf<'ready'>, bold: (text: string) => string): string {
  const { partnerCentral, catalog, endedTasks, runningTasks, pollEverySeconds, keep, resumed } = line;
  const isScene = pollEverySeconds === undefined;
  const paragraphs = [
    bold('Partner Central task poller, on this machine'),
    `What "cdk deploy" would create runs here, with its own code, on stand-ins for the AWS services. They listen on
127.0.0.1 only: nothing leaves this machine, and no AWS account is touched.`,
    `Partner Central runs tasks and tells nobody when one ends. So the poller looks, every minute when deployed and
${isScene ? 'three times in this scene' : `every ${pollEverySeconds} seconds here`}, and publishes one event for each task that has ended since.`,
    `  task   a task starts or ends in Partner Central
  poll   one run of the poller: what it looked at, and how many running tasks it keeps watching
  event  what it published on its event bus
  alert  the mail about failed tasks`,
    `Partner Central is at ${partnerCentral}
Its catalog ${catalog} has ${count(endedTasks, 'ended task')} and ${runningTasks} running${resumed ? ', kept from the last time' : ''}.${
      keep === undefined ? '' : `\nThe state is kept in ${keep}`
    }`,
    isScene
      ? ''
      : `Start a task yourself, from another terminal. It needs no credentials, runs for some seconds, and completes with
context 1 or fails with any other number:

  aws partnercentral-selling start-opportunity-from-engagement-task \\
    --endpoint-url ${partnerCentral} --region us-east-1 --no-sign-request \\
    --catalog ${catalog} --identifier eng-0123456789abcd --context-identifier 1`,
    `${isScene ? '' : `${bold('Ctrl-C stops it.')} `}Times are UTC.`,
  ];
  return `\n${paragraphs.filter(Boolean).join('\n\n')}${isScene ? '' : '\n'}`;
}

function change({ what, task, by, whileStopped }: LineOf<'task'>): string {
  if (what === 'started') {
    const whose = by === 'outside' ? 'started from outside' : 'started';
    return `${task.taskId}  ${whose} (${task.engagementId}, context ${task.contextId})`;
  }
  const reason = task.reasonCode ? `: ${task.reasonCode}` : '';
  return `${task.taskId}  is now ${task.status}${reason}${whileStopped ? ' (since the last time)' : ''}`;
}

/** What every poll tells, then whatever else it counted. */
function work({ tasks, listCalls, milliseconds, unsettled, ...more }: Summary): string {
  const watching = unsettled === undefined ? '' : `, watching ${unsettled}`;
  const usual = `looked at ${count(tasks, 'task')} in ${count(listCalls, 'List call')}, ${milliseconds} ms${watching}`;
  const { outcome: _, mode: _1, runId: _2, pages: _3, completed: _4, failed: _5, published: _6, ...rare } = more;
  const unusual = Object.entries(rare).filter(([, value]) => value === true || Number(value) > 0);
  return [usual, ...unusual.map(([name, value]) => (value === true ? name : `${name} ${value}`))].join(', ');
}

function result({ taskId, taskStatus, reasonCode, reasonCategory, opportunityId, eventId }: TaskEvent): string {
  const reason = reasonCode ? `${reasonCode}${reasonCategory ? ` (${reasonCategory})` : ''}` : 'no reason given';
  const what = taskStatus === 'FAILED' ? reason : `opportunity ${opportunityId ?? 'unknown'}`;
  return `${taskId}  ${what}  event ${eventId.slice(0, 12)}`;
}

const mail = (subject: string, body: string) => framed([`Subject: ${subject}`, '', ...body.split('\n')]);
const chat = ({ content: { title, description, nextSteps } }: CustomNotification) =>
  framed([title, '', ...description.split('\n'), '', ...nextSteps.map(step => `- ${step}`)]);
const framed = (lines: readonly string[]) => lines.map(text => `        | ${text}`.trimEnd());

function summary(line: LineOf<'summary'>, bold: (text: string) => string): string {
  const { polls, tasksEnded, events, completed, failed, mails, keep } = line;
  const published = `${count(events, 'event')} (${completed} completed, ${failed} failed), ${count(mails, 'alert mail')}`;
  const goOn = keep === undefined ? '' : `\nThe state is in ${keep}; the same command goes on from here.`;
  return `\n${bold(`${count(tasksEnded, 'task')} ended; ${count(polls, 'poll')} published ${published}.`)}${goOn}`;
}
