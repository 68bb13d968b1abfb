/**
 * Data that must never be logged: Partner Central's messages about tasks, which may name customers or opportunities, and
 * credentials. Uses the real bundles at their default log level, with and without failures.
 */

import { HOUR, MINUTE } from '../durations';
import { errorAnswer, tableAnswer } from '../faults';
import { openTestStack, type TestStack } from './test-stack';

const message = 'The opportunity "Migration of Octank Ltd" has no customer contact <contact@example.com>';
const secrets = [
  /Octank|Migration|contact@|customer contact/,
  /AnyCompany|Example (Corp|Foods)|web shop|Data lake|Disaster recovery|SAP on AWS/, // names of deals and customers
  /of-nobody/, // suffix of the local functions' credentials
  /AWS4-HMAC|Signature=|X-Amz-Security-Token|authorization/i,
];

/** Except in shadow mode, which logs events without their messages. */
const ids = /"(engagementId|opportunityId)"|\bO\d{7}\b|\beng-[0-9a-z]{14}\b/;

let stack: TestStack;
let generation = 0;
beforeAll(async () => {
  stack = await openTestStack({ taskStalledEvents: true }, true, {
    dealSources: { 'Sandbox#OpportunityFromEngagement': '' },
  });
}, 60_000);
beforeEach(async () => {
  await stack.reset();
  generation += 1;
  // Different ids, because the formatter skips tasks that it has reported.
  stack.store.fromJSON({ nextNumber: generation * 1_000, tasks: [], clientTokens: [] });
});
afterAll(() => stack.close());

async function failingTasks(count: number) {
  await stack.run('poll', { clockOffsetMs: -HOUR });
  return stack.addEnded(count, () => ({
    status: 'FAILED',
    reasonCode: 'OpportunityValidationFailed',
    message,
    startTimeMs: Date.now() - MINUTE,
  }));
}
const refusal = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: message });
const sometimes = (call: { index: number }) => call.index % 2 === 0;

test.each<[name: string, play: () => Promise<unknown>]>([
  ['published and mailed', () => stack.run()],
  [
    'refused by EventBridge',
    () => {
      stack.eventBridge.entryFault = refusal;
      return stack.run();
    },
  ],
  [
    'refused as a whole call',
    () => {
      stack.eventBridge.intercept = () => errorAnswer('ValidationException');
      return stack.run();
    },
  ],
  [
    'refused by the table',
    () => {
      stack.dynamoDb.intercept = ({ operation }) =>
        operation === 'BatchWriteItem' ? errorAnswer('ValidationException') : undefined;
      return stack.poll();
    },
  ],
  [
    'left unprocessed by the table',
    () => {
      stack.dynamoDb.intercept = ({ operation, input }) =>
        operation === 'BatchWriteItem' ? tableAnswer({ UnprocessedItems: input.RequestItems }) : undefined;
      return stack.poll('poll', { timeoutMs: 2_000 });
    },
  ],
  [
    'listed in a truncated answer',
    () => {
      stack.partnerCentral.intercept = call => (sometimes(call) ? { when: 'before', how: 'truncate' } : undefined);
      return stack.poll();
    },
  ],
  [
    'listed in an answer that is no JSON',
    () => {
      const body = '{"TaskSummaries":[{"TaskId":"task-0000000000000","Message":Octank Ltd"}]}';
      stack.partnerCentral.intercept = () => ({ when: 'before', how: { status: 200, body } });
      return stack.poll();
    },
  ],
  [
    'listed with unusable summaries',
    () => {
      stack.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: [null, { Message: message }, ...(output.TaskSummaries as object[])],
      });
      return stack.run();
    },
  ],
  [
    'not listed because of a missing permission',
    () => {
      stack.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
      return stack.poll();
    },
  ],
  [
    'listed while a task stalls and another disappears',
    async () => {
      stack.addRunning(2, 30 * MINUTE);
      await stack.run();
      stack.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [] });
      for (const hours of [1, 2, 3, 4]) await stack.run('poll', { clockOffsetMs: hours * HOUR });
    },
  ],
  ['found by an audit', () => stack.run('audit', { clockOffsetMs: HOUR })],
])('no log line shows the messages of failed tasks that are %s', async (_name, play) => {
  await failingTasks(12);
  await play();
  stack.partnerCentral.tamper = undefined;
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = undefined;
  stack.eventBridge.entryFault = undefined;
  await stack.runUntilQuiet(30, { clockOffsetMs: 10 * HOUR });
  const alerts = await stack.deliverAlerts(); // the formatter logs here too
  expect(JSON.stringify(alerts)).toMatch(/AnyCompany|Example (Corp|Foods)/);
  expect(stack.eventBridge.events.map(({ detail }) => detail.message)).toContain(message); // the message exists
  expect(stack.logs.length).toBeGreaterThan(12);
  for (const secret of [...secrets, ids]) expect(stack.logs.filter(line => secret.test(line))).toEqual([]);
});

test('shadow mode logs its events without the message', async () => {
  const shadow = stack.anotherPoller({ shadow: true });
  await failingTasks(2);
  await stack.run('poll', {}, shadow);
  expect(stack.logs.filter(line => line.includes('Would publish'))).toHaveLength(2);
  for (const secret of secrets) expect(stack.logs.filter(line => secret.test(line))).toEqual([]);
});
