/**
 * What people read, as files: texts/<reason code>.txt is the mail, texts/<reason code>.chat.json the chat message. Real
 * events make them: a task fails in Partner Central, the poller's bundle publishes it, the formatter's bundle tells it.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownReasonCodes } from '../../lambdas/reason-codes';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import { sampleFailures } from '../../local/services/sample-failures';
import type { PublishedMessage } from '../../local/services/sns';
import { errorAnswer } from '../faults';
import { openTestStack, type TestStack } from '../integration/test-stack';

const folder = join(__dirname, 'texts');
const update = process.env.UPDATE_TEXTS === '1';
const directory = process.env.SYNTHESIZED_WITH_CHAT as string;
const families = ['OpportunityFromEngagement', 'EngagementFromOpportunity', 'EngagementByAcceptingInvitation'];
const dealSources = Object.fromEntries(families.map(family => [`Sandbox#${family}`, '']));
let usual: TestStack;
let withDeals: TestStack;
/** The one that tells. */
let stack: TestStack;

beforeAll(async () => {
  const open = async (more = {}) => {
    const opened = await openTestStack({}, true, { directory, alertPollers: 1, ...more }); // several at once are one batch
    await opened.run(); // what fails from now on is news
    return opened;
  };
  [usual, withDeals] = await Promise.all([open(), open({ dealSources })]);
  mkdirSync(folder, { recursive: true });
});
beforeEach(() => {
  stack = usual;
});
afterAll(() => Promise.all([usual?.close(), withDeals?.close()]));

interface Failure {
  readonly reasonCode: string | undefined;
  readonly message: string | undefined;
}

let tasks = 0;
function fail({ reasonCode, message }: Failure, store = stack.store, engagementInvitationId?: string) {
  tasks += 1;
  store.add({
    taskId: `task-${String(tasks).padStart(13, '0')}`,
    status: 'FAILED',
    reasonCode,
    message,
    engagementId: `eng-${String(tasks).padStart(14, '0')}`,
    contextId: '1',
    opportunityId: `O${1_000_000 + tasks}`,
    ...(engagementInvitationId && { engagementInvitationId }),
  });
}

/** The mail and the chat message about what has failed since the last time. */
async function tell(poller = stack.poller): Promise<{ mail: string; chat: string }> {
  await stack.run('poll', undefined, poller);
  const messages = await stack.deliverAlerts();
  const to = (topicArn: string) => {
    const found = messages.filter(message => message.topicArn === topicArn);
    expect(found).toHaveLength(1);
    return found[0] as PublishedMessage;
  };
  const [mail, chat] = [to(stack.topicArn), to(stack.chatTopicArn)];
  return {
    mail: withoutVariables(`Subject: ${mail.subject}\n\n${mail.message}\n`),
    chat: withoutVariables(`${JSON.stringify(JSON.parse(chat.message), null, 2)}\n`),
  };
}

/** Times and random ids, each as its name. */
const withoutVariables = (text: string) =>
  text
    .replace(/\b[0-9a-f]{64}\b/g, '<event id>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<run id>')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '<time>')
    .replace(/\$(start|end)\$3D\d{13}/g, '$$$1$$3D<ms>')
    .replace(/(start|end)\$3D\d{13}/g, '$1$$3D<ms>')
    .replace(/-\d{4}-\d\d-\d\d"/g, '-<day>"');

function expectFile(name: string, text: string) {
  const file = join(folder, name);
  if (update) writeFileSync(file, text);
  let written = '';
  try {
    written = readFileSync(file, 'utf8');
  } catch {
    // Told below.
  }
  if (written !== text)
    throw new Error(
      `${name} is not what the formatter writes now. If that is what you want: UPDATE_TEXTS=1 npx jest test/alerts/texts, and read the difference.\n\nIt writes:\n${text}\nThe file has:\n${written}`,
    );
}

const failures: [name: string, Failure][] = [
  ...sampleFailures.map((failure): [string, Failure] => [failure.reasonCode, failure]),
  ['SomethingNew', { reasonCode: 'SomethingNew', message: 'A reason that nobody knows yet.' }],
  ['no-reason-code', { reasonCode: undefined, message: 'The task failed.' }],
];

test.each(failures)('%s', async (name, failure) => {
  fail(failure);
  const { mail, chat } = await tell();
  expectFile(`${name}.txt`, mail);
  expectFile(`${name}.chat.json`, chat);
});

test('several at once', async () => {
  const message = (code: string): string | undefined =>
    sampleFailures.find(({ reasonCode }) => reasonCode === code)?.message;
  const failedFor = (reasonCode: string | undefined, text: string | undefined = message(reasonCode ?? '')) =>
    fail({ reasonCode, message: text });
  for (let at = 0; at < 6; at += 1) failedFor('EngagementAccessDenied');
  failedFor('OpportunityValidationFailed');
  for (const name of ['Customer.Account.Industry', 'Project.Title', 'LifeCycle.TargetCloseDate', 'Customer.Contacts'])
    failedFor('OpportunityValidationFailed', `${name} is missing.`);
  failedFor('SomethingNew', 'A reason that nobody knows yet.');
  failedFor(undefined);
  const { mail, chat } = await tell();
  expectFile('several.txt', mail);
  expectFile('several.chat.json', chat);
});

/** One each of the other families. */
const otherFamilies = [
  ['EngagementFromOpportunity', 'OpportunitySubmissionFailed'],
  ['EngagementByAcceptingInvitation', 'InvitationValidationFailed'],
] as const;

test.each(otherFamilies)('%s', async (taskFamily, reasonCode) => {
  const poller = stack.anotherPoller({ taskFamily });
  await stack.run('poll', undefined, poller);
  const message = sampleFailures.find(failure => failure.reasonCode === reasonCode)?.message;
  fail({ reasonCode, message }, stack.partnerCentral.store('Sandbox', taskFamily), 'engi-0000000000001');
  const { mail, chat } = await tell(poller);
  expectFile(`${taskFamily}.txt`, mail);
  expectFile(`${taskFamily}.chat.json`, chat);
});

test('a replay', async () => {
  fail({ reasonCode: 'EngagementAccessDenied', message: 'The caller is not a member of the engagement.' });
  await tell();
  const event = stack.eventBridge.events.at(-1) as DeliveredEvent;
  const replayId = '20261201T080000Z-abcdef';
  stack.queue.send({ ...event, detail: { ...event.detail, runId: replayId, replayId, replayAlerts: true } });
  const { mail, chat } = await tell();
  expectFile('replay.txt', mail);
  expectFile('replay.chat.json', chat);
});

describe('with the names of deals', () => {
  beforeEach(() => {
    stack = withDeals;
  });

  const expectFiles = async (name: string, poller = stack.poller) => {
    const { mail, chat } = await tell(poller);
    expectFile(`${name}.txt`, mail);
    expectFile(`${name}.chat.json`, chat);
  };
  const deny = (message: string) => ({ reasonCode: 'EngagementAccessDenied', message });

  test('of one', async () => {
    fail(deny('The caller is not a member of the engagement.'));
    await expectFiles('deal');
  });

  test('of several, where one can not be looked up', async () => {
    const from = tasks;
    for (let at = 0; at < 7; at += 1) fail(deny('The caller is not a member of the engagement.'));
    stack.partnerCentral.intercept = ({ input }) =>
      String(input.Identifier).endsWith(`${from + 2}`) ? errorAnswer('ResourceNotFoundException', 404) : undefined;
    await expectFiles('deals');
    stack.partnerCentral.intercept = undefined;
  });

  test.each(otherFamilies)('of a task of %s', async (taskFamily, reasonCode) => {
    const poller = stack.anotherPoller({ taskFamily });
    await stack.run('poll', undefined, poller);
    const message = sampleFailures.find(failure => failure.reasonCode === reasonCode)?.message;
    fail({ reasonCode, message }, stack.partnerCentral.store('Sandbox', taskFamily), 'engi-0000000000001');
    await expectFiles(`deal-${taskFamily}`, poller);
  });

  test('that may not be looked up', async () => {
    stack.partnerCentral.intercept = ({ operation }) =>
      operation === 'GetEngagement' ? errorAnswer('AccessDeniedException', 403) : undefined;
    fail(deny('The caller is not a member of the engagement.'));
    await expectFiles('deal-denied');
    stack.partnerCentral.intercept = undefined;
  });
});

test('there is a text for each reason code, and none too many', () => {
  expect(failures.map(([name]) => name)).toEqual(expect.arrayContaining(knownReasonCodes));
  const names = [...failures, ...otherFamilies]
    .map(([name]) => name)
    .concat(
      'several',
      'replay',
      'deal',
      'deals',
      'deal-denied',
      otherFamilies.map(([name]) => `deal-${name}`),
    );
  expect(readdirSync(folder).sort()).toEqual(names.flatMap(name => [`${name}.chat.json`, `${name}.txt`]).sort());
});
