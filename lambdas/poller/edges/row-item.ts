import { cutToBytes } from '../core/build-event';
import { storedTime as time } from '../core/instant';
import { isTerminal, type ListedTask, withoutAbsent } from '../core/task';
import type { TaskRow } from '../core/task-row';
import { PermanentFailure } from '../errors';
import { tableSchema } from '../table-schema';

/** Raised only for changes that an older reader would misread; unknown attributes are kept, so additions need no new one. */
export const FORMAT_VERSION = 1;

/** @throws PermanentFailure for what a newer release wrote and this one would misread */
export function refuseNewerFormat(what: string, formatVersion: unknown): void {
  if (Number(formatVersion ?? FORMAT_VERSION) <= FORMAT_VERSION) return;
  throw new PermanentFailure(
    `${what} in the snapshot table has format version ${formatVersion}, and this release reads up to ${FORMAT_VERSION}. ` +
      'Deploy the release that wrote it, or a newer one',
  );
}

/** Texts of the API are kept for people, not for publishing: enough of each to recognise it, and a row far below 400 KB. */
const MAX_KEPT_BYTES = 1_024;

type Item = Record<string, unknown>;

const { partitionKey, sortKey, timeToLive, index } = tableSchema;

export const CHECKPOINT_KEY = 'CHECKPOINT';
const TASK_PREFIX = 'TASK#';
export const taskKey = (source: string, taskId: string) => ({
  [partitionKey]: source,
  [sortKey]: TASK_PREFIX + taskId,
});
export const taskIdOf = (item: Item) => String(item[sortKey]).slice(TASK_PREFIX.length);

const texts = [
  'taskArn',
  'message',
  'reasonCode',
  'opportunityId',
  'resourceSnapshotJobId',
  'engagementId',
  'engagementInvitationId',
  'contextId',
] as const satisfies readonly (keyof ListedTask)[];
const times = [
  'startTime',
  'firstSeenAt',
  'lastSeenAt',
  'firstTerminalAt',
  'detectedAfter',
  'firstMissedAt',
  'stalledAt',
] as const;
const counts = ['publishAttempts', 'misses', 'fruitlessChecks'] as const;

const known = new Set<string>([
  partitionKey,
  sortKey,
  timeToLive,
  index.partitionKey,
  index.sortKey,
  'formatVersion',
  'status',
  'previousStatus',
  'publishedStatuses',
  'lastError',
  'missing',
  'messageTruncated',
  ...texts,
  ...times,
  ...counts,
]);

/** Times are ISO 8601 text, so that the console shows them to people and the index sorts them. */
const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

/** The item of a row. Only an unsettled one carries the key of the index, which is what makes the index sparse. */
export function toItem(source: string, row: TaskRow, includeMessage: boolean): Item {
  return withoutAbsent({
    ...row.unknownAttributes,
    ...taskKey(source, row.taskId),
    formatVersion: FORMAT_VERSION,
    status: cutToBytes(row.status, MAX_KEPT_BYTES),
    previousStatus: row.previousStatus,
    publishedStatuses: row.publishedStatuses.size > 0 ? row.publishedStatuses : undefined,
    lastError: row.lastError,
    missing: row.missing,
    messageTruncated: row.messageTruncated ?? (isKeptWhole(row.message) ? undefined : true),
    ...Object.fromEntries(texts.map(name => [name, kept(row[name])])),
    ...(!includeMessage && { message: undefined, messageTruncated: undefined }),
    ...Object.fromEntries(times.map(name => [name, iso(row[name])])),
    ...Object.fromEntries(counts.map(name => [name, row[name]])),
    ...(row.settled
      ? { [timeToLive]: row.expiresAt === undefined ? undefined : Math.ceil(row.expiresAt / 1_000) }
      : { [index.partitionKey]: source, [index.sortKey]: iso(row.nextCheckAt ?? 0) }),
  });
}

const isKeptWhole = (text: string | undefined) => text === undefined || Buffer.byteLength(text) <= MAX_KEPT_BYTES;

const kept = (text: string | undefined) => (text === undefined ? undefined : cutToBytes(text, MAX_KEPT_BYTES));

/**
 * The row of an item. A damaged attribute is read as absent rather than failing the whole page: at worst, an ending is
 * then published a second time with the same id.
 * @returns `damaged` when an attribute was not of its type
 */
export function toRow(item: Item): { row: TaskRow; damaged: boolean } {
  let damaged = false;
  const read = <T>(name: string, accept: (value: unknown) => T | undefined): T | undefined => {
    const value = item[name];
    if (value === undefined || value === null) return undefined;
    const accepted = accept(value);
    if (accepted === undefined) damaged = true;
    return accepted;
  };
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const count = (value: unknown) => (typeof value === 'number' ? value : undefined);
  const all = <N extends string, T>(names: readonly N[], accept: (value: unknown) => T | undefined) =>
    Object.fromEntries(names.map(name => [name, read(name, accept)])) as { [K in N]?: T };

  const settled = item[index.partitionKey] === undefined;
  const seconds = read(timeToLive, count);
  const row = withoutAbsent({
    taskId: taskIdOf(item),
    status: read('status', text) ?? '',
    previousStatus: read('previousStatus', text),
    settled,
    publishedStatuses:
      read('publishedStatuses', value => (isSetOfTexts(value) ? value : undefined)) ?? new Set<string>(),
    lastError: read('lastError', text),
    missing: item.missing === true ? (true as const) : undefined,
    messageTruncated: item.messageTruncated === true ? (true as const) : undefined,
    ...all(texts, text),
    ...all(times, time),
    ...all(counts, count),
    firstSeenAt: read('firstSeenAt', time) ?? 0,
    lastSeenAt: read('lastSeenAt', time) ?? 0,
    nextCheckAt: settled ? undefined : (read(index.sortKey, time) ?? 0),
    expiresAt: seconds === undefined ? undefined : seconds * 1_000,
    unknownAttributes: unknownAttributes(item),
  }) as TaskRow;
  // A terminal status that was dealt with is always among the published ones.
  if (row.status === '' || (settled && isTerminal(row.status) && row.publishedStatuses.size === 0)) damaged = true;
  return { row, damaged };
}

/** A set of another kind would make the row one that the table refuses. */
function isSetOfTexts(value: unknown): value is Set<string> {
  return value instanceof Set && [...value].every(member => typeof member === 'string');
}

function unknownAttributes(item: Item): Item | undefined {
  const others = Object.entries(item).filter(([name]) => !known.has(name));
  return others.length > 0 ? Object.fromEntries(others) : undefined;
}
