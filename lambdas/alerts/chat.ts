/**
 * The alert as a custom notification of Amazon Q Developer in chat applications, which shows it in Slack or Teams. Pure.
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 *
 * A chat shows little, so it has the first tasks of each reason; the mail of the same alert has all of them.
 */
import { catalogs, type FailedTask, type Kind, kindsOf, noMessage, reasonName, reasonsIn } from './failed-task';
import { logsLink, type PollerLogs } from './logs-link';
import { purpose, readingOf } from './task-types';
import { count, cut, harmless, oneLine, severalLines, utc } from './text';

export interface CustomNotification {
  readonly version: '1.0';
  readonly source: 'custom';
  /** Id of the first event, to search for. */
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
 * In characters, or in items of a list. Together with what Amazon Q adds, below the 3,000 characters that Slack allows:
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

const messageCharacters = { alone: 1_200, amongOthers: 200 };
const kindsInFull = 3;
const idsOfAKind = 5;

/** @param tasks at least one */
export function formatChat(tasks: readonly [FailedTask, ...FailedTask[]], logs: PollerLogs): CustomNotification {
  const kinds = kindsOf(tasks);
  const [first] = tasks;
  const catalog = harmless(catalogs(tasks));
  const reasons = reasonsIn(kinds);
  const what = reasons === 1 ? harmless(reasonName(first.reasonCode)) : `${reasons} reasons`;
  const title = `Partner Central ${catalog}: ${tasks.length === 1 ? 'task failed' : `${count(tasks.length, 'task')} failed`} (${what})`;
  return {
    version: '1.0',
    source: 'custom',
    id: first.eventId,
    content: {
      textType: 'client-markdown',
      title: shortened(title, chatLimits.title),
      description: description(kinds, tasks, logs),
      nextSteps: nextSteps(kinds),
      keywords: keywords(catalog, kinds),
    },
    metadata: {
      // One thread a day for each reason: the first failure of the day shows up in the channel itself.
      threadId: shortened(
        `task-failed-${catalog}-${what}-${day(first)}`.replace(/[^\w.-]+/g, '-'),
        chatLimits.threadId,
      ),
      summary: shortened(title, chatLimits.title),
      eventType: 'TaskFailed',
      relatedResources: tasks.slice(0, chatLimits.relatedResources).map(resource),
    },
  };
}

function nextSteps(kinds: readonly Kind[]): string[] {
  return kinds.slice(0, chatLimits.nextSteps).map(({ taskType, reasonCode }) => {
    const { action } = readingOf(taskType, reasonCode);
    return kinds.length === 1
      ? action
      : shortened(`${harmless(reasonName(reasonCode))}: ${action}`, chatLimits.nextStep);
  });
}

function keywords(catalog: string, kinds: readonly Kind[]): string[] {
  const categories = kinds.map(({ tasks }) => tasks[0].reasonCategory).filter(category => category !== undefined);
  const words = [catalog, ...new Set([...categories, ...kinds.map(kind => reasonName(kind.reasonCode))])];
  return words.slice(0, chatLimits.keywords).map(word => shortened(harmless(word), chatLimits.keyword));
}

/** The end is budgeted first, because a link can't be cut; then as many reasons as fit. */
function description(kinds: readonly Kind[], tasks: readonly [FailedTask, ...FailedTask[]], logs: PollerLogs): string {
  const isAlone = tasks.length === 1;
  // A bare link: Slack and Teams mark up links with a text differently.
  const link = `Logs of the run that saw ${isAlone ? 'it' : 'the first'}: ${logsLink(logs, tasks[0])}`;
  const ourReading = 'What it means and the next steps are our reading: AWS documents no meanings.';
  const end = inLines([link, ...(isAlone ? [] : ['The mail of this alert lists every task.']), ourReading]);
  const blocks: string[] = [];
  let left = chatLimits.description - end.length - roomForTheRest;
  for (const [index, kind] of kinds.entries()) {
    const block = inLines(index < kindsInFull ? inFull(kind, isAlone) : [kindLine(kind)]);
    if (block.length > left) {
      blocks.push(`And ${count(kinds.length - index, 'more reason')}.`);
      break;
    }
    blocks.push(block);
    left -= block.length + paragraph.length;
  }
  return [...blocks, end].join(paragraph);
}

/** For `And 2,000 more reasons.` */
const roomForTheRest = 60;
const paragraph = '\n\n';
/** Slack breaks a line at each line break, and Teams only after two spaces. */
const inLines = (lines: readonly string[]) => lines.join('  \n');

function kindLine({ taskType, reasonCode, tasks }: Kind): string {
  const category = tasks[0].reasonCategory;
  const name = reasonCode === undefined ? 'No reason code' : code(reasonCode);
  return `${name}${category ? ` (${harmless(category).slice(0, 60)})` : ''}: ${count(tasks.length, 'task')} ${purpose(taskType)}`;
}

function inFull(kind: Kind, isAlone: boolean): string[] {
  const { taskType, tasks, reasonCode } = kind;
  const [first, ...others] = tasks;
  const where = [
    `Task ${code(first.taskId)}`,
    first.engagementId && `engagement ${code(first.engagementId)}`,
    first.engagementInvitationId && `invitation ${code(first.engagementInvitationId)}`,
    first.opportunityId && `opportunity ${code(first.opportunityId)}`,
  ].filter(Boolean);
  const from = first.detectedAfter ? `between ${utc(first.detectedAfter)} and` : 'at';
  const more = others.slice(0, idsOfAKind - 1).map(task => code(task.taskId));
  const unnamed = others.length - more.length;
  return [
    kindLine(kind),
    readingOf(taskType, reasonCode).meaning,
    where.join(', '),
    `Seen to fail ${from} ${utc(first.detectedBefore)}`,
    ...(first.message === undefined
      ? [`Message: ${noMessage}`]
      : [codeBlock(first, messageCharacters[isAlone ? 'alone' : 'amongOthers'])]),
    others.length === 0
      ? 'More like this: none'
      : `More like this: ${others.length.toLocaleString('en-US')} (${more.join(', ')}${unnamed > 0 ? ` and ${unnamed.toLocaleString('en-US')} more` : ''})`,
  ];
}

function codeBlock({ message = '', messageTruncated }: FailedTask, most: number): string {
  const limit = { characters: most, bytes: most };
  const text = severalLines(message);
  const shown = cut(text, limit, { bytesOf: character => defused(character).length });
  const note = messageTruncated && shown === text ? '… (cut, it was too long for an event)' : '';
  return `\`\`\`\n${defused(shown)}${note}\n\`\`\``;
}

/** Inline code: nothing in it is read as markdown. */
const code = (text: string) => `\`${defused(oneLine(text, { characters: 60, bytes: 60 })).replaceAll('`', "'")}\``;

const noBreak = '\u200b'; // has no width

/**
 * Text that neither Slack nor Teams reads as anything but text, inside a code block. Slack acts on what stands between
 * < and >, in code as well (`<!channel>`, `<http://a|b>`), and wants & < > written as entities:
 * https://docs.slack.dev/messaging/formatting-message-text. A mention needs the @ right before the name, and the end of
 * the block needs three backticks in a row.
 */
const defused = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[@`]/g, character => `${character}${noBreak}`);

const resource = ({ taskArn, taskId }: FailedTask) =>
  taskArn !== undefined && /^arn:[\w:/.-]{1,500}$/.test(taskArn) ? taskArn : shortened(harmless(taskId), 200);

const day = ({ detectedBefore }: FailedTask) => utc(detectedBefore).slice(0, 10);

const shortened = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most - 3)}...`);
