/** The handler with the real SDK, against a server on loopback that answers as SNS does. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

const topicArn = 'arn:aws:sns:us-east-1:123456789012:topic';
let server: Server;
let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;
let requests: URLSearchParams[];
let refuse: boolean;
let logged: string[];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push(new URLSearchParams(body));
    response.writeHead(refuse ? 403 : 200, { 'content-type': 'text/xml' });
    response.end(
      refuse
        ? '<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>'
        : '<PublishResponse><PublishResult><MessageId>mail-1</MessageId></PublishResult></PublishResponse>',
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SNS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    TOPIC_ARN: topicArn,
    POWERTOOLS_DEV: 'true', // logs through the console, where the test can read along
  });
  ({ handler } = await import('../../lambdas/alerts/handler'));
});
afterAll(() => new Promise(resolve => server.close(resolve)));
beforeEach(() => {
  [requests, refuse, logged] = [[], false, []];
  const record = (line: unknown) => {
    logged.push(String(line));
  };
  jest.spyOn(console, 'info').mockImplementation(record);
  jest.spyOn(console, 'warn').mockImplementation(record);
  jest.spyOn(console, 'error').mockImplementation(record);
});

const taskFailed = (number: number) =>
  JSON.stringify({
    'detail-type': 'TaskFailed',
    source: 'partnercentral.task-poller',
    detail: {
      schemaVersion: '1',
      eventId: String(number).padStart(64, '0'),
      runId: 'run-1',
      catalog: 'Sandbox',
      taskType: 'OpportunityFromEngagement',
      taskId: `task-${String(number).padStart(13, '0')}`,
      taskStatus: 'FAILED',
      message: 'A customer is named here',
      detectedBefore: '2026-11-22T18:02:00.000Z',
    },
  });
const batch = (...bodies: string[]) =>
  ({ Records: bodies.map((body, index) => ({ messageId: `message-${index}`, body })) }) as SQSEvent;

test('tells a batch of 50 in one mail', async () => {
  const event = batch(...Array.from({ length: 50 }, (_, number) => taskFailed(number)));
  expect(await handler(event)).toEqual({ batchItemFailures: [] });
  expect(requests).toHaveLength(1);
  expect(Object.fromEntries(requests[0] ?? [])).toMatchObject({
    Action: 'Publish',
    TopicArn: topicArn,
    Subject: 'Partner Central Sandbox: 50 tasks failed',
    Message: expect.stringContaining('Task 50 of 50: task-0000000000049'),
  });
});

test('tells an event that was delivered twice once', async () => {
  await handler(batch(taskFailed(1), taskFailed(1)));
  expect(requests[0]?.get('Subject')).toBe('Partner Central Sandbox: task failed (no reason given)');
});

test('gives only the unreadable record back', async () => {
  expect(await handler(batch(taskFailed(1), 'oops', taskFailed(2)))).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-1' }],
  });
  expect(requests[0]?.get('Subject')).toBe('Partner Central Sandbox: 2 tasks failed');
});

test('sends nothing when nothing can be read', async () => {
  expect(await handler(batch('oops', '{}'))).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-1' }],
  });
  expect(requests).toEqual([]);
});

test('fails when SNS refuses: the whole batch goes back', async () => {
  refuse = true;
  expect(await handler(batch(taskFailed(1), taskFailed(2)))).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-1' }],
  });
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({ level: 'ERROR', error: { name: 'AuthorizationErrorException' } });
});

test('fails when the topic is not set', async () => {
  delete process.env.TOPIC_ARN;
  await expect(handler(batch(taskFailed(1)))).rejects.toThrow('TOPIC_ARN is not set');
  process.env.TOPIC_ARN = topicArn;
});

test('logs one line a batch, with ids and without messages', async () => {
  await handler(batch(taskFailed(1), 'oops: a customer is named here'));
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({
    level: 'WARN',
    records: 2,
    taskIds: ['task-0000000000001'],
    unreadable: ['message-1'],
    mailId: 'mail-1',
  });
  expect(logged[0]).not.toMatch(/customer/i);
});
