import type { FailedTask } from '../../lambdas/alerts/failed-task';
import { logsLink } from '../../lambdas/alerts/logs-link';
import { formatMails, type Mail } from '../../lambdas/alerts/mail';
import { knownReasonCodes, reasons } from '../../lambdas/reason-codes';
import { bare, burst, failed, invited, logs, monster, repeated } from './events';

const MOST_BYTES = 262_144;

function onlyMail(tasks: readonly FailedTask[]): Mail {
  const [mail, ...others] = formatMails(tasks, logs);
  expect(others).toEqual([]);
  return mail as Mail;
}
const bodyOf = (...tasks: FailedTask[]) => onlyMail(tasks).body;
/** Without the line breaks that only make lines short. */
const unwrapped = (body: string) => body.replace(/ ?\\?\n {4}(?! )/g, ' ');
const linesOf = (body: string) => unwrapped(body).split('\n');

test('a mail about one task says what failed, why, what to do, when it was seen, and where to look', () => {
  const { subject, body, tasks } = onlyMail([failed]);
  expect(subject).toBe('Partner Central Sandbox: task failed (EngagementAccessDenied)');
  expect(tasks).toEqual([failed]);
  for (const line of [
    'Reason: EngagementAccessDenied (category access)',
    `What it means: ${reasons.EngagementAccessDenied.meaning}`,
    `What to do: ${reasons.EngagementAccessDenied.action}`,
    'Other tasks with this reason: none',
    'What failed: a task to create an opportunity from an engagement (OpportunityFromEngagement)',
    'Task: task-dpf02ig3g2uui',
    'Engagement: eng-0123456789abcd (context 1)',
    'Opportunity: O1234567',
    'Message from Partner Central: The caller has no access to the engagement.',
    'Started: 2026-11-22 18:00:00 UTC',
    'Failed: between 2026-11-22 18:01:00 UTC and 2026-11-22 18:02:00 UTC',
    'Run: 6752a8ee-657e-4906-854d-1becaa7b1917',
    'aws partnercentral-selling list-opportunity-from-engagement-tasks --region us-east-1 --catalog Sandbox --task-identifier task-dpf02ig3g2uui',
    'aws partnercentral-selling get-engagement --region us-east-1 --catalog Sandbox --identifier eng-0123456789abcd',
    `Task ARN: ${failed.taskArn}`,
    `Event: ${failed.eventId}`,
  ])
    expect(linesOf(body)).toContain(line);
  expect(body).toMatch(/^https:\/\/console\.aws\.amazon\.com\/cloudwatch\/home\?region=eu-west-1#\S+$/m);
  expect(unwrapped(body)).toContain('AWS does not document the reason codes');
});

test('a task of a source with a name: the name is in the subject, in the first line and beside each task', () => {
  const ofAcme = burst(5, ['EngagementAccessDenied']).map(task => ({ ...task, sourceName: 'acme' }));
  const { subject, body } = onlyMail([...ofAcme, failed]);
  expect(subject).toContain('Partner Central Sandbox (acme), Sandbox: 6 tasks failed');
  expect(body).toContain('(catalog Sandbox (acme), Sandbox)');
  for (const { taskId } of ofAcme) expect(body).toMatch(new RegExp(`(${taskId}\n(Source: )|^  ${taskId}  )acme`, 'm'));
});

test('an event that says almost nothing makes a mail all the same', () => {
  const { subject, body } = onlyMail([bare]);
  expect(subject).toBe('Partner Central Sandbox: task failed (no reason given)');
  expect(body).toContain('\nReason: none given\n');
  expect(body).toContain('(OpportunityFromEngagement)\nWhat it means: Partner Central gave no reason code.\n');
  expect(body).toContain('Failed: at 2026-11-22 18:02:00 UTC');
  expect(body).toContain('Message from Partner Central: none, or left out by includeMessage');
  expect(body).not.toMatch(/undefined|null|Engagement:|Opportunity:|Started:/);
});

describe('a replay', () => {
  test('is a repeat, says which replay and when it was seen first, and links to the run that saw it then', () => {
    const { subject, body } = onlyMail([repeated]);
    expect(subject).toBe('Repeat: Partner Central Sandbox: task failed (EngagementAccessDenied)');
    const lines = linesOf(body);
    expect(lines.slice(0, 2)).toEqual([
      'This is a repeat, and no new failure: replay 20261201T080000Z-abcdef published it again. It was first seen at 2026-11-22 18:02:00 UTC.',
      '1 task failed in Partner Central (catalog Sandbox).',
    ]);
    expect(lines).toContain('First seen: between 2026-11-22 18:01:00 UTC and 2026-11-22 18:02:00 UTC');
    expect(lines).toContain('Logs of the original run:');
    expect(lines).toContain(logsLink(logs, repeated));
    expect(body).not.toMatch(/^Run: /m);
  });

  test('of several tasks says from when to when they were seen, with a link for each', () => {
    const later = { ...repeated, taskId: 'task-0000000000009', detectedBefore: '2026-11-25T09:00:00.000Z' };
    const { subject, body } = onlyMail([later, repeated]);
    expect(subject).toBe('Repeat: Partner Central Sandbox: 2 tasks failed (EngagementAccessDenied)');
    expect(unwrapped(body)).toMatch(
      /^This is a repeat, and no new failure: replay 20261201T080000Z-abcdef published them again\. They were first seen from 2026-11-22 18:02:00 UTC to 2026-11-25 09:00:00 UTC\.\n/,
    );
    expect(body).toContain(
      `Logs of the original runs:\ntask-0000000000009\n    ${logsLink(logs, later)}\ntask-dpf02ig3g2uui\n    ${logsLink(logs, repeated)}\n`,
    );
  });
});

test('no command is made of an id that is none', () => {
  expect(bodyOf({ ...failed, taskId: 'task-1; rm -rf /' })).not.toContain('--task-identifier');
  expect(bodyOf({ ...failed, catalog: 'Sand box' })).not.toContain('--task-identifier');
});

describe('a task of another family', () => {
  test('is told by what it was to do, with its invitation and its own command', () => {
    const lines = linesOf(bodyOf(invited));
    for (const line of [
      'What failed: a task to create an engagement from an opportunity (EngagementFromOpportunity)',
      'What it means: The opportunity was refused: a required field is missing, or a value is not allowed.',
      'Engagement: eng-0123456789abcd',
      'Invitation: engi-0123456789abc',
      'Opportunity: O1234567',
      'aws partnercentral-selling list-engagement-from-opportunity-tasks --region us-east-1 --catalog AWS --task-identifier task-dpf02ig3g2uui',
    ])
      expect(lines).toContain(line);
    const accepting = { ...invited, taskType: 'EngagementByAcceptingInvitation', engagementId: undefined };
    expect(unwrapped(bodyOf(accepting))).toContain('a task to accept an invitation to an engagement (EngagementByAcc');
    expect(bodyOf(accepting)).toContain(
      '\naws partnercentral-selling list-engagement-by-accepting-invitation-tasks \\\n    --region us-east-1 --catalog AWS ',
    );
    expect(bodyOf(accepting)).not.toContain('Engagement:');
    expect(bodyOf(...Array.from({ length: 4 }, () => invited))).toContain(
      '\n  task-dpf02ig3g2uui  eng-0123456789abcd  engi-0123456789abc  O1234567\n    2026-11-22 18:02:00 UTC\n',
    );
  });

  test.each(['SomethingNew', 'constructor', '', 'a\nb'])(
    'that nobody knows here makes a mail all the same: %j',
    taskType => {
      const body = unwrapped(bodyOf({ ...invited, taskType }));
      expect(body).toMatch(/^What failed: a task of type .* \(.*\)$/m);
      expect(body).toContain(`What it means: ${reasons.OpportunityValidationFailed.meaning}`);
      expect(body).not.toContain('aws partnercentral-selling');
    },
  );

  test('stands apart from one of another family with the same reason, which is told in words of its own', () => {
    const same = { ...invited, catalog: 'Sandbox' };
    const other = { ...failed, reasonCode: same.reasonCode, reasonCategory: same.reasonCategory };
    const { subject, body: written } = onlyMail([same, other, other]);
    const body = unwrapped(written);
    expect(subject).toBe('Partner Central Sandbox: 3 tasks failed (OpportunityValidationFailed)');
    expect(body).toContain(
      '\n       2  OpportunityValidationFailed, to create an opportunity from an\n          engagement\n',
    );
    expect(body).toContain(
      '\n       1  OpportunityValidationFailed, to create an engagement from an\n          opportunity\n',
    );
    expect(body.match(/^What to do: .*$/gm)).toEqual([
      `What to do: ${reasons.OpportunityValidationFailed.action}`,
      expect.stringMatching(/^What to do: Complete the field that the message names in the opportunity/),
    ]);
  });
});

describe('several tasks', () => {
  const tasks = burst(8, [
    'EngagementAccessDenied',
    'SomethingNew',
    'EngagementAccessDenied',
    'EngagementAccessDenied',
  ]);

  test('are gathered by reason: what is said of it stands once, with how many more there are', () => {
    const { subject, body } = onlyMail(tasks);
    expect(subject).toBe('Partner Central Sandbox: 8 tasks failed for 2 reasons');
    expect(body.match(/^What to do: /gm)).toHaveLength(2);
    expect(body).toMatch(/^ {7}6 {2}EngagementAccessDenied\n {7}2 {2}SomethingNew$/m);
    expect(body).toContain('Other tasks with this reason: 5 tasks');
    expect(body).toContain('Other tasks with this reason: 1 task\n');
    expect(onlyMail(burst(3, ['InternalError'])).subject).toBe(
      'Partner Central Sandbox: 3 tasks failed (InternalError)',
    );
  });

  test('the first of a reason in full, the others in a line with their ids, the time and a message that is new', () => {
    const { body } = onlyMail(tasks);
    expect(body).toContain('Task 3 of 6: task-0000000000003');
    expect(body).toContain(
      '\n  task-0000000000004  eng-0123456789abcd  O1234567  2026-11-22 18:02:00 UTC\n    "4: Something was refused."\n',
    );
    const alike = burst(5, ['InternalError']).map(task => ({ ...task, message: 'the same' }));
    expect(onlyMail(alike).body).toMatch(/^ {2}task-0000000000004 {2}eng-\w+ {2}O1234567 {2}2026-11-22 18:02:00 UTC$/m);
  });

  test('a link for each run that saw them', () => {
    const [one, other] = [failed, { ...bare, runId: 'run-2' }];
    expect(bodyOf(one).match(/https:/g)).toHaveLength(1);
    expect(bodyOf(one, one, one, one).match(/https:/g)).toHaveLength(1);
    expect(bodyOf(one, other)).toMatch(/^6752a8ee-\S+\n {4}https:\S+\nrun-2\n {4}https:\S+$/m);
    const many = burst(60, ['InternalError']).map((task, at) => ({ ...task, runId: `run-${at}` }));
    expect(onlyMail(many).body).toMatch(/^and 10 more$/m);
  });
});

describe('easy on the eyes', () => {
  const tasks = [...burst(9, ['EngagementAccessDenied', 'ResourceSnapshotJobValidationFailed']), invited, repeated];
  test('no line has more than 78 characters, but for an address, an ARN or another word that is longer', () => {
    const words = 'The value of "Project.ExpectedCustomerSpend" is not allowed here. ';
    const long = tasks.map(task => ({ ...task, message: words.repeat(5), deal: { customer: words, title: words } }));
    for (const some of [tasks, long, ...tasks.map(task => [task]), ...long.map(task => [task])])
      for (const { body } of formatMails(some, logs))
        for (const line of body.split('\n')) if (line.length > 78) expect(line.trim()).toMatch(/^(https:|arn:)\S+$/);
  });

  test('the ARN of the tasks and the id of the run stand once, at the end', () => {
    const alike = burst(9, ['InternalError', 'EngagementAccessDenied']).map(task => ({
      ...task,
      taskArn: failed.taskArn?.replace(failed.taskId, task.taskId),
    }));
    const ofMany = bodyOf(...alike);
    expect(ofMany.match(/arn:aws:partnercentral/g)).toHaveLength(1);
    expect(ofMany.match(/^Run: /gm)).toHaveLength(1);
    expect(ofMany.indexOf('Task ARNs:')).toBeGreaterThan(ofMany.lastIndexOf('task-000000000000'));
    expect(ofMany).toContain('/opportunity-from-engagement-task/<task-id>\nRun: 6752a8ee');
  });

  test('of several tasks, the command shows the first deal', () => {
    expect(bodyOf(failed, { ...failed, engagementId: 'eng-00000000000000' })).toContain(
      '\nTo look at the first engagement as it is now:\naws partnercentral-selling get-engagement \\\n' +
        '    --region us-east-1 --catalog Sandbox --identifier eng-0123456789abcd\n',
    );
  });
});

describe('a deal', () => {
  const deal = { customer: 'AnyCompany', title: 'Web shop 案' };
  const denied = { unnamed: 'AccessDeniedException' };

  test('of one task comes first, in subject and mail', () => {
    const { subject, body } = onlyMail([{ ...failed, deal: { customer: 'AnyCompany', title: 'Web shop' } }]);
    expect(subject).toBe('AnyCompany, Web shop: task failed (EngagementAccessDenied), Partner Central Sandbox');
    expect(body).toMatch(/^AnyCompany, Web shop\n\n1 task failed in Partner Central \(catalog Sandbox\)\.\n/);
    expect(body).not.toContain('Deal:');
  });

  test('of a replay comes first in the mail, and the subject still begins with Repeat', () => {
    const { subject, body } = onlyMail([{ ...repeated, deal: { title: 'Web shop' } }]);
    expect(subject).toMatch(/^Repeat: Web shop: task failed/);
    expect(body).toMatch(/^Web shop\n\nThis is a repeat/);
  });

  test('whose name is not ASCII is in the mail alone', () => {
    const { subject, body } = onlyMail([{ ...failed, deal }]);
    expect(subject).toBe('Partner Central Sandbox: task failed (EngagementAccessDenied)');
    expect(body).toMatch(/^AnyCompany, Web shop 案\n\n/);
  });

  test('without a name: the mail is as it was, and says so', () => {
    const { subject, body } = onlyMail([{ ...failed, deal: denied }]);
    expect(subject).toBe('Partner Central Sandbox: task failed (EngagementAccessDenied)');
    const line = 'Deal: could not be looked up (AccessDeniedException)\n';
    expect(body).toContain(`\n${line}`);
    expect(body.replace(line, '')).toBe(bodyOf(failed));
  });

  test('of several: all that have names come first, and each task has its own', () => {
    const tasks = burst(8, ['EngagementAccessDenied']).map((task, at) => ({
      ...task,
      deal: at < 4 ? { customer: 'A' } : at < 6 ? { customer: 'B' } : denied,
    }));
    const { subject, body } = onlyMail(tasks);
    expect(subject).toBe('A and 1 more: 8 tasks failed (EngagementAccessDenied), Partner Central Sandbox');
    expect(body).toMatch(/^A \(4 tasks\)\nB \(2 tasks\)\n\n8 tasks failed in Partner Central/);
    expect(body).toContain('\nThe deal of 2 tasks could not be looked up (AccessDeniedException).\n');
    expect(body.match(/^Deal: A$/gm)).toHaveLength(3);
    expect(body).toMatch(/^ {2}task-0000000000005 .*\n {4}B\n {4}"5: /m);
  });

  test('leaves room for what failed in the subject', () => {
    const { subject } = onlyMail([{ ...failed, deal: { customer: 'x'.repeat(100) } }]);
    expect(subject).toContain('x...: task failed (EngagementAccessDenied), Partner Central');
    expect(subject.length).toBeLessThan(100);
  });
});

describe("the API's message", () => {
  const shown = (message: string, ...others: FailedTask[]) =>
    /^Message from Partner Central:\n([\s\S]*?)\nFailed:/m.exec(bodyOf({ ...bare, message }, ...others))?.[1];

  test.each<[what: string, message: string, shown: string]>([
    ['quotes and backslashes', `say "no" \\ 'never'`, `    say "no" \\ 'never'`],
    ['HTML', '<a href="x">&amp;</a>', '    <a href="x">&amp;</a>'],
    ['every kind of line break', 'a\r\nb\rc\u2028d\u0085e', '    a\n    b\n    c\n    d\n    e'],
    [
      'a line that looks like ours',
      'x\nReason: none\nWhat to do: nothing',
      '    x\n    Reason: none\n    What to do: nothing',
    ],
    ['tabs', 'a\tb', '    a\tb'],
    ['control characters and broken text', 'a\u0000b\u001b[31m\ud800', '    a\\u0000b\\u001b[31m\\ud800'],
    ['other scripts', '案件を作成できません 🚧', '    案件を作成できません 🚧'],
    ['100 KB', 'y'.repeat(102_400), `    ${'y'.repeat(102_400)}`],
    [
      'more than a mail holds',
      'y'.repeat(150_001),
      `    ${'y'.repeat(150_000)}…\n    (cut, 1 more character; the event has it whole)`,
    ],
  ])('%s, of one task', (_, message, expected) => expect(shown(message)).toBe(expected));

  test.each<[what: string, message: string, shown: string]>([
    ['1,000 characters', 'x'.repeat(1_000), `    ${'x'.repeat(1_000)}`],
    ['one more', 'x'.repeat(1_001), `    ${'x'.repeat(1_000)}…\n    (cut, 1 more character; the event has it whole)`],
    [
      'emoji, cut between two',
      '🚧'.repeat(1_001),
      `    ${'🚧'.repeat(750)}…\n    (cut, 251 more characters; the event has it whole)`,
    ],
    [
      '100 KB',
      'y'.repeat(102_400),
      `    ${'y'.repeat(1_000)}…\n    (cut, 101,400 more characters; the event has it whole)`,
    ],
  ])('%s, among others', (_, message, expected) => expect(shown(message, failed)).toBe(expected));

  test('that was cut in the event already says so', () => {
    const cutBefore = { ...bare, messageTruncated: true } as const;
    expect(bodyOf({ ...cutBefore, message: 'short' })).toContain('    short… (cut, it was too long for an event)');
    expect(bodyOf({ ...cutBefore, message: 'x'.repeat(1_001) }, failed)).toContain(
      'x…\n    (cut, 1 more character; the event has more of it)',
    );
  });

  test.each(['x'.repeat(38), '案'.repeat(38), '🚧'.repeat(20), 'x'])(
    'fits a mail, however often it wraps: words of %s',
    word => {
      const { body } = onlyMail([{ ...failed, message: `${word} `.repeat(150_000) }]);
      expect(Buffer.byteLength(body)).toBeLessThan(MOST_BYTES);
    },
  );

  test('is cut visibly in a line, and can not begin another', () => {
    const tasks = burst(5, ['InternalError'], `a\n${'b'.repeat(200)}`);
    expect(onlyMail(tasks).body).toMatch(
      /^ {2}task-0000000000004 .*\n {4}"4: a\n {4}b{95}…\n {4}\(cut, 105 more characters\)"$/m,
    );
  });
});

describe('the subject', () => {
  test.each<[what: string, change: Partial<FailedTask>, subject: string]>([
    ['an unknown reason', { reasonCode: 'Unheard' }, 'Partner Central AWS: task failed (Unheard)'],
    [
      'line breaks, control and other characters',
      { reasonCode: 'a\r\nBcc: x\u0007é' },
      'Partner Central AWS: task failed (a??Bcc: x??)',
    ],
    ['200 characters', { reasonCode: 'R'.repeat(200) }, `Partner Central AWS: task failed (${'R'.repeat(62)}...`],
  ])('with %s', (_, change, expected) => {
    const { subject } = onlyMail([{ ...bare, catalog: 'AWS', ...change }]);
    expect(subject).toBe(expected);
    expect(subject).toMatch(/^[A-Za-z][ -~]{0,98}$/);
  });
});

const idsIn = (mails: readonly Mail[]) =>
  mails.flatMap(({ body }) => [...new Set(body.match(/\btask-\d{13}\b/g))]).sort();

describe('a burst', () => {
  test.each<[what: string, tasks: FailedTask[], mails: number]>([
    ['of 2,000 of one reason', burst(2_000, ['RequestThrottled']), 1],
    ['of 2,000 of all reasons', burst(2_000, knownReasonCodes), 2],
    ['of 2,000 with messages of 2 KB', burst(2_000, knownReasonCodes, 'm'.repeat(2_000)), 3],
    ['of 2,000 with long messages of four bytes a character', burst(2_000, ['InternalError'], '🚧'.repeat(1_000)), 3],
    ['of 10,000, the most a batch has', burst(10_000, ['InternalError']), 5],
  ])('%s: few mails, each below 256 KB, and every task in exactly one', (_, tasks, atMost) => {
    const mails = formatMails(tasks, logs);
    expect(mails.length).toBeLessThanOrEqual(atMost);
    for (const { body, subject } of mails) {
      expect(Buffer.byteLength(body)).toBeLessThan(MOST_BYTES);
      expect(subject.length).toBeLessThan(100);
    }
    expect(idsIn(mails)).toEqual(tasks.map(({ taskId }) => taskId).sort());
    expect(mails.flatMap(mail => mail.tasks)).toHaveLength(tasks.length);
    expect(new Set(mails.flatMap(mail => mail.tasks)).size).toBe(tasks.length);
  });

  test('that needs several mails says so in each, and what the reason means where it begins', () => {
    const mails = formatMails(burst(2_000, ['InternalError'], 'm'.repeat(1_000)), logs);
    expect(mails.length).toBeGreaterThan(1);
    for (const [index, { subject, body }] of mails.entries()) {
      const part = `[part ${index + 1} of ${mails.length}]`;
      expect(subject).toBe(`Partner Central Sandbox: 2,000 tasks failed (InternalError) ${part}`);
      expect(body).toContain(`This is part ${index + 1} of ${mails.length}`);
      expect(body).toContain(index === 0 ? 'What it means: ' : 'Reason: InternalError (category access), continued');
      expect(body).toContain('https://console.aws.amazon.com/');
    }
  });

  test.each(['x', '案', '🚧', '\n', '\u0000', '\ud800', '"', '&'])(
    'of monstrous tasks, all of %j, loses none',
    character => {
      const tasks = Array.from({ length: 80 }, (_, number) => monster(character, number));
      const mails = formatMails(tasks, logs);
      for (const { body } of mails) expect(Buffer.byteLength(body)).toBeLessThan(MOST_BYTES);
      const told = mails.flatMap(({ body }) => [...new Set(body.match(/task-\d+\s/g))]);
      expect(mails.length).toBeGreaterThan(1);
      expect(new Set(told).size).toBe(80);
    },
  );
});
