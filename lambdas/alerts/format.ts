/**
 * Text for people about failed tasks: one mail for all that failed together. Pure.
 *
 * Nothing that comes from the API is trusted: it is cut to a length, its line breaks can't start a line that looks like
 * one of ours, and control characters are shown instead of sent, for SNS refuses a text with some of them, and one task
 * must not hold back the mail about the others.
 */
import * as v from 'valibot';
import { TASK_FAILED } from '../event-names';
import { type TaskEvent, taskEventSchema } from '../task-event';

/** So many fit into one SNS message, even if every text of every task is as long as it can be. */
export const mostTasksInAMail = 50;

/** A subject is ASCII, in one line, of fewer than 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const subjectCharacters = 99;

// What keeps 50 tasks under the 256 KB of an SNS message: about 2 KB of fields and 3 KB of message each.
const messageLimit = { characters: 1_000, bytes: 3_000 };
const fieldLimit = { characters: 200, bytes: 200 }; // far above every real identifier
const indent = '    ';

export interface Mail {
  readonly subject: string;
  readonly body: string;
}

const envelopeSchema = v.object({ 'detail-type': v.literal(TASK_FAILED), detail: taskEventSchema });

/**
 * Reads a failed task out of an EventBridge event, as text. Fields that it does not know are ignored.
 * @throws SyntaxError or v.ValiError when the text is not such an event
 */
export function parseFailedTask(eventBridgeEvent: string): TaskEvent {
  return v.parse(envelopeSchema, JSON.parse(eventBridgeEvent)).detail;
}

/**
 * Writes the mail.
 * @param tasks 1 to `mostTasksInAMail`; the body then has less than 256 KB
 */
export function formatMail(tasks: readonly TaskEvent[]): Mail {
  const catalog = [...new Set(tasks.map(task => field(task.catalog)))].join(', ');
  const count = tasks.length === 1 ? '1 task' : `${tasks.length} tasks`;
  const headline =
    tasks.length === 1 ? `task failed (${tasks[0]?.reasonCode ?? 'no reason given'})` : `${tasks.length} tasks failed`;
  const sections = tasks.map((task, index) =>
    section(tasks.length === 1 ? 'Task' : `Task ${index + 1} of ${tasks.length}`, task),
  );
  return {
    subject: subjectLine(`Partner Central ${catalog}: ${headline}`),
    body: [`${count} failed in Partner Central (catalog ${catalog}).`, ...sections].join('\n\n'),
  };
}

function section(title: string, task: TaskEvent): string {
  const category = task.reasonCategory && ` (category ${task.reasonCategory})`;
  const seen = task.detectedAfter
    ? `between ${task.detectedAfter} and ${task.detectedBefore}`
    : `at ${task.detectedBefore}`;
  return [
    `${title}: ${field(task.taskId)} (${field(task.taskType)})`,
    task.engagementId && `Engagement: ${field(task.engagementId)}`,
    task.opportunityId && `Opportunity: ${field(task.opportunityId)}`,
    task.reasonCode && `Reason: ${field(task.reasonCode)}${category ?? ''}`,
    task.message && `Message:\n${indent}${quoted(task.message, task.messageTruncated === true)}`,
    task.startTime && `Started: ${task.startTime}`,
    `Seen to fail: ${seen}`,
    task.taskArn && `Task ARN: ${field(task.taskArn)}`,
    `Event: ${task.eventId}`,
    `Run: ${field(task.runId)}`,
  ]
    .filter(Boolean)
    .join('\n');
}

function quoted(message: string, cutInTheEvent: boolean): string {
  const text = withoutControlCharacters(message.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n'));
  const shown = cut(text, messageLimit, cutInTheEvent ? '; the event has more of it' : '; the event has it whole');
  const note = cutInTheEvent && shown === text ? '… (cut, it was too long for an event)' : '';
  return `${shown}${note}`.replaceAll('\n', `\n${indent}`);
}

function field(text: string): string {
  return cut(withoutControlCharacters(text.replace(/[\s\u0085]+/g, ' ')), fieldLimit, '');
}

/** Cuts after whole characters and says how many are missing. A line break counts with the indent it will get. */
function cut(text: string, limit: { characters: number; bytes: number }, note: string): string {
  let [characters, bytes, end] = [0, 0, 0];
  for (const character of text) {
    characters += 1;
    bytes += character === '\n' ? 1 + indent.length : Buffer.byteLength(character);
    if (characters > limit.characters || bytes > limit.bytes) {
      const missing = [...text.slice(end)].length;
      return `${text.slice(0, end)}… (cut, ${missing} more characters${note})`;
    }
    end += character.length;
  }
  return text;
}

/** Line breaks and tabs stay; half a surrogate pair, which is no text at all, is shown in the same way. */
function withoutControlCharacters(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cs}]/gu, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function subjectLine(text: string): string {
  const ascii = text.replace(/[^ -~]/gu, '?');
  return ascii.length <= subjectCharacters ? ascii : `${ascii.slice(0, subjectCharacters - 3)}...`;
}
