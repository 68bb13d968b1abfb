/**
 * The alert as a custom notification of Amazon Q Developer in chat applications, which shows it in Slack or Teams. Pure.
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 *
 * A chat message is short: it shows the first tasks of each reason. The mail of the same alert lists every task.
 */
import { dealCommand } from './cli-commands';
import { countDeals, dealHeadline } from './deals';
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
import { logsLink, type PollerLogs } from './logs-link';
import { purpose, reasonTextFor } from './task-types';
import { count, cut, oneLine, plainAscii, severalLines, utc } from './text';

export interface CustomNotification {
  readonly version: '1.0';
  readonly source: 'custom';
  /** `eventId` of the first task, to find the event by. */
  readonly id: string;
  readonly content: {
    readonly textType: 'client-markdown';
    readonly title: string;
    readonly description: string;
    readonly nextSteps: readonly string[];
    readonly keywords: readonly string[];
  };
  readonly metadata: {
    readonly threadId: string;
    readonly summary: string;
    readonly eventType: string;
    readonly relatedResources: readonly string[];
  };
}

/**
 * Characters of a text, or items of a list. Slack accepts 3,000 characters in one text; the rest is room for what
 * Amazon Q adds:
 * https://docs.slack.dev/reference/block-kit/composition-objects/text-object
 */
export const chatLimits = {
  title: 150,
  description: 2_800,
  nextStep: 300,
  nextSteps: 5,
  keyword: 60,
  keywords: 5,
  threadId: 120,
  relatedResources: 10,
} as const;

const messageCharacters = { alone: 1_000, inGroup: 200 };
const dealCharacters = { title: 70, each: 150, inTotal: 400 };
const groupsInDetail = 3;
const idsPerGroup = 5;

/** @param tasks at least one; all of one replay, or all new */
export function formatChat(tasks: readonly [FailedTask, ...FailedTask[]], logs: PollerLogs): CustomNotification {
  const groups = groupByReason(tasks);
  const [first] = tasks;
  const catalog = plainAscii(catalogNames(tasks));
  const reasons = countReasons(groups);
  const what = reasons === 1 ? plainAscii(reasonName(first.reasonCode)) : `${reasons} reasons`;
  const { replayId } = first;
  const deal = dealHeadline(tasks, dealCharacters.title);
  const failed = `${tasks.length === 1 ? 'task failed' : `${count(tasks.length, 'task')} failed`} (${what})`;
  const headline = deal ? `${deal}: ${failed}, Partner Central ${catalog}` : `Partner Central ${catalog}: ${failed}`;
  const title = `${replayId === undefined ? '' : REPEAT}${headline}`;
  // One thread a day for each reason: the first failure of the day appears in the channel itself, and so does a replay.
  const thread = replayId === undefined ? `${catalog}-${what}-${day(first)}` : `repeat-${replayId}`;
  return {
    version: '1.0',
    source: 'custom',
    id: first.eventId,
    content: {
      textType: 'client-markdown',
      title: truncated(title, chatLimits.title),
      description: description(groups, tasks, logs),
      nextSteps: nextSteps(groups),
      keywords: keywords(catalog, groups),
    },
    metadata: {
      threadId: truncated(`task-failed-${thread}`.replace(/[^\w.-]+/g, '-'), chatLimits.threadId),
      summary: truncated(title, chatLimits.title),
      eventType: 'TaskFailed',
      relatedResources: tasks.slice(0, chatLimits.relatedResources).map(resourceOf),
    },
  };
}

function nextSteps(groups: readonly FailureGroup[]): string[] {
  return groups.slice(0, chatLimits.nextSteps).map(({ taskType, reasonCode }) => {
    const { action } = reasonTextFor(taskType, reasonCode);
    return groups.length === 1
      ? action
      : truncated(`${plainAscii(reasonName(reasonCode))}: ${action}`, chatLimits.nextStep);
  });
}

function keywords(catalog: string, groups: readonly FailureGroup[]): string[] {
  const categories = groups.map(({ tasks }) => tasks[0].reasonCategory).filter(category => category !== undefined);
  const words = [catalog, ...new Set([...categories, ...groups.map(group => reasonName(group.reasonCode))])];
  return words.slice(0, chatLimits.keywords).map(word => truncated(plainAscii(word), chatLimits.keyword));
}

/** Reserves room for the last lines first, because a cut link is useless. Then adds as many reasons as fit. */
function description(
  groups: readonly FailureGroup[],
  tasks: readonly [FailedTask, ...FailedTask[]],
  logs: PollerLogs,
): string {
  const isAlone = tasks.length === 1;
  // A bare URL: Slack and Teams have different syntax for a link with a text.
  const repeat = repeatNote(tasks);
  const which = isAlone ? 'it' : 'the first';
  const run = repeat === undefined ? `the run that saw ${which}` : `the original run${isAlone ? '' : ' of the first'}`;
  const link = `Logs of ${run}: ${logsLink(logs, tasks[0])}`;
  const disclaimer = 'AWS does not document the reason codes: meaning and next steps are from the task poller.';
  const end = inLines([link, ...(isAlone ? [] : ['The mail of this alert lists every task.']), disclaimer]);
  const blocks = [dealLines(tasks), repeat].filter(block => block !== undefined);
  const first = blocks.reduce((sum, block) => sum + block.length + paragraph.length, 0);
  let left = chatLimits.description - end.length - reservedForMoreReasons - first - paragraph.length;
  for (const [index, group] of groups.entries()) {
    const block = inLines(index < groupsInDetail ? groupDetails(group, isAlone) : [groupLine(group)]);
    if (block.length > left) {
      blocks.push(`And ${count(groups.length - index, 'more reason')}.`);
      break;
    }
    blocks.push(block);
    left -= block.length + paragraph.length;
  }
  return [...blocks, end].join(paragraph);
}

/** Characters for `And 2,000 more reasons.` */
const reservedForMoreReasons = 60;
const paragraph = '\n\n';
/** Teams needs two spaces before a line break; Slack does not. */
const inLines = (lines: readonly string[]) => lines.join('  \n');

/** The deals, as many as have room, and why others have no name. */
function dealLines(tasks: readonly FailedTask[]): string | undefined {
  const { named, unnamed } = countDeals(tasks);
  const limit = { characters: dealCharacters.each, bytes: dealCharacters.each };
  const all = named.map(([name]) => inlineCode(cut(name, limit, { bytesOf: character => escaped(character).length })));
  const lengths = all.map((_, at) => all.slice(0, at + 1).join().length);
  const shown = all.filter((_, at) => at === 0 || (lengths[at] ?? 0) <= dealCharacters.inTotal);
  const hidden = all.length - shown.length;
  const [reason, ...otherReasons] = unnamed.map(([text]) => text);
  const of = unnamed.reduce((sum, [, tasksOfReason]) => sum + tasksOfReason, 0);
  const lines = [
    ...(shown.length > 0 ? [`${shown.join(', ')}${hidden > 0 ? ` and ${count(hidden, 'more deal')}` : ''}`] : []),
    ...(reason === undefined
      ? []
      : [
          `The deal of ${count(of, 'task')} could not be looked up (${reason}${otherReasons.length > 0 ? ' and others' : ''}).`,
        ]),
  ];
  return lines.length > 0 ? inLines(lines) : undefined;
}

function groupLine({ taskType, reasonCode, tasks }: FailureGroup): string {
  const category = tasks[0].reasonCategory;
  const name = reasonCode === undefined ? 'No reason code' : code(reasonCode);
  return `${name}${category ? ` (${plainAscii(category).slice(0, 60)})` : ''}: ${count(tasks.length, 'task')} ${purpose(taskType)}`;
}

function groupDetails(group: FailureGroup, isAlone: boolean): string[] {
  const { taskType, tasks, reasonCode } = group;
  const [first, ...others] = tasks;
  const where = [
    `Task ${code(first.taskId)}`,
    first.sourceName && `source ${code(first.sourceName)}`,
    first.engagementId && `engagement ${code(first.engagementId)}`,
    first.engagementInvitationId && `invitation ${code(first.engagementInvitationId)}`,
    first.opportunityId && `opportunity ${code(first.opportunityId)}`,
  ].filter(Boolean);
  const from = first.detectedAfter ? `between ${utc(first.detectedAfter)} and` : 'at';
  const more = others.slice(0, idsPerGroup - 1).map(task => code(task.taskId));
  const notListed = others.length - more.length;
  const command = isAlone ? dealCommand(first) : undefined;
  return [
    groupLine(group),
    reasonTextFor(taskType, reasonCode).meaning,
    where.join(', '),
    `${first.replayId === undefined ? 'Failed' : 'First seen to fail'} ${from} ${utc(first.detectedBefore)}`,
    ...(first.message === undefined
      ? [`Message: ${noMessage}`]
      : [codeBlock(first, messageCharacters[isAlone ? 'alone' : 'inGroup'])]),
    others.length === 0
      ? 'Other tasks with this reason: none'
      : `Other tasks with this reason: ${others.length.toLocaleString('en-US')} (${more.join(', ')}${notListed > 0 ? ` and ${notListed.toLocaleString('en-US')} more` : ''})`,
    ...(command ? [`To look at the ${command.noun}: ${inlineCode(command.text)}`] : []),
  ];
}

function codeBlock({ message = '', messageTruncated }: FailedTask, maxLength: number): string {
  const limit = { characters: maxLength, bytes: maxLength };
  const text = severalLines(message);
  const shown = cut(text, limit, { bytesOf: character => escaped(character).length });
  const note = messageTruncated && shown === text ? '… (cut, it was too long for an event)' : '';
  return `\`\`\`\n${escaped(shown)}${note}\n\`\`\``;
}

/** Inline code, so that no markdown in the text takes effect. */
const inlineCode = (text: string) => `\`${escaped(text).replaceAll('`', "'")}\``;
const code = (text: string) => inlineCode(oneLine(text, { characters: 60, bytes: 60 }));

const zeroWidthSpace = '\u200b';

/**
 * Escapes text for a code block of Slack or Teams. Slack interprets `<!channel>` and `<http://a|b>` in code too, so
 * & < > become entities: https://docs.slack.dev/messaging/formatting-message-text. A zero-width space after each @ and
 * backtick prevents mentions and the end of the code block.
 */
const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[@`]/g, character => `${character}${zeroWidthSpace}`);

const resourceOf = ({ taskArn, taskId }: FailedTask) =>
  taskArn !== undefined && /^arn:[\w:/.-]{1,500}$/.test(taskArn) ? taskArn : truncated(plainAscii(taskId), 200);

const day = ({ detectedBefore }: FailedTask) => utc(detectedBefore).slice(0, 10);

const truncated = (text: string, maxLength: number) =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 3)}...`;
