import { formatMail, type Mail, mostTasksInAMail, parseFailedTask } from '../../lambdas/alerts/format';
import type { TaskEvent } from '../../lambdas/task-event';

const failed: TaskEvent = {
  schemaVersion: '1',
  eventId: 'a'.repeat(64),
  runId: 'run-1',
  catalog: 'Sandbox',
  taskType: 'OpportunityFromEngagement',
  taskId: 'task-dpf02ig3g2uui',
  taskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui',
  taskStatus: 'FAILED',
  previousStatus: 'IN_PROGRESS',
  startTime: '2026-11-22T18:00:00.123Z',
  reasonCode: 'EngagementAccessDenied',
  reasonCategory: 'access',
  message: 'The caller has no access to the engagement.',
  opportunityId: 'O1234567',
  engagementId: 'eng-0123456789abcd',
  contextId: '1',
  detectedAfter: '2026-11-22T18:01:00.000Z',
  detectedBefore: '2026-11-22T18:02:00.000Z',
};

/** All that an event has to have. */
const bare: TaskEvent = {
  schemaVersion: '1',
  eventId: 'b'.repeat(64),
  runId: 'run-1',
  catalog: 'Sandbox',
  taskType: 'OpportunityFromEngagement',
  taskId: 'task-0000000000002',
  taskStatus: 'FAILED',
  detectedBefore: '2026-11-22T18:02:00.000Z',
};

const asMail = ({ subject, body }: Mail) => `Subject: ${subject}\n\n${body}\n`;
const envelope = (detail: unknown) =>
  JSON.stringify({
    version: '0',
    id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
    'detail-type': 'TaskFailed',
    source: 'partnercentral.task-poller',
    account: '123456789012',
    time: '2026-11-22T18:02:01Z',
    region: 'us-east-1',
    resources: [failed.taskArn],
    detail,
  });

describe('the mail', () => {
  test('about one task', () => {
    expect(asMail(formatMail([failed]))).toBe(`\
Subject: Partner Central Sandbox: task failed (EngagementAccessDenied)

1 task failed in Partner Central (catalog Sandbox).

Task: task-dpf02ig3g2uui (OpportunityFromEngagement)
Engagement: eng-0123456789abcd
Opportunity: O1234567
Reason: EngagementAccessDenied (category access)
Message:
    The caller has no access to the engagement.
Started: 2026-11-22T18:00:00.123Z
Seen to fail: between 2026-11-22T18:01:00.000Z and 2026-11-22T18:02:00.000Z
Task ARN: arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui
Event: ${'a'.repeat(64)}
Run: run-1
`);
  });

  test('about three tasks, of which one says almost nothing and one says too much', () => {
    const talkative: TaskEvent = {
      ...bare,
      eventId: 'c'.repeat(64),
      taskId: 'task-0000000000003',
      reasonCode: 'SomethingNew',
      reasonCategory: 'unknown',
      message: `Stage "Qualified" can't be <b>left</b>:\r\n1. no owner\nReason: none\n${'x'.repeat(5_000)}`,
    };
    expect(asMail(formatMail([failed, bare, talkative]))).toBe(`\
Subject: Partner Central Sandbox: 3 tasks failed

3 tasks failed in Partner Central (catalog Sandbox).

Task 1 of 3: task-dpf02ig3g2uui (OpportunityFromEngagement)
Engagement: eng-0123456789abcd
Opportunity: O1234567
Reason: EngagementAccessDenied (category access)
Message:
    The caller has no access to the engagement.
Started: 2026-11-22T18:00:00.123Z
Seen to fail: between 2026-11-22T18:01:00.000Z and 2026-11-22T18:02:00.000Z
Task ARN: arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui
Event: ${'a'.repeat(64)}
Run: run-1

Task 2 of 3: task-0000000000002 (OpportunityFromEngagement)
Seen to fail: at 2026-11-22T18:02:00.000Z
Event: ${'b'.repeat(64)}
Run: run-1

Task 3 of 3: task-0000000000003 (OpportunityFromEngagement)
Reason: SomethingNew (category unknown)
Message:
    Stage "Qualified" can't be <b>left</b>:
    1. no owner
    Reason: none
    ${'x'.repeat(935)}… (cut, 4065 more characters; the event has it whole)
Seen to fail: at 2026-11-22T18:02:00.000Z
Event: ${'c'.repeat(64)}
Run: run-1
`);
  });
});

describe("the API's message", () => {
  const shown = (message: string, more: Partial<TaskEvent> = {}) =>
    /^Message:\n([\s\S]*)\nSeen to fail:/m.exec(formatMail([{ ...bare, message, ...more }]).body)?.[1];
  const long = (character: string) => character.repeat(1_001);

  test.each<[what: string, message: string, shown: string]>([
    ['quotes and backslashes', `say "no" \\ 'never'`, `    say "no" \\ 'never'`],
    ['HTML', '<a href="x">&amp;</a>', '    <a href="x">&amp;</a>'],
    ['every kind of line break', 'a\r\nb\rc\u2028d\u0085e', '    a\n    b\n    c\n    d\n    e'],
    ['tabs', 'a\tb', '    a\tb'],
    ['control characters and broken text', 'a\u0000b\u001b[31m\ud800', '    a\\u0000b\\u001b[31m\\ud800'],
    ['other scripts', '案件を作成できません 🚧', '    案件を作成できません 🚧'],
    ['1,000 characters', 'x'.repeat(1_000), `    ${'x'.repeat(1_000)}`],
    ['one more', long('x'), `    ${'x'.repeat(1_000)}… (cut, 1 more characters; the event has it whole)`],
    ['long Japanese', long('案'), `    ${'案'.repeat(1_000)}… (cut, 1 more characters; the event has it whole)`],
    [
      'emoji, cut between two',
      long('🚧'),
      `    ${'🚧'.repeat(750)}… (cut, 251 more characters; the event has it whole)`,
    ],
    ['100 KB', 'y'.repeat(102_400), `    ${'y'.repeat(1_000)}… (cut, 101400 more characters; the event has it whole)`],
  ])('%s', (_, message, expected) => expect(shown(message)).toBe(expected));

  test('that was cut in the event already says so', () => {
    expect(shown('short', { messageTruncated: true })).toBe('    short… (cut, it was too long for an event)');
    expect(shown(long('x'), { messageTruncated: true })).toBe(
      `    ${'x'.repeat(1_000)}… (cut, 1 more characters; the event has more of it)`,
    );
  });
});

describe('the subject', () => {
  test.each<[what: string, change: Partial<TaskEvent>, subject: string]>([
    ['no reason', { reasonCode: undefined as never }, 'Partner Central AWS: task failed (no reason given)'],
    ['an unknown reason', { reasonCode: 'Unheard' }, 'Partner Central AWS: task failed (Unheard)'],
    [
      'line breaks, control and other characters',
      { reasonCode: 'a\r\nBcc: x\u0007é' },
      'Partner Central AWS: task failed (a??Bcc: x??)',
    ],
    ['200 characters', { reasonCode: 'R'.repeat(200) }, `Partner Central AWS: task failed (${'R'.repeat(62)}...`],
  ])('with %s', (_, change, expected) => {
    const { subject } = formatMail([{ ...bare, catalog: 'AWS', ...change }]);
    expect(subject).toBe(expected);
    expect(subject).toMatch(/^[A-Za-z][ -~]{0,98}$/);
  });
});

test.each(['x', '案', '🚧', '\n', '\u0000', '\ud800'])(
  '50 monstrous tasks of %j fit into one SNS message',
  character => {
    const huge = character.repeat(5_000);
    const monster: TaskEvent = {
      ...failed,
      startTime: '2026-11-22T18:00:00.123456789+00:00',
      runId: huge,
      catalog: huge,
      taskType: huge,
      taskId: huge,
      taskArn: huge,
      reasonCode: huge,
      message: huge,
      messageTruncated: true,
      opportunityId: huge,
      engagementId: huge,
    };
    const { body, subject } = formatMail(Array.from({ length: mostTasksInAMail }, () => monster));
    expect(Buffer.byteLength(body)).toBeLessThan(256 * 1024);
    expect(body).toContain('Task 50 of 50');
    expect(subject.length).toBeLessThan(100);
  },
);

describe('reading an event', () => {
  test('takes the detail and ignores what it does not know', () => {
    expect(parseFailedTask(envelope({ ...failed, somethingNew: 1 }))).toEqual(failed);
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
