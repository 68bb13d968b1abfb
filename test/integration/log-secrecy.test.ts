/**
 * What must never be in a log: what Partner Central says about a task, which may name a customer or an opportunity, and
 * credentials. The real bundles at their default level, in good times and in bad.
 */

import { HOUR, MINUTE } from '../durations';
import { errorAnswer, tableAnswer } from '../faults';
import { openTestStack, type TestStack } from './test-stack';

const message = 'The opportunity "Migration of Octank Ltd" has no customer contact <contact@example.com>';
const secrets = [
  /Octank|Migration|contact@|customer contact/,
  /AnyCompany|Example (Corp|Foods)|web shop|Data lake|Disaster recovery|SAP on AWS/, // deals and their customers
  /of-nobody/, // the credentials of the local functions end like that
  /AWS4-HMAC|Signature=|X-Amz-Security-Token|authorization/i,
];

/** But for shadow mode, which logs whole events without their messages. */
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
  // Other ids: the formatter remembers which tasks it has told.
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
    'listed by a service that breaks off',
    () => {
      stack.partnerCentral.intercept = call => (sometimes(call) ? { when: 'before', how: 'truncate' } : undefined);
      return stack.poll();
    },
  ],
  [
    'listed in what is no JSON',
    () => {
      const body = '{"TaskSummaries":[{"TaskId":"task-0000000000000","Message":Octank Ltd"}]}';
      stack.partnerCentral.intercept = () => ({ when: 'before', how: { status: 200, body } });
      return stack.poll();
    },
  ],
  [
    'listed with what can not be used',
    () => {
      stack.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: [null, { Message: message }, ...(output.TaskSummaries as object[])],
      });
      return stack.run();
    },
  ],
  [
    'not listed for want of rights',
    () => {
      stack.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
      return stack.poll();
    },
  ],
  [
    'listed while something runs for too long and something vanishes',
    async () => {
      stack.addRunning(2, 30 * MINUTE);
      await stack.run();
      stack.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [] });
      for (const hours of [1, 2, 3, 4]) await stack.run('poll', { clockOffsetMs: hours * HOUR });
    },
  ],
  ['found by an audit', () => stack.run('audit', { clockOffsetMs: HOUR })],
])('no log line tells of failed tasks that are %s', async (_name, play) => {
  await failingTasks(12);
  await play();
  stack.partnerCentral.tamper = undefined;
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = undefined;
  stack.eventBridge.entryFault = undefined;
  await stack.runUntilQuiet(30, { clockOffsetMs: 10 * HOUR });
  const alerts = await stack.deliverAlerts(); // the formatter writes to the same log
  expect(JSON.stringify(alerts)).toMatch(/AnyCompany|Example (Corp|Foods)/);
  expect(stack.eventBridge.events.map(({ detail }) => detail.message)).toContain(message); // it was there to be told
  expect(stack.logs.length).toBeGreaterThan(12);
  for (const secret of [...secrets, ids]) expect(stack.logs.filter(line => secret.test(line))).toEqual([]);
});

test('shadow mode logs what it would publish without it', async () => {
  const shadow = stack.anotherPoller({ shadow: true });
  await failingTasks(2);
  await stack.run('poll', {}, shadow);
  expect(stack.logs.filter(line => line.includes('Would publish'))).toHaveLength(2);
  for (const secret of secrets) expect(stack.logs.filter(line => secret.test(line))).toEqual([]);
});
