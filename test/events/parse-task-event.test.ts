/** Errors of the parser for values that are no task event. */
import { NotATaskEvent, parseTaskEvent, TASK_FAILED } from 'partner-central-task-poller/events';
import { entryOf } from '../../lambdas/poller/core/build-event';
import { delivered, frame, row } from './samples';

const failed = () => delivered(entryOf(row({ reasonCode: 'EngagementAccessDenied' }), frame));

function refusal(event: unknown): NotATaskEvent {
  try {
    parseTaskEvent(event);
  } catch (error) {
    if (error instanceof NotATaskEvent) return error;
  }
  throw new Error('It was not refused');
}

test('the detail type discriminates events and their details', () => {
  const event = parseTaskEvent(failed());
  if (event['detail-type'] !== TASK_FAILED) throw new Error('It is another');
  expect(event.detail.taskStatus satisfies 'FAILED').toBe('FAILED');
  expect(event.detail.reasonCategory).toBe('access');
});

test('fails when fields are wrong: names each, with its value and the allowed values', () => {
  const { detail, time: _, ...rest } = failed();
  const error = refusal({
    ...rest,
    detail: { ...detail, taskStatus: 'COMPLETE', eventId: 7, runId: '', startTime: 'now' },
  });
  expect(error.name).toBe('NotATaskEvent');
  expect(error.problems).toEqual([
    { field: 'time', got: 'nothing', allowed: 'a value; the field is required' },
    { field: 'detail.eventId', got: '7', allowed: 'string' },
    { field: 'detail.runId', got: '""', allowed: 'a non-empty string' },
    { field: 'detail.taskStatus', got: '"COMPLETE"', allowed: '"FAILED"' },
    { field: 'detail.startTime', got: '"now"', allowed: 'an instant such as 2026-11-22T18:00:00.000Z' },
  ]);
  expect(error.message).toContain('\n  - detail.taskStatus: got "COMPLETE", allowed: "FAILED"\n');
});

test('fails when the version differs: gives advice, and names no other field', () => {
  const { detail: _, ...rest } = failed();
  const { problems } = refusal({ ...rest, detail: { schemaVersion: '2', id: 1 } });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ field: 'detail.schemaVersion', got: '"2"' });
  expect(problems[0]?.allowed).toMatch(
    /^"1"; update partner-central-task-poller .*match only detail\.schemaVersion \["1"\] in the rule/,
  );
});

test.each<[what: string, event: unknown]>([
  ['nothing', undefined],
  ['a batch of a queue', { Records: [{ body: '{}' }] }],
  ['text', JSON.stringify(failed())],
  ['a list', [failed()]],
  ['the detail alone', failed().detail],
])('fails when it is %s, with advice', (_, event) => {
  expect(refusal(event).problems).toMatchObject([
    { field: 'event', allowed: expect.stringContaining('JSON.parse(record.body)') },
  ]);
});

test('fails when it is an event of another source, with any version', () => {
  const { problems } = refusal({ ...failed(), 'detail-type': 'Other', detail: { schemaVersion: '9' } });
  expect(problems).toEqual([
    { field: 'detail-type', got: '"Other"', allowed: '"TaskCompleted" or "TaskFailed" or "TaskStalled"' },
  ]);
});

test('shows only the beginning of a long value', () => {
  const event = failed();
  const [problem] = refusal({ ...event, detail: { ...event.detail, eventId: 'x'.repeat(10_000) } }).problems;
  expect(problem?.got).toBe(`"${'x'.repeat(99)}…`);
});
