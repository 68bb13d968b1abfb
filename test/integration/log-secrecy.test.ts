/**
 * What must never be in a log: what Partner Central says about a task, which may name a customer or an opportunity, and
 * credentials. The real bundles at their default level, in good times and in bad.
 */
import { type Bed, errorAnswer, HOUR, MINUTE, openBed, tableAnswer } from './bed';

const message = 'The opportunity "Migration of Octank Ltd" has no customer contact <contact@example.com>';
const secrets = [
  /Octank|Migration|contact@|customer contact/,
  /of-nobody/, // the credentials of the local functions end like that
  /AWS4-HMAC|Signature=|X-Amz-Security-Token|authorization/i,
];

/** But for shadow mode, which logs whole events without their messages. */
const ids = /"(engagementId|opportunityId)"|\bO\d{7}\b|\beng-[0-9a-z]{14}\b/;

let bed: Bed;
afterEach(() => bed.close());

async function failingTasks(count: number) {
  await bed.run('poll', { clockOffsetMs: -HOUR });
  return bed.addEnded(count, () => ({
    status: 'FAILED',
    reasonCode: 'OpportunityValidationFailed',
    message,
    startTimeMs: Date.now() - MINUTE,
  }));
}
const refusal = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: message });
const sometimes = (call: { index: number }) => call.index % 2 === 0;

test.each<[name: string, play: () => Promise<unknown>]>([
  ['published and mailed', () => bed.run()],
  [
    'refused by EventBridge',
    () => {
      bed.eventBridge.entryFault = refusal;
      return bed.run();
    },
  ],
  [
    'refused as a whole call',
    () => {
      bed.eventBridge.intercept = () => errorAnswer('ValidationException');
      return bed.run();
    },
  ],
  [
    'refused by the table',
    () => {
      bed.dynamoDb.intercept = ({ operation }) =>
        operation === 'BatchWriteItem' ? errorAnswer('ValidationException') : undefined;
      return bed.poll();
    },
  ],
  [
    'left unprocessed by the table',
    () => {
      bed.dynamoDb.intercept = ({ operation, input }) =>
        operation === 'BatchWriteItem' ? tableAnswer({ UnprocessedItems: input.RequestItems }) : undefined;
      return bed.poll('poll', { timeoutMs: 2_000 });
    },
  ],
  [
    'listed by a service that breaks off',
    () => {
      bed.partnerCentral.intercept = call => (sometimes(call) ? { when: 'before', how: 'truncate' } : undefined);
      return bed.poll();
    },
  ],
  [
    'listed in what is no JSON',
    () => {
      const body = '{"TaskSummaries":[{"TaskId":"task-0000000000000","Message":Octank Ltd"}]}';
      bed.partnerCentral.intercept = () => ({ when: 'before', how: { status: 200, body } });
      return bed.poll();
    },
  ],
  [
    'listed with what can not be used',
    () => {
      bed.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: [null, { Message: message }, ...(output.TaskSummaries as object[])],
      });
      return bed.run();
    },
  ],
  [
    'not listed for want of rights',
    () => {
      bed.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
      return bed.poll();
    },
  ],
  [
    'listed while something runs for too long and something vanishes',
    async () => {
      bed.addRunning(2, 30 * MINUTE);
      await bed.run();
      bed.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [] });
      for (const hours of [1, 2, 3, 4]) await bed.run('poll', { clockOffsetMs: hours * HOUR });
    },
  ],
  ['found by an audit', () => bed.run('audit', { clockOffsetMs: HOUR })],
])('no log line tells of failed tasks that are %s', async (_name, play) => {
  bed = await openBed({ taskStalledEvents: true });
  await failingTasks(12);
  await play();
  bed.partnerCentral.tamper = undefined;
  for (const service of [bed.partnerCentral, bed.dynamoDb, bed.eventBridge]) service.intercept = undefined;
  bed.eventBridge.entryFault = undefined;
  await bed.runUntilQuiet(30, { clockOffsetMs: 10 * HOUR });
  expect(await bed.deliverAlerts()).not.toEqual([]); // the formatter writes to the same log
  expect(bed.eventBridge.events.map(({ detail }) => detail.message)).toContain(message); // it was there to be told
  expect(bed.logs.length).toBeGreaterThan(12);
  for (const secret of [...secrets, ids]) expect(bed.logs.filter(line => secret.test(line))).toEqual([]);
});

test('shadow mode logs what it would publish without it', async () => {
  bed = await openBed({ shadow: true });
  await failingTasks(2);
  await bed.run();
  expect(bed.logs.filter(line => line.includes('Would publish'))).toHaveLength(2);
  for (const secret of secrets) expect(bed.logs.filter(line => secret.test(line))).toEqual([]);
});
