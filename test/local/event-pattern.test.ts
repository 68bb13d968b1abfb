import { matches } from '../../local/services/event-pattern';

const event = {
  source: 'partnercentral.task-poller',
  'detail-type': 'TaskFailed',
  resources: ['arn:one', 'arn:two'],
  detail: {
    reasonCode: 'InternalError',
    count: 3,
    replay: false,
    nothing: null,
    nested: { a: ['x', 'y'] },
    list: [
      { k: 1, v: 2 },
      { k: 3, v: 4 },
    ],
  },
};

const cases: [boolean, object][] = [
  [true, { source: ['partnercentral.task-poller'] }],
  [false, { source: ['other'] }],
  [true, { source: ['other', 'partnercentral.task-poller'], 'detail-type': ['TaskFailed'] }],
  [false, { source: ['partnercentral.task-poller'], 'detail-type': ['TaskCompleted'] }],
  [true, { detail: { count: [3], replay: [false], nothing: [null] } }],
  [false, { detail: { count: ['3'] } }],
  [true, { source: [{ prefix: 'partnercentral.' }] }],
  [false, { source: [{ prefix: 'aws.' }] }],
  [false, { detail: { count: [{ prefix: '3' }] } }],
  [true, { resources: ['arn:two'] }],
  [false, { resources: ['arn:three'] }],
  [true, { resources: [{ prefix: 'arn:t' }] }],
  [true, { detail: { reasonCode: [{ 'anything-but': 'ContextNotFound' }] } }],
  [false, { detail: { reasonCode: [{ 'anything-but': ['InternalError', 'ContextNotFound'] }] } }],
  [false, { detail: { reasonCode: [{ 'anything-but': { prefix: 'Internal' } }] } }],
  [true, { detail: { reasonCode: [{ 'anything-but': { prefix: 'Context' } }] } }],
  [false, { detail: { absent: [{ 'anything-but': 'x' }] } }],
  [true, { detail: { absent: [{ exists: false }] } }],
  [true, { absent: { deeper: [{ exists: false }] } }],
  [false, { detail: { absent: [{ exists: true }] } }],
  [true, { detail: { reasonCode: [{ exists: true }] } }],
  [false, { detail: { reasonCode: [{ exists: false }] } }],
  [true, { detail: { replay: [true, { exists: true }] } }],
  [true, { detail: { nested: { a: ['y'] } } }],
  [false, { detail: { nested: { a: ['z'] } } }],
  [true, { detail: { list: { k: [1], v: [2] } } }],
  [false, { detail: { list: { k: [1], v: [4] } } }],
  [true, { detail: { $or: [{ absent: [{ exists: false }] }, { count: [4] }] } }],
  [true, { detail: { $or: [{ reasonCode: [{ exists: false }] }, { count: [3] }] } }],
  [false, { detail: { $or: [{ reasonCode: [{ exists: false }] }, { count: [4] }] } }],
  [false, { detail: { $or: [{ count: [3] }, { count: [5] }], replay: [true] } }],
  [true, { $or: [{ source: ['other'] }, { detail: { count: [3], replay: [false] } }] }],
  [false, { $or: [{ source: ['other'] }, { detail: { count: [3], replay: [true] } }] }],
  [false, { detail: { list: { k: [1], $or: [{ v: [3] }, { v: [4] }] } } }],
  [true, { detail: { list: { k: [1], $or: [{ v: [2] }, { v: [4] }] } } }],
];

test.each(cases)('%s: %j', (expected, pattern) => {
  expect(matches(pattern, event)).toBe(expected);
});

test.each<[object]>([
  [{ source: 'text' }],
  [{ source: [] }],
  [{}],
  [{ detail: {} }],
  [{ $or: [{ source: ['a'] }] }],
  [{ $or: { source: ['a'] } }],
  [{ $or: [{ source: ['a'] }, {}] }],
  [{ $or: [{ source: ['a'] }, 'b'] }],
  [{ $and: [{ source: ['a'] }, { source: ['b'] }] }],
  [{ source: [{ suffix: 'r' }] }],
  [{ source: [{ wildcard: '*' }] }],
  [{ source: [{ 'equals-ignore-case': 'X' }] }],
  [{ source: [{ prefix: { 'equals-ignore-case': 'X' } }] }],
  [{ source: [{ 'anything-but': { suffix: 'r' } }] }],
  [{ source: [{ 'anything-but': [] }] }],
  [{ source: [{ exists: 'yes' }] }],
  [{ source: [{ prefix: 'a', exists: true }] }],
  [{ source: [['nested']] }],
  [{ source: ['no match'], detail: { count: [{ numeric: ['>', 1] }] } }],
])('fails when a pattern has an unsupported part: %j', pattern => {
  expect(() => matches(pattern, event)).toThrow(/known here|must be|empty|one operator/);
});
