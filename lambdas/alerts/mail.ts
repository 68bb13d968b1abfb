/**
 * Text for people about failed tasks, as plain e-mail: one mail for all that failed together, or a few when one SNS
 * message can't hold them. The text about a reason appears once, the first tasks of each reason have all their details,
 * and every other task has a line of its own, so that none is lost. Pure.
 */
import { catalogs, type FailedTask, type Kind, kindsOf, noMessage, reasonName, reasonsIn } from './failed-task';
import { logsLink, type PollerLogs } from './logs-link';
import { listCommand, purpose, readingOf } from './task-types';
import { byteLength, count, cut, field, harmless, type Limit, oneLine, severalLines, utc } from './text';

export interface Mail {
  readonly subject: string;
  readonly body: string;
  /** The tasks in this mail. */
  readonly tasks: readonly FailedTask[];
}

/** Of 262,144 bytes that SNS takes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const mostBytes = 250_000;
/** Reserved for the opening with its list of reasons, and for the end. */
const frameBytes = 20_000;
/** A subject is ASCII, in one line, of fewer than 100 characters (the same page). */
const subjectCharacters = 99;

/** Tasks with all their details: of each reason, and in all. */
const mostInFull = { ofAKind: 3, ofAll: 50 };
const mostReasonsListed = 40;
/** Each link has some 350 characters; what fails together was nearly always seen by one or two runs. */
const mostRunsLinked = 50;

// A mail about one task shows 100 KB of message whole. In a burst, 50 tasks of 3 KB and their fields stay below one SNS message.
const messageLimit = {
  alone: { characters: 150_000, bytes: 200_000 },
  amongOthers: { characters: 1_000, bytes: 3_000 },
  inALine: { characters: 100, bytes: 200 },
} as const satisfies Record<string, Limit>;

const indent = '    ';
const rule = '-'.repeat(70);

/**
 * Writes the mails.
 * @param tasks at least one
 * @returns one mail, or as few as hold them all: each task is in exactly one, and each mail has less than 256 KB
 */
export function formatMails(tasks: readonly FailedTask[], logs: PollerLogs): Mail[] {
  const kinds = kindsOf(tasks);
  const parts = packed(itemsOf(kinds), logs);
  const catalog = catalogs(tasks);
  const opening = [
    `${count(tasks.length, 'task')} failed in Partner Central (catalog ${catalog})${reasonsIn(kinds) > 1 ? `, for ${reasonsIn(kinds)} reasons` : ''}.`,
    ...(kinds.length > 1 ? reasonList(kinds) : []),
  ];
  return parts.map((part, index) => {
    const place = parts.length === 1 ? '' : `part ${index + 1} of ${parts.length}`;
    return {
      subject: subjectLine(`Partner Central ${catalog}: ${headline(kinds)}`, place && ` [${place}]`),
      body: [
        ...opening,
        ...(place && [`This is ${place}: no mail can hold them all.`]),
        ...part.lines,
        ...logLines(part),
        '',
        `"What it means" and "What to do" are our reading: AWS documents no meanings of its reason codes.`,
      ].join('\n'),
      tasks: part.tasks,
    };
  });
}

function headline(kinds: readonly Kind[]): string {
  const number = kinds.reduce((sum, kind) => sum + kind.tasks.length, 0);
  const what = number === 1 ? 'task failed' : `${count(number, 'task')} failed`;
  const reasons = reasonsIn(kinds);
  return reasons === 1 ? `${what} (${reasonName(kinds[0]?.reasonCode)})` : `${what} for ${reasons} reasons`;
}

function reasonList(kinds: readonly Kind[]): string[] {
  const [shown, others] = [kinds.slice(0, mostReasonsListed), kinds.slice(mostReasonsListed)];
  const ofOneType = new Set(kinds.map(kind => kind.taskType)).size === 1;
  const name = ({ reasonCode, taskType }: Kind) =>
    `${field(reasonName(reasonCode))}${ofOneType ? '' : `, ${purpose(taskType)}`}`;
  const rows = shown.map(kind => [kind.tasks.length, name(kind)] as const);
  const rest = others.reduce((sum, { tasks }) => sum + tasks.length, 0);
  const all = [...rows, ...(rest > 0 ? [[rest, `${count(others.length, 'other reason')}, below`] as const] : [])];
  return ['', ...all.map(([number, name]) => `${number.toLocaleString('en-US').padStart(8)}  ${name}`)];
}

/** The lines of one task, and what has to stand above them in the same mail. */
interface Item {
  readonly task: FailedTask;
  readonly lines: readonly string[];
  readonly kind: Kind;
  readonly heading: readonly string[];
}

function itemsOf(kinds: readonly Kind[]): Item[] {
  const isAlone = kinds.length === 1 && kinds[0]?.tasks.length === 1;
  let inFullLeft = mostInFull.ofAll;
  return kinds.flatMap(kind => {
    const inFull = Math.min(kind.tasks.length, mostInFull.ofAKind, inFullLeft);
    inFullLeft -= inFull;
    const [heading, continued] = [
      headingOf(kind, isAlone),
      ['', rule, `${nameLine(kind)}, continued`, typeLine(kind), ''],
    ];
    const messagesInFull = new Set(kind.tasks.slice(0, inFull).map(task => task.message));
    return kind.tasks.map((task, index) => ({
      task,
      kind,
      heading: index === 0 ? heading : continued,
      lines:
        index < inFull
          ? inDetail(task, title(kind, index), isAlone)
          : [...(index === inFull ? othersTitle(inFull) : []), inALine(task, messagesInFull)],
    }));
  });
}

const title = ({ tasks }: Kind, index: number) =>
  tasks.length === 1 ? 'Task' : `Task ${index + 1} of ${tasks.length.toLocaleString('en-US')}`;

const othersTitle = (inFull: number) =>
  inFull === 0 ? [''] : ['', 'The others; a message is shown where it differs from those above:'];

function nameLine({ reasonCode, tasks }: Kind): string {
  const category = tasks[0].reasonCategory && ` (category ${field(tasks[0].reasonCategory)})`;
  return `Reason: ${reasonCode === undefined ? 'none given' : field(reasonCode)}${category ?? ''}`;
}

const typeLine = ({ taskType }: Kind) => `What failed: a task ${purpose(taskType)} (${field(taskType)})`;

function headingOf(kind: Kind, isAlone: boolean): string[] {
  const { meaning, action } = readingOf(kind.taskType, kind.reasonCode);
  const others = kind.tasks.length - 1;
  return [
    '',
    ...(isAlone ? [] : [rule]),
    nameLine(kind),
    typeLine(kind),
    `What it means: ${meaning}`,
    `What to do: ${action}`,
    `More like this: ${others === 0 ? 'none' : count(others, 'task')}`,
  ];
}

function inDetail(task: FailedTask, heading: string, isAlone: boolean): string[] {
  const { detectedAfter, detectedBefore } = task;
  const context = task.contextId && ` (context ${field(task.contextId)})`;
  const seen = detectedAfter ? `between ${utc(detectedAfter)} and ${utc(detectedBefore)}` : `at ${utc(detectedBefore)}`;
  return [
    '',
    `${heading}: ${field(task.taskId)}`,
    task.engagementId && `Engagement: ${field(task.engagementId)}${context ?? ''}`,
    task.engagementInvitationId && `Invitation: ${field(task.engagementInvitationId)}`,
    task.opportunityId && `Opportunity: ${field(task.opportunityId)}`,
    ...messageLines(task, isAlone ? messageLimit.alone : messageLimit.amongOthers),
    task.startTime && `Started: ${utc(task.startTime)}`,
    `Seen to fail: ${seen}`,
    task.taskArn && `Task ARN: ${field(task.taskArn)}`,
    isAlone && `Event: ${task.eventId}`,
    `Run: ${field(task.runId)}`,
    ...(isAlone ? lookUp(task) : []),
  ].filter(line => typeof line === 'string');
}

function messageLines({ message, messageTruncated }: FailedTask, limit: Limit): string[] {
  if (message === undefined) return [`Message from Partner Central: ${noMessage}`];
  return [`Message from Partner Central:\n${indent}${quoted(message, limit, messageTruncated === true)}`];
}

/** For a terminal, so only with a catalog and an id of the shape that AWS gives them. */
function lookUp({ catalog, taskType, taskId }: FailedTask): string[] {
  const command = listCommand(taskType);
  if (!command || !/^[A-Za-z]+$/.test(catalog) || !/^task-[0-9a-z]{13}$/.test(taskId)) return [];
  const which = `--region us-east-1 --catalog ${catalog} --task-identifier ${taskId}`;
  return ['', 'To look at it as it is now:', `${command} ${which}`];
}

function inALine(task: FailedTask, messagesShown: ReadonlySet<string | undefined>): string {
  const { message } = task;
  const { taskId, engagementId, engagementInvitationId, opportunityId } = task;
  const ids = [taskId, engagementId, engagementInvitationId, opportunityId].filter(id => id !== undefined).map(field);
  const isNew = message !== undefined && !messagesShown.has(message);
  const excerpt = isNew ? [`"${oneLine(message, messageLimit.inALine)}"`] : [];
  return `  ${[...ids, utc(task.detectedBefore), ...excerpt].join('  ')}`;
}

function quoted(message: string, limit: Limit, cutInTheEvent: boolean): string {
  const text = severalLines(message);
  const shown = cut(text, limit, {
    note: cutInTheEvent ? '; the event has more of it' : '; the event has it whole',
    // A line break counts with the indent it will get.
    bytesOf: character => byteLength(character) + (character === '\n' ? indent.length : 0),
  });
  const note = cutInTheEvent && shown === text ? '… (cut, it was too long for an event)' : '';
  return `${shown}${note}`.replaceAll('\n', `\n${indent}`);
}

interface Part {
  readonly lines: string[];
  readonly tasks: FailedTask[];
  /** Run id to link, of the runs that saw these tasks. */
  readonly links: Map<string, string>;
}

/** Fills one mail after the other. An item is far smaller than a mail, so each mail has at least one. */
function packed(items: readonly Item[], logs: PollerLogs): Part[] {
  const parts: Part[] = [];
  const newPart = () => {
    parts.push({ lines: [], tasks: [], links: new Map() });
    return { part: parts.at(-1) as Part, kind: undefined as Kind | undefined, bytes: frameBytes };
  };
  let open = newPart();
  for (const item of items) {
    let added = additions(item, open, logs);
    if (open.part.tasks.length > 0 && open.bytes + added.bytes > mostBytes) {
      open = newPart();
      added = additions(item, open, logs);
    }
    open.part.lines.push(...added.lines);
    open.part.tasks.push(item.task);
    if (added.link !== undefined) open.part.links.set(item.task.runId, added.link);
    open = { part: open.part, kind: item.kind, bytes: open.bytes + added.bytes };
  }
  return parts;
}

/** The lines that an item adds to a mail: its own, those of its reason unless the mail has them, and the link of its run. */
function additions(
  { task, kind, heading, lines }: Item,
  open: { part: Part; kind?: Kind | undefined },
  logs: PollerLogs,
) {
  const all = [...(open.kind === kind ? [] : heading), ...lines];
  const { links } = open.part;
  const link = links.has(task.runId) || links.size >= mostRunsLinked ? undefined : logsLink(logs, task);
  const linkBytes = link === undefined ? 0 : byteLength(`${field(task.runId)}\n${indent}${link}\n`);
  return { lines: all, link, bytes: byteLength(`${all.join('\n')}\n`) + linkBytes };
}

function logLines({ links, tasks }: Part): string[] {
  const [first] = links.values();
  const runs = new Set(tasks.map(task => task.runId)).size;
  if (runs === 1) return ['', `Logs of the run that saw ${tasks.length === 1 ? 'it' : 'them'}:`, String(first)];
  const linked = [...links].flatMap(([runId, link]) => [field(runId), `${indent}${link}`]);
  return [
    '',
    'Logs of the runs that saw them:',
    ...linked,
    ...(runs > links.size ? [`and ${runs - links.size} more`] : []),
  ];
}

/** @param suffix what must not be cut */
function subjectLine(text: string, suffix: string): string {
  const ascii = harmless(text);
  const most = subjectCharacters - suffix.length;
  return `${ascii.length <= most ? ascii : `${ascii.slice(0, most - 3)}...`}${suffix}`;
}
