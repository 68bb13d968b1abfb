import { tableMeter } from '../../bench/measure/table-meter';
import type { Call } from '../../local/services/service';

const index = { name: 'due', partitionKey: 'group', sortKey: 'at', projected: [] };
const row = (id: string, more: object = {}) => ({ id: { S: id }, ...more });
const due = { group: { S: 'g' }, at: { S: '10' } };
const large = { text: { S: 'x'.repeat(5_000) } };

let meter: ReturnType<typeof tableMeter>;
beforeEach(() => {
  meter = tableMeter({ keys: ['id'], index });
});

/** Units of one call and its answer. */
function units(operation: string, input: object, answer: object = {}, status = 200) {
  const call: Call = { service: 'dynamodb', operation, input: input as Call['input'], index: 0 };
  meter.observe(call, { status, body: JSON.stringify(answer) });
  return meter.take();
}

const put = (...items: object[]) => ({ RequestItems: { table: items.map(Item => ({ PutRequest: { Item } })) } });

test('counts each row of a batch, and its index writes', () => {
  expect(units('BatchWriteItem', put(row('1'), row('2', due), row('3', large)))).toEqual({ read: 0, write: 1 + 2 + 5 });
  expect(units('BatchWriteItem', put(row('2')))).toEqual({ read: 0, write: 2 });
  expect(units('BatchWriteItem', put(row('3')))).toEqual({ read: 0, write: 5 });
  expect(units('BatchWriteItem', put(row('3')))).toEqual({ read: 0, write: 1 });
});

test('a delete costs the size of the deleted row', () => {
  units('BatchWriteItem', put(row('1', large)));
  const remove = { RequestItems: { table: [{ DeleteRequest: { Key: row('1') } }] } };
  expect(units('BatchWriteItem', remove)).toEqual({ read: 0, write: 5 });
  expect(units('BatchWriteItem', remove)).toEqual({ read: 0, write: 1 });
});

test('reads the size of an updated row from the answer', () => {
  const update = { Key: row('1'), ReturnValues: 'ALL_NEW' };
  expect(units('UpdateItem', update, { Attributes: row('1', large) })).toEqual({ read: 0, write: 5 });
  expect(units('UpdateItem', update, { Attributes: row('1') })).toEqual({ read: 0, write: 5 });
  expect(units('UpdateItem', update, { Attributes: row('1') })).toEqual({ read: 0, write: 1 });
});

test('a failed condition costs a write of the stored row; any other refusal costs nothing', () => {
  const update = { Key: row('1'), ReturnValues: 'ALL_NEW' };
  units('UpdateItem', update, { Attributes: row('1', large) });
  expect(units('UpdateItem', update, { __type: 'com.x#ConditionalCheckFailedException' }, 400).write).toBe(5);
  expect(units('UpdateItem', update, { __type: 'com.x#ThrottlingException' }, 400).write).toBe(0);
});

test('a batch of reads rounds each row up, missing rows included', () => {
  units('BatchWriteItem', put(row('1'), row('2', large)));
  const Keys = [row('1'), row('2'), row('none')];
  expect(units('BatchGetItem', { RequestItems: { table: { Keys, ConsistentRead: true } } }).read).toBe(1 + 2 + 1);
  expect(units('BatchGetItem', { RequestItems: { table: { Keys } } }).read).toBe(2);
  const left = { UnprocessedKeys: { table: { Keys: [row('2')] } } };
  expect(units('BatchGetItem', { RequestItems: { table: { Keys, ConsistentRead: true } } }, left).read).toBe(2);
});

test('a query rounds up its total once', () => {
  const Items = Array.from({ length: 100 }, (_, at) => row(`row ${at % 10}`)); // 8 bytes each
  expect(units('Query', { IndexName: 'due' }, { Items }).read).toBe(0.5);
  expect(units('Query', { ConsistentRead: true }, { Items: Array.from({ length: 6 }, () => Items).flat() }).read).toBe(
    2,
  );
  expect(units('Scan', {}, { Items: [] }).read).toBe(0.5);
});

test.each([
  ['Query', { FilterExpression: 'a = :a' }],
  ['UpdateItem', { Key: row('1') }],
  ['TransactWriteItems', {}],
])('fails when the units are unknown: %s %j', (operation, input) => {
  expect(() => units(operation, input)).toThrow(`The meter can't count ${operation}`);
});
