/**
 * The items of a table in one file, for the process that has locked its folder: lines of DynamoDB's JSON, of which the last
 * one of an item is the item. A line is appended before a write returns, so that a kill at any moment leaves the file
 * readable; at most its last line is cut off, and that write never returned.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { tableSchema } from '../../../lambdas/poller/table-schema';
import { CommandFailure } from '../../lib/context';
import { moment } from '../../lib/plan-words';

export type Item = Readonly<Record<string, unknown>>;

const { partitionKey, sortKey, timeToLive } = tableSchema;
const nameOf = (item: Item) => JSON.stringify([item[partitionKey], item[sortKey]]);

export interface ItemFile {
  get(key: Item): Item | undefined;
  all(): Iterable<Item>;
  /**
   * Writes whole items: all of them or, if the process dies meanwhile, the first ones.
   * @throws CommandFailure when the disk does not take them
   */
  put(items: readonly Item[]): void;
  close(): void;
}

/**
 * @param now decides what has expired, which DynamoDB would delete: it is dropped when the file is opened
 * @throws CommandFailure when the folder can't be read
 */
export function openItemFile(folder: string, now: number): ItemFile {
  const file = join(folder, 'table.jsonl');
  refuseEarlierForm(folder, file);
  const items = new Map<string, Item>();
  for (const item of itemsIn(file)) items.set(nameOf(item), item);
  for (const [name, item] of items)
    if (Number(item[timeToLive] ?? Number.POSITIVE_INFINITY) * 1_000 < now) items.delete(name);
  let lines = 0;
  let handle = rewrite();
  let failure: CommandFailure | undefined;

  /** The file with each item once. A process that dies in between leaves the old file whole. */
  function rewrite(): number {
    writeFileSync(`${file}.new`, [...items.values()].map(toLine).join(''));
    renameSync(`${file}.new`, file);
    lines = items.size;
    return openSync(file, 'a');
  }

  return {
    get: key => items.get(nameOf(key)),
    all: () => items.values(),
    put(written) {
      if (failure) throw failure; // behind half a line, another one would be lost
      try {
        appendFileSync(handle, written.map(toLine).join(''));
      } catch (error) {
        failure = new CommandFailure(`${file} can't be written: ${(error as Error).message}.`);
        throw failure;
      }
      for (const item of written) items.set(nameOf(item), item);
      lines += written.length;
      if (lines < 2 * items.size + 10_000) return;
      closeSync(handle);
      handle = rewrite();
    },
    close: () => closeSync(handle),
  };
}

const toLine = (item: Item) => `${JSON.stringify(marshall(item, { removeUndefinedValues: true }))}\n`;

/** @throws CommandFailure for a file that was changed by hand or damaged */
function itemsIn(file: string): Item[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop(); // empty, unless a process was killed while it wrote
  try {
    return lines.map(line => unmarshall(JSON.parse(line) as Record<string, AttributeValue>));
  } catch (error) {
    throw new CommandFailure(
      `${file} is damaged: ${(error as Error).message}. Restore it, or move it away to start empty, with --since.`,
    );
  }
}

/** Before, the folder held the files of an embedded DynamoDB. Starting empty beside them would publish again silently. */
function refuseEarlierForm(folder: string, file: string): void {
  const theirs = join(folder, 'CURRENT');
  if (existsSync(file) || !existsSync(theirs)) return;
  throw new CommandFailure(
    `${folder} was written by an earlier release, in a form that this one does not read; it was last opened at ${moment(statSync(theirs).mtimeMs)}. ` +
      'Name another folder with --keep and, with --since, a moment before the oldest task that was running then: ' +
      'events of tasks that started after it are written again, with the same eventId.',
  );
}
