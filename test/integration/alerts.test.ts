/** From failed tasks to messages: both bundles, and the template's rule and queue. */
import { knownReasonCodes } from '../../lambdas/reason-codes';
import { isOverHttp } from '../engine-stack';
import { openTestStack, type TestStack } from './test-stack';

const directory = process.env.SYNTHESIZED_WITH_CHAT as string;
const team = 'arn:aws:sns:us-east-1:000000000000:security-team';
let stack: TestStack;

let shared: TestStack;
let generation = 0;
const opened: TestStack[] = [];

beforeAll(async () => {
  shared = await openTestStack({}, true, { directory });
}, 60_000);
afterEach(() => Promise.all(opened.splice(0).map(one => one.close())));
afterAll(async () => {
  await shared?.close();
});

/** A stack after its first poll. Stacks with the same options are shared. */
const tell = async (settings = {}, more = {}) => {
  const isOwn = Object.keys({ ...settings, ...more }).length > 0;
  stack = isOwn ? await openTestStack(settings, true, { directory, ...more }) : shared;
  if (isOwn) opened.push(stack);
  else {
    await stack.reset();
    generation += 1;
    // Different ids, because the formatter skips tasks that it has reported.
    stack.store.fromJSON({ nextNumber: generation * 10_000, tasks: [], clientTokens: [] });
  }
  await stack.run();
};
const mailsOf = <M extends { topicArn: string }>(messages: readonly M[]) =>
  messages.filter(({ topicArn }) => topicArn !== stack.chatTopicArn);

const burst = isOverHttp ? 2_000 : 500;
test(`a burst of ${burst} failures makes at most five mails and five chat messages, and a mail names every task`, async () => {
  await tell({ maxEventsPerRun: 2_000, backlogPageSize: 1_000, headPageSize: 1_000 });
  const codes = [...knownReasonCodes, 'SomethingNew'];
  const tasks = Array.from({ length: burst }, (_, at) =>
    stack.store.add({ status: 'FAILED', reasonCode: codes[at % codes.length], message: `${at}: ${'m'.repeat(500)}` }),
  );
  await stack.runUntilQuiet();
  expect(stack.queue.length).toBe(burst);
  const messages = await stack.deliverAlerts();
  const mails = mailsOf(messages);
  expect(mails.length).toBeLessThanOrEqual(5);
  expect(messages.length - mails.length).toBeLessThanOrEqual(5);
  for (const { message } of messages) expect(Buffer.byteLength(message)).toBeLessThan(262_144);
  const told = mails.flatMap(({ message }) => [...new Set(message.match(/\btask-[0-9a-z]{13}\b/g))]);
  expect([...new Set(told)].sort()).toEqual(tasks.map(({ taskId }) => taskId).sort());
  expect(stack.queue.length).toBe(0);
});

test('the formatter handles a full batch within its memory and a fraction of its timeout', async () => {
  await tell();
  const detail = (at: number) => ({
    schemaVersion: '1',
    eventId: String(at).padStart(64, '0'),
    runId: '6752a8ee-657e-4906-854d-1becaa7b1917',
    catalog: 'Sandbox',
    taskType: 'OpportunityFromEngagement',
    taskId: `task-${String(at).padStart(13, '0')}`,
    taskStatus: 'FAILED',
    reasonCode: 'InternalError',
    reasonCategory: 'internal',
    message: `${at}`,
    detectedBefore: '2026-11-22T18:02:00.000Z',
  });
  // The maximum number in 6 MB, with the shortest events.
  const Records = Array.from({ length: 4_000 }, (_, at) => ({
    messageId: String(at),
    receiptHandle: 'A'.repeat(900),
    body: JSON.stringify({ 'detail-type': 'TaskFailed', detail: detail(at) }),
  }));
  expect(Buffer.byteLength(JSON.stringify({ Records }))).toBeGreaterThan(5 * 1024 * 1024);
  const { result, peakRssBytes, cpuMs } = await stack.formatter.invoke({ Records });
  expect(result).toEqual({ batchItemFailures: [] });
  expect(peakRssBytes).toBeLessThan(230 * 1024 * 1024); // of 256 MB
  expect(cpuMs * (1_769 / 256)).toBeLessThan(20_000); // at its share of a vCPU, of 30 seconds
});

test('categories go to the topics of their routes; a failing topic is retried and blocks no other', async () => {
  await tell({}, { alertRoutes: { access: team, throttling: 'nowhere', '*': 'default' }, topics: [team] });
  const add = (reasonCode: string) => stack.store.add({ status: 'FAILED', reasonCode, message: 'm' }).taskId;
  const [denied, throttled, internal, unheard] = [
    'EngagementAccessDenied',
    'RequestThrottled',
    'InternalError',
    'Unheard',
  ].map(add);
  await stack.run();
  stack.sns.intercept = ({ input }) =>
    input.TopicArn === team ? { when: 'before', how: { status: 403, type: 'AuthorizationError' } } : undefined;
  const first = await stack.deliverAlerts();
  expect(first.map(({ topicArn }) => topicArn).sort()).toEqual([stack.topicArn, stack.chatTopicArn].sort());
  expect(first[0]?.message).toContain(internal);
  expect(first[0]?.message).toContain(unheard);
  expect(JSON.stringify(first.filter(({ topicArn }) => topicArn === stack.topicArn))).not.toContain(denied);
  expect(JSON.stringify(first)).not.toContain(throttled);
  expect(stack.queue.length).toBe(1);

  stack.sns.intercept = undefined;
  const second = await stack.deliverAlerts();
  expect(second.map(({ topicArn }) => topicArn)).toEqual([team]);
  expect(second[0]?.message).toContain(denied);
  expect(stack.queue.length).toBe(0);
});

// Takes three attempts of five seconds. The handler's own tests cover failing topics.
if (isOverHttp)
  test('a topic that does not answer blocks no other, and its records return to the queue in time', async () => {
    await tell();
    stack.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    await stack.run();
    stack.sns.intercept = ({ input }) =>
      input.TopicArn === stack.topicArn ? { when: 'before', how: 'hang' } : undefined;
    const messages = await stack.deliverAlerts();
    expect(messages.map(({ topicArn }) => topicArn)).toEqual([stack.chatTopicArn]);
    expect(stack.queue.length).toBe(1);
    stack.sns.intercept = undefined;
    expect((await stack.deliverAlerts()).map(({ topicArn }) => topicArn)).toEqual([stack.topicArn]);
  });

test.each([
  ['quotes', `say "no" \\ 'never'`],
  ['line breaks', 'one\r\ntwo\nthree'],
  ['HTML', '<b onclick="x">&amp;</b> <!channel>'],
  ['100 KB', 'y'.repeat(102_400)],
])('a message with %s arrives whole or visibly cut, in mail and chat', async (_, message) => {
  await tell();
  stack.store.add({ status: 'FAILED', reasonCode: 'InternalError', message });
  await stack.run();
  const messages = await stack.deliverAlerts();
  const [mail] = mailsOf(messages);
  const chat = messages.find(({ topicArn }) => topicArn === stack.chatTopicArn);
  expect(mail?.message).toContain(message.replace(/\r\n|\n/g, '\n    '));
  const { description } = JSON.parse(chat?.message ?? '').content;
  const inChat = message
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r\n', '\n');
  expect(description).toContain(
    message.length > 1_000 ? `${'y'.repeat(1_000)}… (cut, 101,400 more characters)` : inChat,
  );
});

test('with includeMessage: false no alert has the message, and each says so', async () => {
  await tell({ includeMessage: false });
  stack.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'something private' });
  await stack.run();
  const messages = await stack.deliverAlerts();
  expect(messages).toHaveLength(2);
  for (const { message } of messages) {
    expect(message).not.toContain('private');
    expect(message).toContain('none, or left out by includeMessage');
  }
  expect(stack.logs.join()).not.toContain('private');
});
