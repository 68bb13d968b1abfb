import { repairAnswer } from '../../../lambdas/poller/edges/list-answer';

const check = (answer: string) => repairAnswer(Buffer.from(answer));
const sound = (answer: string) => Buffer.from(check(answer).body).toString();
const withStartTime = (json: string) =>
  `{"TaskSummaries":[{"TaskId":"a","StartTime":${json}},{"TaskId":"b","StartTime" : null}],"NextToken":null}`;

test.each(['"2026-11-22T18:00:00Z"', '"2026-11-22T18:00:00.123456789Z"', '"2026-11-22T18:00:00+01:00"', 'null'])(
  '%s is left alone',
  json => {
    expect(sound(withStartTime(json))).toBe(withStartTime(json));
  },
);

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
])('StartTime %s becomes null and is counted, and the rest of the page stays', json => {
  expect(check(withStartTime(json)).unreadable).toBe(1);
  expect(JSON.parse(sound(withStartTime(json)))).toEqual({
    TaskSummaries: [
      { TaskId: 'a', StartTime: null },
      { TaskId: 'b', StartTime: null },
    ],
    NextToken: null,
  });
});

test.each([
  ['"2023-07-18T12:04:24"', '2023-07-18T12:04:24Z'],
  ['"2023-07-18 12:04:24.5"', '2023-07-18T12:04:24.5Z'],
  ['"2023-07-18t12:04:24z"', '2023-07-18T12:04:24Z'],
  ['"2023-07-18T12:04:24+0200"', '2023-07-18T12:04:24+02:00'],
])('StartTime %s is read as %s: without a zone it is UTC', (json, expected) => {
  expect(check(withStartTime(json)).unreadable).toBe(0);
  expect(JSON.parse(sound(withStartTime(json))).TaskSummaries[0].StartTime).toBe(expected);
});

test('what a message says about StartTime is no StartTime', () => {
  const answer = JSON.stringify({
    TaskSummaries: [{ TaskId: 'a', Message: 'It said "StartTime": 5, and "StartTime": "x"' }],
  });
  expect(sound(answer)).toBe(answer);
});

test('a list without tasks is a list, also where null stands for it', () => {
  for (const answer of ['{"TaskSummaries":[],"NextToken":null}', '{"TaskSummaries":null}'])
    expect(sound(answer)).toBe(answer);
});

test.each([
  '',
  '   ',
  '[]',
  'null',
  '"text"',
  '<html>',
  '{}',
  '{"NextToken":null}',
  '{"TaskSummaries":{}}',
  '{"TaskSummaries":"none"}',
  '{"__type":"com.amazonaws#InternalFailure","message":null}',
  '{"__type":"InternalFailure","TaskSummaries":[]}',
])('fails when the answer is %j, which is no list, not even an empty one', answer => {
  expect(() => sound(answer)).toThrow(SyntaxError);
});
