import { readListAnswer } from '../../../lambdas/poller/edges/list-answer';

const read = (answer: string) => readListAnswer(Buffer.from(answer));
const withStartTime = (json: string) =>
  `{"TaskSummaries":[{"TaskId":"a","TaskStatus":"COMPLETE","StartTime":${json}},{"TaskId":"b","StartTime" : null}],"NextToken":null}`;

test.each([
  ['"2026-11-22T18:00:00Z"', '2026-11-22T18:00:00.000Z'],
  ['"2026-11-22T18:00:00.123456789Z"', '2026-11-22T18:00:00.123Z'],
  ['"2026-11-22T18:00:00+01:00"', '2026-11-22T17:00:00.000Z'],
  ['"2023-07-18T12:04:24"', '2023-07-18T12:04:24.000Z'],
  ['"2023-07-18 12:04:24.5"', '2023-07-18T12:04:24.500Z'],
  ['"2023-07-18t12:04:24z"', '2023-07-18T12:04:24.000Z'],
  ['"2023-07-18T12:04:24+0200"', '2023-07-18T10:04:24.000Z'],
])('reads StartTime %s as %s; without a zone it is UTC', (json, expected) => {
  const { tasks, unreadable } = read(withStartTime(json));
  expect(tasks[0]).toEqual({ taskId: 'a', status: 'COMPLETE', startTime: Date.parse(expected) });
  expect(unreadable).toBe(0);
});

test.each([
  '1795382342',
  '1795382342.5',
  '"yesterday"',
  '""',
  '"2026-11-22"',
  '"2026-13-22T18:00:00Z"',
  '"2026-02-30T18:00:00Z"',
  '"2026-11-22T24:00:00Z"',
  '"2026-11-22T18:00:00+24:00"',
  'true',
  '{"a":1}',
  '[1]',
])('reads StartTime %s as absent, counts it, and keeps the rest of the page', json => {
  expect(read(withStartTime(json))).toEqual({
    tasks: [
      { taskId: 'a', status: 'COMPLETE' },
      { taskId: 'b', status: 'ABSENT' },
    ],
    malformed: 0,
    unreadable: 1,
  });
});

test('a StartTime of null is absent and not counted as unreadable', () => {
  expect(read(withStartTime('null'))).toMatchObject({ tasks: [{ taskId: 'a' }, { taskId: 'b' }], unreadable: 0 });
});

test('ignores a StartTime within a message', () => {
  const Message = 'It said "StartTime": 5, and "StartTime": "x"';
  const { tasks, unreadable } = read(JSON.stringify({ TaskSummaries: [{ TaskId: 'a', Message }] }));
  expect(tasks).toEqual([{ taskId: 'a', status: 'ABSENT', message: Message }]);
  expect(unreadable).toBe(0);
});

test('counts elements without a usable task, and their StartTimes', () => {
  const TaskSummaries = [null, 7, { TaskId: 'a' }, { TaskId: null, StartTime: 5 }];
  expect(read(JSON.stringify({ TaskSummaries }))).toEqual({
    tasks: [{ taskId: 'a', status: 'ABSENT' }],
    malformed: 3,
    unreadable: 1,
  });
});

test('accepts an empty list, also as null', () => {
  for (const answer of ['{"TaskSummaries":[],"NextToken":null}', '{"TaskSummaries":null}'])
    expect(read(answer)).toEqual({ tasks: [], malformed: 0, unreadable: 0 });
});

test.each([
  ['"next"', 'next'],
  ['""', undefined],
  ['null', undefined],
  ['7', undefined],
])('NextToken %s', (json, expected) => {
  expect(read(`{"TaskSummaries":[],"NextToken":${json}}`).nextToken).toBe(expected);
});

test.each([
  '',
  '   ',
  '[]',
  'null',
  '"text"',
  '<html>',
  '{}',
  '{"TaskSummaries":[{',
  '{"NextToken":null}',
  '{"TaskSummaries":{}}',
  '{"TaskSummaries":"none"}',
  '{"__type":"com.amazonaws#InternalFailure","message":null}',
  '{"__type":"InternalFailure","TaskSummaries":[]}',
])('fails when the answer is %j, which is no list', answer => {
  expect(() => read(answer)).toThrow(SyntaxError);
});
