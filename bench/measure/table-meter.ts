import type { Call, Reply } from '../../local/services/service';
import {
  type IndexEntry,
  type IndexSchema,
  type Item,
  indexEntry,
  indexWriteUnits,
  itemBytes,
  readUnits,
  writeUnits,
} from './capacity';

export interface MeteredTable {
  readonly keys: readonly string[];
  readonly index?: IndexSchema;
}

/** Kept of each item to price its next write. */
interface Stored {
  readonly bytes: number;
  readonly entry?: IndexEntry | undefined;
}

export interface Units {
  read: number;
  write: number;
}

type Wire = Record<string, unknown>;

/**
 * Sums the capacity units of all requests to one table. It must observe the table from its creation, because the price
 * of a write depends on the item before it. It supports the operations of the two pollers and throws for any other.
 */
export function tableMeter({ keys, index }: MeteredTable) {
  const stored = new Map<string, Stored>();
  let units: Units = { read: 0, write: 0 };

  const keyOf = (item: Item) => keys.map(name => item[name]?.S).join('\n');

  function write(key: Item, item: Item | undefined) {
    const before = stored.get(keyOf(key));
    const entry = index && indexEntry(item, keys, index);
    const after = item && { bytes: itemBytes(item), entry };
    units.write += writeUnits(before?.bytes, after?.bytes) + indexWriteUnits(before?.entry, after?.entry);
    if (after) stored.set(keyOf(key), after);
    else stored.delete(keyOf(key));
  }

  function readEach({ Keys, ConsistentRead }: { Keys: Item[]; ConsistentRead?: boolean }, unprocessed: Item[] = []) {
    const notRead = new Set(unprocessed.map(keyOf));
    for (const key of Keys.map(keyOf).filter(text => !notRead.has(text)))
      units.read += readUnits(stored.get(key)?.bytes ?? 0, ConsistentRead === true);
  }

  function observe({ operation, input }: Call, reply: Reply): void {
    if (operation === 'CreateTable' || operation === 'DescribeTable') return;
    const answer = JSON.parse(String(reply.body)) as Wire;
    if (reply.status !== 200) {
      // Other refusals cost nothing.
      if (!String(answer.__type).endsWith('ConditionalCheckFailedException')) return;
      units.write += writeUnits(stored.get(keyOf(input.Key as Item))?.bytes);
      return;
    }
    switch (operation) {
      case 'UpdateItem':
        if (input.ReturnValues !== 'ALL_NEW') throw unmetered(operation, 'without ReturnValues ALL_NEW');
        write(input.Key as Item, answer.Attributes as Item);
        return;
      case 'BatchWriteItem': {
        if (Object.keys((answer.UnprocessedItems ?? {}) as Wire).length > 0) throw unmetered(operation, 'half done');
        for (const { PutRequest, DeleteRequest } of batch<WriteRequest[]>(input).flat()) {
          if (PutRequest) write(PutRequest.Item, PutRequest.Item);
          if (DeleteRequest) write(DeleteRequest.Key, undefined);
        }
        return;
      }
      case 'BatchGetItem':
        for (const request of batch<{ Keys: Item[]; ConsistentRead?: boolean }>(input)) {
          const [left] = Object.values((answer.UnprocessedKeys ?? {}) as Record<string, { Keys: Item[] }>);
          readEach(request, left?.Keys);
        }
        return;
      case 'Query':
      case 'Scan': {
        const narrowed = ['FilterExpression', 'ProjectionExpression', 'Select'].find(name => name in input);
        if (narrowed) throw unmetered(operation, `with ${narrowed}`); // it reads more than it returns
        const bytes = (answer.Items as Item[]).reduce((sum, item) => sum + itemBytes(item), 0);
        units.read += readUnits(bytes, input.ConsistentRead === true);
        return;
      }
      default:
        throw unmetered(operation, 'at all');
    }
  }

  return {
    observe,
    /** Units since the last call. */
    take(): Units {
      const taken = units;
      units = { read: 0, write: 0 };
      return taken;
    },
    /** Mean size of an item that is not in the index, in bytes. */
    meanBytes(): number {
      const sizes = [...stored.values()].filter(({ entry }) => entry === undefined).map(({ bytes }) => bytes);
      return sizes.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, sizes.length);
    },
  };
}

export type TableMeter = ReturnType<typeof tableMeter>;

interface WriteRequest {
  readonly PutRequest?: { readonly Item: Item };
  readonly DeleteRequest?: { readonly Key: Item };
}

/** A batch names its tables; here it is one. */
const batch = <T>({ RequestItems }: Wire): T[] => Object.values(RequestItems as Record<string, T>);

const unmetered = (operation: string, how: string) => new Error(`The meter can't count ${operation} ${how}`);
