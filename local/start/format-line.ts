/** The output of `npm start`, line by line: text for people, or JSON for programs. */
import type { CustomNotification } from '../../lambdas/alerts/chat';
import type { Summary } from '../../lambdas/poller/run';
import type { TaskEvent } from '../../lambdas/task-event';
import type { DeliveredEvent } from '../services/event-bridge';
import { aboutTask, outcomeRule } from './played-source';
import type { TaskChange } from './scene';

/** Such as Sandbox/OpportunityFromEngagement. */
interface Source {
  readonly source: string;
}
interface Sources {
  readonly sources: readonly string[];
}

interface ReadySource extends Source {
  readonly endedTasks: number;
  readonly runningTasks: number;
  /** Whether it is polled, and whether its events are only logged. */
  readonly enabled: boolean;
  readonly shadow: boolean;
  /** AWS CLI command that starts a task, without the endpoint. */
  readonly startCommand: string;
}

/** With `--json` each is one object with a `time`. Fields are only ever added. */
export type Line =
  | {
      readonly type: 'ready';
      /** Address of Partner Central. */
      readonly partnerCentral: string;
      /** Catalog of the first source. */
      readonly catalog: string;
      /** Sums over all sources. */
      readonly endedTasks: number;
      readonly runningTasks: number;
      readonly sources: readonly ReadySource[];
      /** Period between polls; absent with `--once`. */
      readonly pollEverySeconds?: number;
      readonly keep?: string;
      /** Whether the tasks come from an earlier run. */
      readonly resumed: boolean;
    }
  | { readonly type: 'note'; readonly text: string }
  | ({ readonly type: 'task' } & Source & TaskChange)
  | ({ readonly type: 'poll' } & Source & Summary)
  | ({ readonly type: 'poll' } & Source & {
        readonly outcome: 'error';
        readonly error: { name: string; message: string };
      })
  | ({ readonly type: 'event'; readonly event: DeliveredEvent } & Source)
  | ({ readonly type: 'alert'; readonly format: 'mail'; readonly subject: string; readonly body: string } & Sources)
  | ({ readonly type: 'alert'; readonly format: 'chat'; readonly notification: CustomNotification } & Sources)
  | {
      readonly type: 'summary';
      readonly polls: number;
      readonly tasksEnded: number;
      readonly events: number;
      readonly completed: number;
      readonly failed: number;
      readonly mails: number;
      /** Replayed events. They and their mails are in none of the counts above. */
      readonly replayed: number;
      readonly keep?: string;
    };

/** One line of JSON. The most used fields are at the top level. */
export function formatJson(line: Line, time: Date): string {
  return JSON.stringify({ type: line.type, time: time.toISOString(), ...fields(line) });
}

function fields(line: Line): object {
  if (line.type === 'task') {
    const { type: _, task, ...change } = line;
    const { taskId, status, reasonCode, engagementId, contextId, opportunityId, engagementInvitationId } = task;
    const ids = { engagementId, contextId, opportunityId, engagementInvitationId };
    return { ...change, taskId, status, reasonCode, ...ids };
  }
  if (line.type === 'event') {
    const { taskId, taskStatus, reasonCode, reasonCategory, eventId, replayId } = detailOf(line.event);
    return {
      source: line.source,
      detailType: line.event['detail-type'],
      taskId,
      taskStatus,
      reasonCode,
      reasonCategory,
      eventId,
      replayId,
      event: line.event,
    };
  }
  return line;
}

/** @returns one or more lines of text */
export function textFormatter({ colour }: { colour: boolean }) {
  const painted = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const paint = { bold: painted(1), dim: painted(2), red: painted(31), green: painted(32), yellow: painted(33) };
  const outcomes = { complete: paint.green, partial: paint.yellow, skipped: paint.yellow };

  /** 0 with one source: the introduction names it. */
  let sourceWidth = 0;

  return (line: Line, time: Date): string => {
    const row = (source: string, text: string) =>
      [
        paint.dim(time.toISOString().slice(11, 19)),
        line.type.padEnd(5),
        sourceWidth && source.padEnd(sourceWidth),
        text,
      ]
        .filter(Boolean)
        .join('  ');
    switch (line.type) {
      case 'ready':
        sourceWidth = line.sources.length === 1 ? 0 : widest(line.sources);
        return introduction(line, paint.bold);
      case 'note':
        return `\n${paint.bold(line.text)}`;
      case 'task':
        return row(line.source, paint.dim(change(line)));
      case 'poll':
        return row(
          line.source,
          line.outcome === 'error'
            ? paint.red(`failed    ${line.error.name}: ${line.error.message}`)
            : `${outcomes[line.outcome](line.outcome.padEnd(8))}  ${work(line)}`,
        );
      case 'event': {
        const detailType = line.event['detail-type'];
        if (detailType === 'TaskStalled')
          return row(line.source, `${paint.yellow(detailType.padEnd(13))}  ${detailOf(line.event).taskId}`);
        const paintOutcome = detailType === 'TaskFailed' ? paint.red : paint.green;
        return row(line.source, `${paintOutcome(detailType.padEnd(13))}  ${result(detailOf(line.event))}`);
      }
      case 'alert':
        return row(
          line.sources.join(', '),
          line.format === 'mail'
            ? ['mail to the subscribers', ...mail(line.subject, line.body)].join('\n')
            : ['message to Slack or Teams', ...chat(line.notification)].join('\n'),
        );
      case 'summary':
        return summary(line, paint.bold);
    }
  };
}

const widest = (sources: readonly Source[]) => Math.max(...sources.map(({ source }) => source.length));
const detailOf = (event: DeliveredEvent) => event.detail as unknown as TaskEvent;
const count = (number: number, thing: string) => `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;

type LineOf<T extends Line['type']> = Extract<Line, { type: T }>;

function introduction(line: LineOf<'ready'>, bold: (text: string) => string): string {
  const { partnerCentral, sources, pollEverySeconds, keep, resumed } = line;
  const isScene = pollEverySeconds === undefined;
  const paragraphs = [
    bold('Partner Central task poller, on this machine'),
    `The stack of "cdk deploy" runs here, with its own code, on stand-ins for the AWS services. They listen on
127.0.0.1 only: nothing leaves this machine, and no AWS account is touched.`,
    `Partner Central publishes no event when a task ends. So the poller lists tasks, every minute when deployed and
${isScene ? 'three times in this scene' : `every ${pollEverySeconds} seconds here`}, and publishes one event for each newly ended task.`,
    `  task   a task starts or ends in Partner Central
  poll   one run of the poller: how many tasks it listed, and how many running tasks it watches
  event  what it published on its event bus
  alert  the mail about failed tasks`,
    `Partner Central is at ${partnerCentral}
${[...sources.map(source => tasksOf(source, widest(sources))), ...(resumed ? ['These tasks are from the last run.'] : [])].join('\n')}${
  keep === undefined ? '' : `\nThe state is kept in ${keep}`
}`,
    isScene
      ? ''
      : `Start a task yourself, from another terminal. It needs no credentials, and runs for some seconds.

${sources.map(source => startHint(source, partnerCentral)).join('\n\n')}`,
    `${isScene ? '' : `${bold('Ctrl-C stops it.')} `}Times are UTC.`,
  ];
  return `\n${paragraphs.filter(Boolean).join('\n\n')}${isScene ? '' : '\n'}`;
}

function tasksOf({ source, endedTasks, runningTasks, enabled, shadow }: ReadySource, width: number): string {
  const how = enabled ? (shadow ? '; shadow: publishes nothing' : '') : '; enabled is false: not polled';
  return `  ${source.padEnd(width)}  ${count(endedTasks, 'ended task')} and ${runningTasks} running${how}`;
}

const startHint = ({ source, startCommand }: ReadySource, partnerCentral: string) =>
  `A task of ${source}: ${outcomeRule(source)}.

  ${startCommand} \\
    --endpoint-url ${partnerCentral} --region us-east-1 --no-sign-request`;

function change({ source, what, task, by, whileStopped }: LineOf<'task'>): string {
  if (what === 'started') {
    const whose = by === 'outside' ? 'started from outside' : 'started';
    return `${task.taskId}  ${whose} (${aboutTask(source, task)})`;
  }
  const reason = task.reasonCode ? `: ${task.reasonCode}` : '';
  return `${task.taskId}  is now ${task.status}${reason}${whileStopped ? ' (since the last run)' : ''}`;
}

/** The usual counts, then any other count above 0. */
function work({ tasks, listCalls, milliseconds, unsettled, ...more }: Summary): string {
  const watching = unsettled === undefined ? '' : `, watching ${unsettled}`;
  const usual = `looked at ${count(tasks, 'task')} in ${count(listCalls, 'List call')}, ${milliseconds} ms${watching}`;
  const { outcome: _, mode: _1, runId: _2, pages: _3, completed: _4, failed: _5, published: _6, ...rare } = more;
  const unusual = Object.entries(rare).filter(([, value]) => value === true || Number(value) > 0);
  return [usual, ...unusual.map(([name, value]) => (value === true ? name : `${name} ${value}`))].join(', ');
}

function result(event: TaskEvent): string {
  const { taskId, taskStatus, reasonCode, reasonCategory, opportunityId, eventId, replayId } = event;
  const reason = reasonCode ? `${reasonCode}${reasonCategory ? ` (${reasonCategory})` : ''}` : 'no reason given';
  const what = taskStatus === 'FAILED' ? reason : `opportunity ${opportunityId ?? 'unknown'}`;
  return `${taskId}  ${what}  event ${eventId.slice(0, 12)}${replayId === undefined ? '' : `, replay ${replayId}`}`;
}

const mail = (subject: string, body: string) => framed([`Subject: ${subject}`, '', ...body.split('\n')]);
const chat = ({ content: { title, description, nextSteps } }: CustomNotification) =>
  framed([title, '', ...description.split('\n'), '', ...nextSteps.map(step => `- ${step}`)]);
const framed = (lines: readonly string[]) => lines.map(text => `        | ${text}`.trimEnd());

function summary(line: LineOf<'summary'>, bold: (text: string) => string): string {
  const { polls, tasksEnded, events, completed, failed, mails, replayed, keep } = line;
  const published = `${count(events, 'event')} (${completed} completed, ${failed} failed), ${count(mails, 'alert mail')}`;
  const again = replayed === 0 ? '' : ` ${count(replayed, 'event')} replayed.`;
  const goOn = keep === undefined ? '' : `\nThe state is in ${keep}; the same command continues from it.`;
  return `\n${bold(`${count(tasksEnded, 'task')} ended; ${count(polls, 'poll')} published ${published}.${again}`)}${goOn}`;
}
