/**
 * Plain-text mails about failed tasks: one mail for a batch, or several if one SNS message can't hold it. A mail explains
 * each reason once and shows the first tasks of each reason in detail. Every other task has its ids, so none is lost. Lines
 * have at most 78 characters, but for addresses. Pure.
 */
import { countDeals, dealHeadline, dealName } from './deals';
import {
  catalogNames,
  countReasons,
  type FailedTask,
  type FailureGroup,
  groupByReason,
  noMessage,
  REPEAT,
  reasonName,
  repeatNote,
} from './failed-task';
import type { PollerLogs } from './logs-link';
import { lastLines } from './mail-end';
import { type Item, packIntoMails } from './mail-parts';
import { purpose, reasonTextFor } from './task-types';
import {
  byteLength,
  count,
  cut,
  field,
  indent,
  type Limit,
  oneLine,
  plainAscii,
  severalLines,
  utc,
  wrapped,
} from './text';

export interface Mail {
  readonly subject: string;
  readonly body: string;
  /** Tasks in this mail. */
  readonly tasks: readonly FailedTask[];
}

/** Reserved for the last lines, without the links. */
const lastLinesBytes = 5_000;
/** A subject is one line of ASCII with fewer than 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const subjectCharacters = 99;

/** Tasks shown in detail: per reason, and in total. */
const maxInDetail = { perReason: 3, inTotal: 50 };
const maxReasonsListed = 40;
const maxDealsListed = 20;
/** Leaves room for the number of tasks and a reason code. */
const dealCharacters = 36;

// A mail about one task can show a whole message of 100 KB. In a burst, 50 tasks of 3 KB plus their fields fit one SNS message.
const messageLimit = {
  alone: { characters: 150_000, bytes: 200_000 },
  inGroup: { characters: 1_000, bytes: 3_000 },
  onOneLine: { characters: 100, bytes: 200 },
} as const satisfies Record<string, Limit>;

const rule = '-'.repeat(70);

/**
 * Writes the mails about these tasks.
 * @param tasks at least one; all of one replay, or all new
 * @returns as few mails as possible, each below 256 KB; each task is in exactly one mail
 */
export function formatMails(tasks: readonly FailedTask[], logs: PollerLogs): Mail[] {
  const groups = groupByReason(tasks);
  const repeat = repeatNote(tasks);
  const catalog = catalogNames(tasks);
  const opening = [
    ...dealLines(tasks),
    ...(repeat === undefined ? [] : [repeat]),
    `${count(tasks.length, 'task')} failed in Partner Central (catalog ${catalog})${countReasons(groups) > 1 ? `, for ${countReasons(groups)} reasons` : ''}.`,
    ...unnamedDealLines(tasks),
  ]
    .flatMap(line => wrapped(line))
    .concat(groups.length > 1 ? reasonList(groups) : []);
  const parts = packIntoMails(itemsOf(groups), logs, byteLength(opening.join('\n')) + lastLinesBytes);
  const deal = dealHeadline(tasks, dealCharacters);
  const what = headline(groups);
  const subject = deal ? `${deal}: ${what}, Partner Central ${catalog}` : `Partner Central ${catalog}: ${what}`;
  return parts.map((part, index) => {
    const place = parts.length === 1 ? '' : `part ${index + 1} of ${parts.length}`;
    return {
      subject: subjectLine(`${repeat === undefined ? '' : REPEAT}${subject}`, place && ` [${place}]`),
      body: [
        ...opening,
        ...(place && [`This is ${place}: one mail can't hold all tasks.`]),
        ...part.lines,
        ...lastLines(part),
      ].join('\n'),
      tasks: part.tasks,
    };
  });
}

/** The deals with names, before everything else. */
function dealLines(tasks: readonly FailedTask[]): string[] {
  const { named } = countDeals(tasks);
  if (named.length === 0) return [];
  const lines = named.map(([name, of]) => (tasks.length === 1 ? name : `${name} (${count(of, 'task')})`));
  const more = lines.length - maxDealsListed;
  return [...lines.slice(0, maxDealsListed), ...(more > 0 ? [`and ${count(more, 'more deal')}`] : []), ''];
}

/** A mail about one task says it beside the task's ids. */
const unnamedDealLines = (tasks: readonly FailedTask[]) =>
  tasks.length === 1
    ? []
    : countDeals(tasks).unnamed.map(
        ([reason, of]) => `The deal of ${count(of, 'task')} could not be looked up (${reason}).`,
      );

function headline(groups: readonly FailureGroup[]): string {
  const number = groups.reduce((sum, group) => sum + group.tasks.length, 0);
  const what = number === 1 ? 'task failed' : `${count(number, 'task')} failed`;
  const reasons = countReasons(groups);
  return reasons === 1 ? `${what} (${reasonName(groups[0]?.reasonCode)})` : `${what} for ${reasons} reasons`;
}

function reasonList(groups: readonly FailureGroup[]): string[] {
  const [shown, others] = [groups.slice(0, maxReasonsListed), groups.slice(maxReasonsListed)];
  const ofOneType = new Set(groups.map(group => group.taskType)).size === 1;
  const name = ({ reasonCode, taskType }: FailureGroup) =>
    `${field(reasonName(reasonCode))}${ofOneType ? '' : `, ${purpose(taskType)}`}`;
  const rows = shown.map(group => [group.tasks.length, name(group)] as const);
  const rest = others.reduce((sum, { tasks }) => sum + tasks.length, 0);
  const all = [...rows, ...(rest > 0 ? [[rest, `${count(others.length, 'other reason')}, below`] as const] : [])];
  const lines = all.map(([number, name]) => `${number.toLocaleString('en-US').padStart(8)}  ${name}`);
  return ['', ...lines.flatMap(line => wrapped(line, ' '.repeat(10)))];
}

function itemsOf(groups: readonly FailureGroup[]): Item[] {
  const isAlone = groups.length === 1 && groups[0]?.tasks.length === 1;
  let inDetailLeft = maxInDetail.inTotal;
  return groups.flatMap(group => {
    const inDetailCount = Math.min(group.tasks.length, maxInDetail.perReason, inDetailLeft);
    inDetailLeft -= inDetailCount;
    const [heading, continued] = [
      headingOf(group, isAlone),
      ['', rule, `${nameLine(group)}, continued`, typeLine(group), ''].flatMap(line => wrapped(line)),
    ];
    const messagesInDetail = new Set(group.tasks.slice(0, inDetailCount).map(task => task.message));
    return group.tasks.map((task, index) => ({
      task,
      group,
      heading: index === 0 ? heading : continued,
      lines:
        index < inDetailCount
          ? detailLines(task, title(group, index), isAlone)
          : [...(index === inDetailCount ? othersTitle(inDetailCount) : []), ...summaryLines(task, messagesInDetail)],
    }));
  });
}

const title = ({ tasks }: FailureGroup, index: number) =>
  tasks.length === 1 ? 'Task' : `Task ${index + 1} of ${tasks.length.toLocaleString('en-US')}`;

const othersTitle = (inDetailCount: number) =>
  inDetailCount === 0 ? [''] : ['', 'The others; a message is shown where it differs from those above:'];

function nameLine({ reasonCode, tasks }: FailureGroup): string {
  const category = tasks[0].reasonCategory && ` (category ${field(tasks[0].reasonCategory)})`;
  return `Reason: ${reasonCode === undefined ? 'none given' : field(reasonCode)}${category ?? ''}`;
}

const typeLine = ({ taskType }: FailureGroup) => `What failed: a task ${purpose(taskType)} (${field(taskType)})`;

function headingOf(group: FailureGroup, isAlone: boolean): string[] {
  const { meaning, action } = reasonTextFor(group.taskType, group.reasonCode);
  const others = group.tasks.length - 1;
  return [
    '',
    ...(isAlone ? [] : [rule]),
    nameLine(group),
    typeLine(group),
    `What it means: ${meaning}`,
    `What to do: ${action}`,
    `Other tasks with this reason: ${others === 0 ? 'none' : count(others, 'task')}`,
  ].flatMap(line => wrapped(line));
}

function detailLines(task: FailedTask, heading: string, isAlone: boolean): string[] {
  const { detectedAfter, detectedBefore, replayId } = task;
  const context = task.contextId && ` (context ${field(task.contextId)})`;
  const seen = detectedAfter ? `between ${utc(detectedAfter)} and ${utc(detectedBefore)}` : `at ${utc(detectedBefore)}`;
  return [
    '',
    `${heading}: ${field(task.taskId)}`,
    task.sourceName && `Source: ${field(task.sourceName)}`,
    ...dealLine(task, isAlone),
    task.engagementId && `Engagement: ${field(task.engagementId)}${context ?? ''}`,
    task.engagementInvitationId && `Invitation: ${field(task.engagementInvitationId)}`,
    task.opportunityId && `Opportunity: ${field(task.opportunityId)}`,
    ...messageLines(task, isAlone ? messageLimit.alone : messageLimit.inGroup),
    task.startTime && `Started: ${utc(task.startTime)}`,
    `${replayId === undefined ? 'Failed' : 'First seen'}: ${seen}`,
  ]
    .filter(line => typeof line === 'string')
    .flatMap(line => wrapped(line));
}

/** In a mail about one task, the name of its deal is the first line already. */
function dealLine({ deal }: FailedTask, isAlone: boolean): string[] {
  if (deal && 'unnamed' in deal) return [`Deal: could not be looked up (${deal.unnamed})`];
  const name = dealName(deal);
  return name === undefined || isAlone ? [] : [`Deal: ${name}`];
}

function messageLines({ message, messageTruncated }: FailedTask, limit: Limit): string[] {
  if (message === undefined) return [`Message from Partner Central: ${noMessage}`];
  return ['Message from Partner Central:', ...messageText(message, limit, messageTruncated === true)];
}

/** The ids in a line, then the deal and a message that is new. */
function summaryLines(task: FailedTask, messagesShown: ReadonlySet<string | undefined>): string[] {
  const { message } = task;
  const { taskId, sourceName, engagementId, engagementInvitationId, opportunityId } = task;
  const ids = [taskId, sourceName, engagementId, engagementInvitationId, opportunityId]
    .filter(id => id !== undefined)
    .map(field);
  const isNew = message !== undefined && !messagesShown.has(message);
  const excerpt = isNew ? [`"${oneLine(message, messageLimit.onOneLine)}"`] : [];
  return [
    `  ${[...ids, utc(task.detectedBefore)].join('  ')}`,
    ...[dealName(task.deal) ?? [], excerpt].flat().map(text => `${indent}${text}`),
  ].flatMap(line => wrapped(line));
}

function messageText(message: string, limit: Limit, isTruncatedInEvent: boolean): string[] {
  const text = severalLines(message);
  const shown = cut(text, limit, {
    note: isTruncatedInEvent ? '; the event has more of it' : '; the event has it whole',
    // A line break also adds the indent of the next line.
    bytesOf: character => byteLength(character) + (character === '\n' ? indent.length : 0),
  });
  const note = isTruncatedInEvent && shown === text ? '… (cut, it was too long for an event)' : '';
  return `${shown}${note}`.split('\n').flatMap(line => wrapped(`${indent}${line}`));
}

/** @param suffix is never cut */
function subjectLine(text: string, suffix: string): string {
  const ascii = plainAscii(text);
  const maxLength = subjectCharacters - suffix.length;
  return `${ascii.length <= maxLength ? ascii : `${ascii.slice(0, maxLength - 3)}...`}${suffix}`;
}
