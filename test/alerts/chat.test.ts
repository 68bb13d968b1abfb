import fc from 'fast-check';
import { chatLimits, formatChat } from '../../lambdas/alerts/chat';
import type { FailedTask } from '../../lambdas/alerts/failed-task';
import { logsLink } from '../../lambdas/alerts/logs-link';
import { reasons } from '../../lambdas/reason-codes';
import { bare, burst, failed, invited, logs, monster, repeated } from './events';

const chatOf = (first: FailedTask, ...others: FailedTask[]) => formatChat([first, ...others], logs);
const all = (tasks: readonly FailedTask[]) => formatChat(tasks as [FailedTask], logs);

test('a message about one task, in the format of a custom notification', () => {
  const { content, ...frame } = chatOf(failed);
  expect(frame).toEqual({
    version: '1.0',
    source: 'custom',
    id: 'a'.repeat(64),
    metadata: {
      threadId: 'task-failed-Sandbox-EngagementAccessDenied-2026-11-22',
      summary: 'Partner Central Sandbox: task failed (EngagementAccessDenied)',
      eventType: 'TaskFailed',
      relatedResources: [failed.taskArn],
    },
  });
  expect(content).toEqual({
    textType: 'client-markdown',
    title: 'Partner Central Sandbox: task failed (EngagementAccessDenied)',
    description: expect.any(String),
    nextSteps: [reasons.EngagementAccessDenied.action],
    keywords: ['Sandbox', 'access', 'EngagementAccessDenied'],
  });
  const { description } = content;
  expect(description).toContain(
    `\`EngagementAccessDenied\` (access): 1 task to create an opportunity from an engagement  \n${reasons.EngagementAccessDenied.meaning}`,
  );
  expect(description).toContain('Task `task-dpf02ig3g2uui`, engagement `eng-0123456789abcd`, opportunity `O1234567`');
  expect(description).toContain('Failed between 2026-11-22 18:01:00 UTC and 2026-11-22 18:02:00 UTC');
  expect(description).toContain('```\nThe caller has no access to the engagement.\n```');
  expect(description).toContain('Other tasks with this reason: none');
  expect(description).toMatch(/Logs of the run that saw it: https:\/\/console\.aws\.amazon\.com\/\S+ {2}\n/);
  expect(description).toMatch(/meaning and next steps are from the task poller\.$/);
});

test('a task of a source with a name: the name is in the title and beside the task', () => {
  const { content } = formatChat([{ ...failed, sourceName: 'acme' }], logs);
  expect(content.title).toContain('Partner Central Sandbox (acme): task failed');
  expect(content.description).toContain('Task `task-dpf02ig3g2uui`, source `acme`, engagement');
});

test('a replay is a repeat, says which replay and when it was seen first, and has a thread of its own', () => {
  const { content, metadata } = chatOf(repeated);
  expect(content.title).toBe('Repeat: Partner Central Sandbox: task failed (EngagementAccessDenied)');
  expect(metadata).toMatchObject({ summary: content.title, threadId: 'task-failed-repeat-20261201T080000Z-abcdef' });
  expect(content.description).toMatch(
    /^This is a repeat, and no new failure: replay 20261201T080000Z-abcdef published it again\. It was first seen at 2026-11-22 18:02:00 UTC\.\n\n/,
  );
  expect(content.description).toContain('First seen to fail between 2026-11-22 18:01:00 UTC and');
  expect(content.description).toContain(`Logs of the original run: ${logsLink(logs, repeated)}`);
  const long = all(burst(2_000, ['InternalError'], 'x'.repeat(2_000)).map(task => ({ ...repeated, ...task })));
  expect(long.content.description.length).toBeLessThanOrEqual(chatLimits.description);
});

test('an event that says almost nothing makes a message all the same', () => {
  const { content } = chatOf(bare);
  expect(content.title).toBe('Partner Central Sandbox: task failed (no reason given)');
  expect(content.description).toContain('No reason code: 1 task to create');
  expect(content.description).toContain('Message: none, or left out by includeMessage');
  expect(JSON.stringify(content)).not.toMatch(/undefined|null/);
});

test('a task of another family is told by what it was to do, with its invitation and what to do there', () => {
  const { content } = chatOf(invited);
  expect(content.description).toContain(
    '`OpportunityValidationFailed` (validation): 1 task to create an engagement from an opportunity  \n',
  );
  expect(content.description).toContain(
    'Task `task-dpf02ig3g2uui`, engagement `eng-0123456789abcd`, invitation `engi-0123456789abc`, opportunity `O1234567`',
  );
  expect(content.description).toContain('Other-Logs');
  expect(content.nextSteps).toEqual([expect.stringMatching(/^Complete the field that the message names in the opp/)]);
  expect(chatOf({ ...invited, taskType: '<!here> *x*' }).content.description).toContain('1 task of type ??here? ?x?  ');
  // One reason, but two remedies.
  const both = chatOf(invited, { ...failed, reasonCode: invited.reasonCode });
  expect(both.content.title).toBe('Partner Central AWS, Sandbox: 2 tasks failed (OpportunityValidationFailed)');
  expect(both.content.nextSteps).toHaveLength(2);
});

test('several tasks: by reason, with how many more there are, and where all of them are', () => {
  const { content } = all(
    burst(2_000, ['EngagementAccessDenied', 'SomethingNew', 'InternalError', 'OpportunityConflict']),
  );
  expect(content.title).toBe('Partner Central Sandbox: 2,000 tasks failed (4 reasons)');
  expect(content.description).toContain(
    '`EngagementAccessDenied` (access): 500 tasks to create an opportunity from an engagement',
  );
  expect(content.description).toContain('`task-0000000000016` and 495 more)');
  expect(content.description).toContain(
    '`OpportunityConflict` (access): 500 tasks to create an opportunity from an engagement',
  );
  expect(content.description).toContain('The mail of this alert lists every task.');
  expect(content.nextSteps).toHaveLength(4);
  expect(content.nextSteps[0]).toBe(`EngagementAccessDenied: ${reasons.EngagementAccessDenied.action}`);
});

describe('a deal', () => {
  const deal = { customer: 'Example Foods & Sons', title: 'Web shop' };

  test('comes first, in title and message', () => {
    const { content, metadata } = chatOf({ ...failed, deal });
    expect(content.title).toBe(
      'Example Foods and Sons, Web shop: task failed (EngagementAccessDenied), Partner Central Sandbox',
    );
    expect(metadata.threadId).toBe('task-failed-Sandbox-EngagementAccessDenied-2026-11-22');
    expect(content.description).toMatch(/^`Example Foods &amp; Sons, Web shop`\n\n`EngagementAccessDenied`/);
    expect(content.description).toContain(
      'To look at the engagement: `aws partnercentral-selling get-engagement --region us-east-1 --catalog Sandbox --identifier eng-0123456789abcd`',
    );
  });

  test('without a name: the message is as it was, and says so', () => {
    const note = 'The deal of 1 task could not be looked up (AccessDeniedException).\n\n';
    const unnamed = chatOf({ ...failed, deal: { unnamed: 'AccessDeniedException' } });
    const { description } = unnamed.content;
    expect(description.startsWith(note)).toBe(true);
    const without = { ...unnamed, content: { ...unnamed.content, description: description.replace(note, '') } };
    expect(without).toEqual(chatOf(failed));
  });

  test('of several: as many as have room, and why others have no name', () => {
    const tasks = burst(30, ['InternalError']).map((task, at) => ({
      ...task,
      deal: at < 20 ? { customer: `${at} ${'x'.repeat(100)}` } : { unnamed: at < 25 ? 'no answer in time' : 'Error' },
    }));
    const { description } = all(tasks).content;
    expect(description).toMatch(/^`0 x{100}`, `1 x{100}`, `2 x{100}` and 17 more deals {2}\nThe deal of 10 tasks/);
    expect(description).toContain('(no answer in time and others)');
  });

  test('takes nothing from what failed, however long all of it is', () => {
    const long = { customer: '<'.repeat(120), title: '&'.repeat(120) };
    const { description } = chatOf({ ...repeated, message: '<'.repeat(3_000), deal: long }).content;
    expect(description).toContain('Task `task-dpf02ig3g2uui`');
    expect(description.length).toBeLessThanOrEqual(chatLimits.description);
  });

  test('can not act as markup', () => {
    const { content } = chatOf({ ...failed, deal: { customer: '<!here> `*b*` @all' } });
    expect(content.title).toBe('Partner Central Sandbox: task failed (EngagementAccessDenied)');
    expect(content.description).toMatch(/^`&lt;!here&gt; '\u200b\*b\*'\u200b @\u200ball`\n/);
  });
});

describe('whatever the API says', () => {
  const block = (description: string) => /```\n([\s\S]*)\n```/.exec(description)?.[1] as string;
  /** What Slack shows of a text: its entities as characters, and nothing of what has no width. */
  const shown = (text: string) =>
    text.replaceAll('\u200b', '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const message = (text: string) => block(chatOf({ ...bare, message: text }).content.description);

  test.each<[what: string, text: string, inTheMessage: string]>([
    ['a mention of all', '<!channel> @here @everyone', '&lt;!channel&gt; @\u200bhere @\u200beveryone'],
    ['a mention of one', '<@U012AB3CD> <#C012AB3CD>', '&lt;@\u200bU012AB3CD&gt; &lt;#C012AB3CD&gt;'],
    ['a link that lies', '<https://evil.example|AWS console>', '&lt;https://evil.example|AWS console&gt;'],
    ['the end of the block', 'a\n```\n*b*', 'a\n`\u200b`\u200b`\u200b\n*b*'],
    ['entities', '&lt;!here&gt;', '&amp;lt;!here&amp;gt;'],
    ['quotes, backslashes and HTML', `"\\' <b>`, `"\\' &lt;b&gt;`],
    ['line breaks', 'a\r\nb\u2028c', 'a\nb\nc'],
  ])('%s is text', (_, text, expected) => {
    expect(message(text)).toBe(expected);
    expect(shown(message(text))).toBe(text.replace(/\r\n|\u2028/g, '\n'));
  });

  test('a message is intact or visibly cut', () => {
    expect(message('x'.repeat(1_000))).toBe('x'.repeat(1_000));
    expect(message('x'.repeat(102_400))).toBe(`${'x'.repeat(1_000)}… (cut, 101,400 more characters)`);
    expect(message('<'.repeat(1_000))).toBe(`${'&lt;'.repeat(250)}… (cut, 750 more characters)`);
    const cutBefore = chatOf({ ...bare, message: 'short', messageTruncated: true });
    expect(block(cutBefore.content.description)).toBe('short… (cut, it was too long for an event)');
  });

  test('the rest of the event acts no more than the message does', () => {
    const nasty = '`*<!here>* @here [a](http://b) _c_ ~d~';
    const { content, metadata } = chatOf({
      ...failed,
      catalog: nasty,
      taskId: nasty,
      reasonCode: nasty,
      reasonCategory: nasty,
      engagementId: nasty,
      taskArn: nasty,
    });
    for (const text of [
      content.title,
      metadata.summary,
      ...content.keywords,
      ...content.nextSteps,
      ...metadata.relatedResources,
    ])
      expect(text).not.toMatch(/[<>*_`~@[\]/]/);
    expect(metadata.threadId).toMatch(/^[\w.-]+$/);
    const outsideCode = content.description.replace(/```[\s\S]*?```|`[^`\n]*`/g, '').replace(/https:\S+/, '');
    expect(outsideCode).not.toMatch(/[<>*_~@[\]`]/);
    expect(content.description).not.toContain('<');
  });

  const fragment = fc.constantFrom(
    '<!channel>',
    '@here',
    '```',
    '`',
    '&',
    '<http://a|b>',
    '*',
    '\n',
    'x',
    '案',
    '\ud800',
    '\u0000',
  );
  test('any text: it can not leave its block, nor mention anybody', () => {
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 60 }), parts => {
        const { description } = chatOf({ ...bare, message: parts.join('') || 'x' }).content;
        expect(description.match(/```/g)).toHaveLength(2);
        expect(description).not.toMatch(/<|@\w/);
      }),
    );
  });
});

test.each([
  ['one monster', (character: string) => [monster(character, 1)]],
  ['80 monsters', (character: string) => Array.from({ length: 80 }, (_, at) => monster(character, at))],
])('the limits hold for %s', (_, tasksOf) => {
  for (const character of ['x', '案', '🚧', '\n', '<', '`', '@', '&', '\u0000']) {
    const notification = all(tasksOf(character));
    const { content, metadata } = notification;
    expect(content.title.length).toBeLessThanOrEqual(chatLimits.title);
    expect(content.description.length).toBeLessThanOrEqual(chatLimits.description);
    expect(content.nextSteps.length).toBeLessThanOrEqual(chatLimits.nextSteps);
    for (const step of content.nextSteps) expect(step.length).toBeLessThanOrEqual(chatLimits.nextStep);
    expect(content.keywords.length).toBeLessThanOrEqual(chatLimits.keywords);
    for (const word of content.keywords) expect(word.length).toBeLessThanOrEqual(chatLimits.keyword);
    expect(metadata.threadId.length).toBeLessThanOrEqual(chatLimits.threadId);
    expect(metadata.relatedResources.length).toBeLessThanOrEqual(chatLimits.relatedResources);
    expect(Buffer.byteLength(JSON.stringify(notification))).toBeLessThan(262_144);
    expect(content.description).toContain('https://console.aws.amazon.com/');
  }
});

test('two hundred reasons are counted, where they are too many to name', () => {
  const tasks = Array.from({ length: 200 }, (_, at) => ({
    ...bare,
    eventId: String(at).padStart(64, '0'),
    reasonCode: `Reason${at}`,
  }));
  expect(all(tasks).content.description).toMatch(/\n\nAnd \d+ more reasons\.\n\n/);
});
