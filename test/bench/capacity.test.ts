import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, indexEntry, indexWriteUnits, itemBytes, readUnits, writeUnits } from '../../bench/measure/capacity';

const value = (attribute: object): Item => ({ a: attribute as AttributeValue }); // the name adds 1 byte to each size below

test.each<[string, object, number]>([
  ['text, in UTF-8', { S: 'hé' }, 1 + 3],
  ['empty text', { S: '' }, 1],
  ['a number: a byte per two digits, plus 1', { N: '1234' }, 1 + 3],
  ['an odd number of digits', { N: '12345' }, 1 + 4],
  ['a sign and a point', { N: '-12.34' }, 1 + 3],
  ['leading and trailing zeros', { N: '00120000' }, 1 + 2],
  ['zeros after the decimal point', { N: '0.0012' }, 1 + 2],
  ['an exponent', { N: '12E+30' }, 1 + 2],
  ['nought', { N: '0' }, 1 + 1],
  ['38 digits, the maximum', { N: '1'.repeat(38) }, 1 + 20],
  ['binary: raw bytes, not base64', { B: 'AAECAw==' }, 1 + 4],
  ['a flag', { BOOL: false }, 1 + 1],
  ['null', { NULL: true }, 1 + 1],
  ['an empty list', { L: [] }, 1 + 3],
  ['a list', { L: [{ S: 'ab' }, { N: '7' }] }, 1 + 3 + (1 + 2) + (1 + 2)],
  ['an empty map', { M: {} }, 1 + 3],
  ['a map', { M: { xy: { S: 'ab' } } }, 1 + 3 + (1 + 2 + 2)],
  ['lists in maps', { M: { xy: { L: [{ BOOL: true }] } } }, 1 + 3 + (1 + 2 + 3 + (1 + 1))],
  ['sets', { SS: ['COMPLETE', 'FAILED'] }, 1 + 8 + 6],
  ['a set of numbers', { NS: ['1', '234'] }, 1 + 2 + 3],
])('size of %s', (_, attribute, bytes) => {
  expect(itemBytes(value(attribute))).toBe(bytes);
});

test('an item is the sum of its attributes', () => {
  expect(itemBytes({ source: { S: 'abc' }, count: { N: '10' } })).toBe(6 + 3 + 5 + 2);
});

test.each([
  // bytes, consistent, eventual
  [0, 1, 0.5],
  [1, 1, 0.5],
  [4_096, 1, 0.5],
  [4_097, 2, 1],
  [12_288, 3, 1.5],
])('reading %d bytes', (bytes, consistent, eventual) => {
  expect([readUnits(bytes, true), readUnits(bytes, false)]).toEqual([consistent, eventual]);
});

test.each([
  // bytes before, after, units
  [undefined, 1, 1],
  [undefined, 1_024, 1],
  [undefined, 1_025, 2],
  [3_000, 100, 3],
  [100, 3_000, 3],
  [3_000, undefined, 3],
  [undefined, undefined, 1],
])('writing an item of %p bytes that then has %p', (before, after, units) => {
  expect(writeUnits(before, after)).toBe(units);
});

const index = { name: 'due', partitionKey: 'group', sortKey: 'at', projected: ['status'] };
const text = (values: Record<string, string>): Item =>
  Object.fromEntries(Object.entries(values).map(([name, S]) => [name, { S }]));
const inIndex = { id: '1', group: 'g', at: '10', status: 'RUNNING', other: 'x' };
const long = 'x'.repeat(1_500);

test.each<[string, Record<string, string> | undefined, Record<string, string> | undefined, number]>([
  ['an item that was not and is not in the index', { id: '1' }, { id: '1', status: 'DONE' }, 0],
  ['a new item outside the index', undefined, { id: '1' }, 0],
  ['an item that lacks one key attribute', undefined, { id: '1', group: 'g' }, 0],
  ['an item that enters', undefined, inIndex, 1],
  ['an item that leaves', inIndex, { id: '1', status: 'DONE' }, 1],
  ['a deleted item', inIndex, undefined, 1],
  ['an unchanged item', inIndex, { ...inIndex }, 0],
  ['a change of an attribute that is not projected', inIndex, { ...inIndex, other: 'y' }, 0],
  ['a change of a projected attribute', inIndex, { ...inIndex, status: 'DONE' }, 1],
  ['a change of the key: delete and put', inIndex, { ...inIndex, at: '11' }, 2],
  ['a large item that enters', undefined, { ...inIndex, status: long }, 2],
  ['a large item with a new key', { ...inIndex, status: long }, { ...inIndex, at: '11', status: long }, 4],
  ['an item that grows', inIndex, { ...inIndex, status: long }, 2],
  ['an item whose large attribute is not projected', undefined, { ...inIndex, other: long }, 1],
])('index writes of %s', (_, before, after, units) => {
  const entry = (values: Record<string, string> | undefined) => indexEntry(values && text(values), ['id'], index);
  expect(indexWriteUnits(entry(before), entry(after))).toBe(units);
});

test('an index entry has the keys of table and index, and the projected attributes', () => {
  expect(indexEntry(text(inIndex), ['id'], index)?.bytes).toBe('id1groupgat10statusRUNNING'.length);
});
