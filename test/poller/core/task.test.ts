import { readSummary } from '../../../lambdas/poller/core/task';

describe('readSummary', () => {
  test('reads every field of a summary', () => {
    expect(
      readSummary({
        TaskId: 'task-1',
        TaskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-1',
        StartTime: '2026-11-22T18:00:00.123Z',
        TaskStatus: 'FAILED',
        Message: 'No access',
        ReasonCode: 'EngagementAccessDenied',
        OpportunityId: 'O1',
        ResourceSnapshotJobId: 'job-1',
        EngagementId: 'eng-1',
        EngagementInvitationId: 'engi-1',
        ContextId: '1',
      }),
    ).toEqual({
      taskId: 'task-1',
      taskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-1',
      startTime: Date.parse('2026-11-22T18:00:00.123Z'),
      status: 'FAILED',
      message: 'No access',
      reasonCode: 'EngagementAccessDenied',
      opportunityId: 'O1',
      resourceSnapshotJobId: 'job-1',
      engagementId: 'eng-1',
      engagementInvitationId: 'engi-1',
      contextId: '1',
    });
  });

  test.each([
    ['the text "null"', 'null'],
    ['empty text', ''],
    ['null', null],
    ['a number', 7],
    ['an object', { a: 1 }],
  ])('reads %s as absent', (_name, value) => {
    const summary = {
      TaskId: 'task-1',
      TaskStatus: 'COMPLETE',
      ReasonCode: value,
      Message: value,
      EngagementId: value,
      StartTime: value,
    };
    expect(readSummary(summary)).toEqual({ taskId: 'task-1', status: 'COMPLETE' });
  });

  test('keeps unknown statuses and reason codes, and watches a task without a status', () => {
    expect(readSummary({ TaskId: 'task-1', TaskStatus: 'PAUSED', ReasonCode: 'NewCode' })).toEqual({
      taskId: 'task-1',
      status: 'PAUSED',
      reasonCode: 'NewCode',
    });
    expect(readSummary({ TaskId: 'task-1' })).toEqual({ taskId: 'task-1', status: 'ABSENT' });
  });

  test.each([
    [null],
    [undefined],
    ['text'],
    [7],
    [[]],
    [{}],
    [{ TaskId: null }],
    [{ TaskId: '' }],
    [{ TaskId: 5 }],
    [{ TaskId: 'x'.repeat(1_001) }],
  ])('reads no task from %p', summary => {
    expect(readSummary(summary)).toBeUndefined();
  });
});
