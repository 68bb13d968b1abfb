/**
 * Capacity units from item sizes, by AWS's published rules. The embedded DynamoDB counts none for indexes, and indexes
 * cause most of a table's cost.
 *
 *   sizes:   https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 *   units:   https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 *   indexes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as on the wire, where binary values are base64. */
export type Item = Readonly<Record<string, AttributeValue>>;

export interface IndexSchema {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly projected: readonly string[];
}

/** The projection of an item in an index. */
export interface IndexEntry {
  readonly bytes: number;
  /** The indexed key. When it changes, the old entry is deleted and a new one is written. */
  readonly key: string;
  /** The whole entry. An unchanged entry is not written. */
  readonly content: string;
}

/** Size of an item: attribute names and values. (Storage adds 100 bytes an item, throughput doesn't.) */
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
  // The page doesn't mention sets: count their members.
  if (value.SS !== undefined) return value.SS.reduce((sum, text) => sum + utf8(text), 0);
  if (value.NS !== undefined) return value.NS.reduce((sum, number) => sum + numberBytes(number), 0);
  if (value.BS !== undefined) return value.BS.reduce((sum, binary) => sum + binaryBytes(binary), 0);
  throw new Error(`Unknown type of attribute value: ${JSON.stringify(value)}`);
}

const utf8 = (text: string) => Buffer.byteLength(text);

/** "Approximately" 1 byte for every two significant digits, plus 1. Leading and trailing zeros don't count. */
function numberBytes(number: string): number {
  const [mantissa = ''] = number.toLowerCase().split('e');
  const digits = mantissa.replace(/\D/g, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1;
}

/** Raw bytes; JSON has base64. */
function binaryBytes(binary: unknown): number {
  return typeof binary === 'string' ? Buffer.from(binary, 'base64').length : (binary as Uint8Array).length;
}

/** For one item, or for all items that one Query or Scan read: each 4 KB begun, half for eventual consistency. */
export const readUnits = (bytes: number, consistent: boolean) => atLeastOne(bytes / 4096) * (consistent ? 1 : 0.5);

/** For one write, also one with a failed condition: each KB begun of the larger of the item before and after. */
export const writeUnits = (bytesBefore = 0, bytesAfter = 0) => atLeastOne(Math.max(bytesBefore, bytesAfter) / 1024);

/** Reading or deleting a missing item costs as much as the smallest item. */
const atLeastOne = (units: number) => Math.max(1, Math.ceil(units));

/** @returns undefined for an item that lacks a key of the index: it is not in the index */
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

/** Cost of a table write in one index: nothing if the entry is unchanged, two writes if its key changes. */
export function indexWriteUnits(before: IndexEntry | undefined, after: IndexEntry | undefined): number {
  if (before === undefined && after === undefined) return 0;
  if (before?.content === after?.content) return 0;
  if (before !== undefined && after !== undefined && before.key !== after.key)
    return writeUnits(before.bytes) + writeUnits(after.bytes);
  return writeUnits(before?.bytes, after?.bytes);
}
