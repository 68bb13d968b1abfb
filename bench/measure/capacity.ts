/**
 * Capacity units from item sizes, by the rules that AWS publishes. The embedded DynamoDB counts none for indexes, and
 * what a table costs is little else.
 *
 *   sizes:   https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 *   units:   https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 *   indexes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as it is on the wire, but for binary values, which the wire has in base64. */
export type Item = Readonly<Record<string, AttributeValue>>;

export interface IndexSchema {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly projected: readonly string[];
}

/** What an index holds of an item. */
export interface IndexEntry {
  readonly bytes: number;
  /** The indexed key; when it changes, the entry is deleted and put. */
  readonly key: string;
  /** All of it: an entry that stays the same is not written. */
  readonly content: string;
}

/** The size of an item: its attributes' names and values. (Storage adds 100 bytes an item, throughput doesn't.) */
export const itemBytes = (item: Item) =>
  Object.entries(item).reduce((sum, [name, value]) => sum + utf8(name) + valueBytes(value), 0);

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return utf8(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined) return binaryBytes(value.B);
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  // List and map: 3 bytes, and 1 for each element.
  if (value.L !== undefined) return value.L.reduce((sum, element) => sum + 1 + valueBytes(element), 3);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  // Of sets the page says nothing: their members, then.
  if (value.SS !== undefined) return value.SS.reduce((sum, text) => sum + utf8(text), 0);
  if (value.NS !== undefined) return value.NS.reduce((sum, number) => sum + numberBytes(number), 0);
  if (value.BS !== undefined) return value.BS.reduce((sum, binary) => sum + binaryBytes(binary), 0);
  throw new Error(`An attribute value of no known type: ${JSON.stringify(value)}`);
}

const utf8 = (text: string) => Buffer.byteLength(text);

/** "Approximately" 1 byte per two significant digits and 1 more; zeros at either end don't count. */
function numberBytes(number: string): number {
  const [mantissa = ''] = number.toLowerCase().split('e');
  const digits = mantissa.replace(/\D/g, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1;
}

/** The raw bytes; JSON has them in base64. */
function binaryBytes(binary: unknown): number {
  return typeof binary === 'string' ? Buffer.from(binary, 'base64').length : (binary as Uint8Array).length;
}

/** One item, or all that one Query or Scan went through: each 4 KB begun, half of it where it need not be consistent. */
export const readUnits = (bytes: number, consistent: boolean) => atLeastOne(bytes / 4096) * (consistent ? 1 : 0.5);

/** A write of an item, refused conditions included: each KB begun of the larger of the item before and after. */
export const writeUnits = (bytesBefore = 0, bytesAfter = 0) => atLeastOne(Math.max(bytesBefore, bytesAfter) / 1024);

/** Reading what isn't there, and deleting it, costs as much as the smallest item. */
const atLeastOne = (units: number) => Math.max(1, Math.ceil(units));

/** @returns undefined for an item without both keys of the index, which isn't in it */
export function indexEntry(
  item: Item | undefined,
  tableKeys: readonly string[],
  index: IndexSchema,
): IndexEntry | undefined {
  const keys = [index.partitionKey, index.sortKey];
  if (item === undefined || keys.some(name => item[name] === undefined)) return undefined;
  const names = new Set([...tableKeys, ...keys, ...index.projected].filter(name => item[name] !== undefined));
  const entry = Object.fromEntries([...names].map(name => [name, item[name] as AttributeValue]));
  return {
    bytes: itemBytes(entry),
    key: JSON.stringify(keys.map(name => item[name])),
    content: JSON.stringify(entry),
  };
}

/** What a write of the table's item costs in one index: nothing unless its entry changes, twice if that has to move. */
export function indexWriteUnits(before: IndexEntry | undefined, after: IndexEntry | undefined): number {
  if (before === undefined && after === undefined) return 0;
  if (before?.content === after?.content) return 0;
  if (before !== undefined && after !== undefined && before.key !== after.key)
    return writeUnits(before.bytes) + writeUnits(after.bytes);
  return writeUnits(before?.bytes, after?.bytes);
}
