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
const marks = ['status', 'publishedStatuses', 'missing', 'messageTruncated'] as const;

type Nothing<T extends never> = T;
/** A field of a row that no list above names, and `toItem` does not write by name, does not compile. */
export type NotStored = Nothing<
  Exclude<
    keyof TaskRow,
    | (typeof texts | typeof times | typeof counts | typeof marks)[number]
    | ('taskId' | 'previousStatus' | 'lastError' | 'settled' | 'nextCheckAt' | 'expiresAt' | 'unknownAttributes')
  >
>;

const known = new Set<string>([
  partitionKey,
  sortKey,
  timeToLive,
  index.partitionKey,
  index.sortKey,
  'formatVersion',
  'previousStatus',
  'lastError',
  ...marks,
  ...texts,
  ...times,
  ...counts,
]);

/** Times are ISO 8601 text, so that the console shows them to people and the index sorts them. */
export const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

/** An object that has each of the names. */
export const each = <N extends string, T>(names: readonly N[], make: (name: N) => T | undefined) =>
  Object.fromEntries(names.map(name => [name, make(name)])) as { [K in N]?: T };

/** The item of a row. Only an unsettled one carries the key of the index, which is what makes the index sparse. */
export function toItem(source: string, row: TaskRow, includeMessage: boolean): Item {
  const item: Item = { ...row.unknownAttributes, ...taskKey(source, row.taskId), formatVersion: FORMAT_VERSION };
  // One by one: a burst writes a thousand rows, and spreading objects takes twice the time.
  const set = (name: string, value: unknown) => {
    if (value !== undefined) item[name] = value;
  };
  set('status', cutToBytes(row.status, MAX_KEPT_BYTES));
  set('previousStatus', row.previousStatus);
  if (row.publishedStatuses.size > 0) set('publishedStatuses', row.publishedStatuses);
  set('lastError', row.lastError);
  set('missing', row.missing);
  if (includeMessage) set('messageTruncated', row.messageTruncated ?? (isKeptWhole(row.message) ? undefined : true));
  for (const name of texts) if (includeMessage || name !== 'message') set(name, kept(row[name]));
  for (const name of times) set(name, iso(row[name]));
  for (const name of counts) set(name, row[name]);
  if (!row.settled) {
    set(index.partitionKey, source);
    set(index.sortKey, iso(row.nextCheckAt ?? 0));
  } else if (row.expiresAt !== undefined) set(timeToLive, Math.ceil(row.expiresAt / 1_000));
  return item;
}

/**
 * What remains of a row that the table refuses as a whole: what keeps the task from being published again, or looked at
 * for ever. What the API said may be why it was refused. A new field does not compile until it is decided here.
 */
type Decisions = Decided<{
  taskId: 'essential';
  status: 'essential';
  settled: 'essential';
  publishedStatuses: 'essential';
  startTime: 'essential';
  firstSeenAt: 'essential';
  lastSeenAt: 'essential';
  firstTerminalAt: 'essential';
  detectedAfter: 'essential';
  publishAttempts: 'essential';
  misses: 'essential';
  firstMissedAt: 'essential';
  missing: 'essential';
  fruitlessChecks: 'essential';
  stalledAt: 'essential';
  messageTruncated: 'essential';
  nextCheckAt: 'essential';
  expiresAt: 'essential';
  lastError: 'dispensable'; // it says that the row was refused
  previousStatus: 'dispensable';
  message: 'dispensable';
  reasonCode: 'dispensable';
  taskArn: 'dispensable';
  opportunityId: 'dispensable';
  resourceSnapshotJobId: 'dispensable';
  engagementId: 'dispensable';
  engagementInvitationId: 'dispensable';
  contextId: 'dispensable';
  unknownAttributes: 'dispensable';
}>;
type Decided<T extends Record<keyof TaskRow, 'essential' | 'dispensable'>> = T;
type Essential = { [K in keyof Decisions]: Decisions[K] extends 'essential' ? K : never }[keyof Decisions];

const essential = [
  'taskId',
  'settled',
  'nextCheckAt',
  'expiresAt',
  ...marks,
  ...times,
  ...counts,
] as const satisfies readonly Essential[];

export function essentialsOf(row: TaskRow): TaskRow {
  // By its type, nothing essential is left out.
  const kept: { [K in Essential]?: unknown } & Record<Exclude<Essential, (typeof essential)[number]>, never> = each(
    essential,
    name => row[name],
  );
  return withoutAbsent({ ...kept, lastError: 'The table refused the row' }) as TaskRow;
}

const isKeptWhole = (text = '') => Buffer.byteLength(text) <= MAX_KEPT_BYTES;

const kept = (text: string | undefined) => text && cutToBytes(text, MAX_KEPT_BYTES);

/**
 * The row of an item. A damaged attribute is read as absent rather than failing the whole page: at worst, an outcome is
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
    each(names, name => read(name, accept));

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
