import { groupByReason, parseFailedTask } from '../../lambdas/alerts/failed-task';
import { bare, envelope, failed } from './events';

describe('reading an event', () => {
  test('takes the detail and ignores what it does not know', () => {
    expect(parseFailedTask(envelope({ ...failed, somethingNew: 1 }))).toEqual({
      ...failed,
      publishedAt: '2026-11-22T18:02:01Z',
    });
  });

  test('takes a category that a newer poller has minted', () => {
    expect(parseFailedTask(envelope({ ...failed, reasonCategory: 'billing' })).reasonCategory).toBe('billing');
  });

  test.each<[why: string, body: string]>([
    ['it is no JSON', 'oops'],
    ['it is no object', 'null'],
    ['it is another event', envelope(failed).replace('TaskFailed', 'TaskCompleted')],
    ['a field that is always there is missing', envelope({ ...failed, taskId: undefined })],
    ['a field has another type', envelope({ ...failed, message: { text: 'x' } })],
    ['its shape is of another version', envelope({ ...failed, schemaVersion: '2' })],
  ])('fails when %s', (_, body) => expect(() => parseFailedTask(body)).toThrow());
});

test('groups: the largest first, and tasks without a code form one', () => {
  const other = { ...failed, reasonCode: 'Other' };
  const groups = groupByReason([failed, bare, other, bare, other, bare]);
  expect(groups.map(({ reasonCode, tasks }) => [reasonCode, tasks.length])).toEqual([
    [undefined, 3],
    ['Other', 2],
    ['EngagementAccessDenied', 1],
  ]);
});
