import { createHash } from 'node:crypto';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED, type TaskDetailType } from '../../event-names';
import { reasonCategory } from '../../reason-categories';
import type { TaskEvent, TaskStalledEvent } from '../../task-event';
import { type TerminalStatus, withoutAbsent } from './task';
import type { TaskRow } from './task-row';

type Replay = Pick<TaskEvent, 'replayId' | 'replayAlerts'>;

/** What every event of a run has in common. */
export interface EventFrame {
  readonly catalog: string;
  readonly taskFamily: string;
  readonly sourceName?: string | undefined;
  readonly runId: string;
  readonly includeMessage: boolean;
  readonly eventSource: string;
  readonly eventBusName: string;
  readonly stalledAfterMinutes: number;
  /** Replays only: these events were published before. */
  readonly replay?: Replay;
}

/** One entry of a PutEvents call. */
export interface EventEntry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: TaskDetailType;
  readonly Resources: string[];
  readonly Detail: string;
}

/**
 * The same for every delivery of one outcome, or of one stalled task. It is made of what never changes about a task;
 * StartTime does, by milliseconds. The name of the source is left out: the ARN of a task has no account, so its id is
 * unique without one, and a source that gets a name publishes the same ids as before.
 */
export function eventId(
  catalog: string,
  taskFamily: string,
  taskId: string,
  what: TerminalStatus | typeof STALLED,
): string {
  return createHash('sha256')
    .update(JSON.stringify([catalog, taskFamily, taskId, what]))
    .digest('hex');
}

/** In the id of a stalled task, in place of a terminal status. */
const STALLED = 'STALLED';

const identity = (row: TaskRow, frame: EventFrame, what: TerminalStatus | typeof STALLED) => ({
  schemaVersion: '1' as const,
  eventId: eventId(frame.catalog, frame.taskFamily, row.taskId, what),
  runId: frame.runId,
  catalog: frame.catalog,
  taskType: frame.taskFamily,
  sourceName: frame.sourceName,
  taskId: row.taskId,
  taskArn: row.taskArn,
  ...frame.replay,
});

const belongings = (row: TaskRow) => ({
  opportunityId: row.opportunityId,
  resourceSnapshotJobId: row.resourceSnapshotJobId,
  engagementId: row.engagementId,
  engagementInvitationId: row.engagementInvitationId,
  contextId: row.contextId,
});

/** @param row the settled row that is to be written once this event is accepted */
export function buildEvent(row: TaskRow, frame: EventFrame): TaskEvent {
  const taskStatus = row.status as TerminalStatus;
  return withoutAbsent({
    ...identity(row, frame, taskStatus),
    taskStatus,
    previousStatus: row.previousStatus,
    startTime: isoTime(row.startTime),
    reasonCode: row.reasonCode,
    reasonCategory: row.reasonCode === undefined ? undefined : reasonCategory(row.reasonCode),
    message: frame.includeMessage ? row.message : undefined,
    messageTruncated: frame.includeMessage ? row.messageTruncated : undefined,
    ...belongings(row),
    detectedAfter: isoTime(row.detectedAfter),
    detectedBefore: new Date(row.firstTerminalAt as number).toISOString(),
    // If a field of the schema is missing here, the code does not compile.
  } satisfies Record<Exclude<keyof TaskEvent, keyof Replay>, unknown>);
}

/** @param row of a running task, with `stalledAt`, as it is to be written once this event is accepted */
export function buildStalledEvent(row: TaskRow, frame: EventFrame): TaskStalledEvent {
  return withoutAbsent({
    ...identity(row, frame, STALLED),
    taskStatus: row.status,
    startTime: new Date(row.startTime as number).toISOString(),
    ...belongings(row),
    stalledAfterMinutes: frame.stalledAfterMinutes,
    detectedBefore: new Date(row.stalledAt as number).toISOString(),
  });
}

const isoTime = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

/**
 * PutEvents takes 256 KB a call (1 MB since January 2026, but not documented everywhere; targets such as SQS had the
 * same limit). An entry is at most 4 KB smaller, because EventBridge adds its envelope on the way to a target.
 */
export const MAX_CALL_BYTES = 262_144;
export const MAX_ENTRY_BYTES = MAX_CALL_BYTES - 4_096;
export const MAX_CALL_ENTRIES = 10;

/** Size as EventBridge counts it; our entries carry no Time. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
export function entryBytes(entry: EventEntry): number {
  return [entry.Source, entry.DetailType, entry.Detail, ...entry.Resources].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
}

/** The entry of a row: a settled row is a finished task, any other is a stalled one. */
export function entryOf(row: TaskRow, frame: EventFrame): EventEntry {
  if (row.settled) return toEntry(buildEvent(row, frame), frame);
  return wrap(buildStalledEvent(row, frame), TASK_STALLED, frame);
}

export const detailTypeOf = ({ settled, status }: Pick<TaskRow, 'settled' | 'status'>): TaskDetailType =>
  settled ? finishedType(status) : TASK_STALLED;

const finishedType = (taskStatus: string) => (taskStatus === 'FAILED' ? TASK_FAILED : TASK_COMPLETED);

function wrap(event: TaskEvent | TaskStalledEvent, detailType: TaskDetailType, frame: EventFrame): EventEntry {
  return {
    EventBusName: frame.eventBusName,
    Source: frame.eventSource,
    DetailType: detailType,
    Resources: event.taskArn === undefined ? [] : [event.taskArn],
    Detail: JSON.stringify(event),
  };
}

/**
 * Wraps the event of a finished task for PutEvents. A message that is too long for an entry is cut and marked.
 * The entry is larger than MAX_ENTRY_BYTES only if the rest of the event is.
 */
export function toEntry(event: TaskEvent, frame: EventFrame): EventEntry {
  const wrapFinished = (finished: TaskEvent) => wrap(finished, finishedType(finished.taskStatus), frame);
  const whole = wrapFinished(event);
  if (entryBytes(whole) <= MAX_ENTRY_BYTES || event.message === undefined) return whole;
  const { message, ...rest } = event;
  const room = MAX_ENTRY_BYTES - entryBytes(wrapFinished({ ...rest, message: '', messageTruncated: true }));
  const kept = cutToBytes(message, room, text => Buffer.byteLength(JSON.stringify(text)) - 2);
  return wrapFinished({ ...rest, ...(kept !== '' && { message: kept }), messageTruncated: true });
}

/** The longest prefix of `text` that measures at most `room`. It never splits a surrogate pair. */
export function cutToBytes(text: string, room: number, measure: (text: string) => number = Buffer.byteLength): string {
  if (measure(text) <= room) return text;
  let fits = 0;
  let tooLong = Math.min(text.length, Math.max(room, 0)) + 1;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >>> 1;
    if (measure(text.slice(0, middle)) <= room) fits = middle;
    else tooLong = middle;
  }
  const splitsPair = fits > 0 && /[\uD800-\uDBFF]/.test(text[fits - 1] as string);
  return text.slice(0, splitsPair ? fits - 1 : fits);
}
