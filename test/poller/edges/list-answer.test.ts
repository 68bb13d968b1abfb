import { soundAnswer } from '../../../lambdas/poller/edges/list-answer';

const sound = (answer: string) => Buffer.from(soundAnswer(Buffer.from(answer))).toString();
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
  '"2026-11-22T18:00:00"',
  'true',
  '{"a":1}',
  '[1]',
])('StartTime %s becomes null, and the rest of the page stays', json => {
  expect(JSON.parse(sound(withStartTime(json)))).toEqual({
    TaskSummaries: [
      { TaskId: 'a', StartTime: null },
      { TaskId: 'b', StartTime: null },
    ],
    NextToken: null,
  });
});

test('what a message says about StartTime is no StartTime', () => {
  const answer = JSON.stringify({
    TaskSummaries: [{ TaskId: 'a', Message: 'It said "StartTime": 5, and "StartTime": "x"' }],
  });
  expect(sound(answer)).toBe(answer);
});

test.each(['', '   ', '[]', 'null', '"text"', '<html>'])(
  'fails when the answer is %j, which is no list, not even an empty one',
  answer => {
    expect(() => sound(answer)).toThrow(SyntaxError);
  },
);
