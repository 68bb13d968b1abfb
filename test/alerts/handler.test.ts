/** The handler with the real SDK, against a server on loopback that answers as SNS does. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { type PartnerCentral, startPartnerCentral } from '../../local/services/partner-central';
import type { Fault } from '../../local/services/service';
import { type Sts, startSts } from '../../local/services/sts';
import { errorAnswer } from '../faults';

const topicArn = 'arn:aws:sns:us-east-1:123456789012:topic';
const chatTopicArn = 'arn:aws:sns:us-east-1:123456789012:chat';
const teamArn = 'arn:aws:sns:eu-west-1:210987654321:team';
let server: Server;
let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;
let requests: URLSearchParams[];
/** Those that signed for them. */
let regions: (string | undefined)[];
/** Topics that SNS refuses. */
let refused: readonly string[];
/** An answer in place of the usual one. */
let answer: string | undefined;
let logged: string[];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    requests.push(form);
    regions.push(/\/([a-z0-9-]+)\/sns\/aws4_request/.exec(request.headers.authorization ?? '')?.[1]);
    const refuse = refused.includes(form.get('TopicArn') ?? '');
    response.writeHead(refuse ? 403 : 200, { 'content-type': 'text/xml' });
    response.end(
      refuse
        ? '<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>'
        : (answer ?? '<PublishResponse><PublishResult><MessageId>mail-1</MessageId></PublishResult></PublishResponse>'),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SNS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    TOPIC_ARN: topicArn,
    ALERT_ROUTES: JSON.stringify({ access: teamArn, throttling: 'nowhere', '*': 'default' }),
    POLLER_LOG_GROUPS:
      'Sandbox#OpportunityFromEngagement=/aws/lambda/poller,AWS#EngagementFromOpportunity=/aws/lambda/other',
    POLLER_LOG_REGION: 'eu-west-1',
    POWERTOOLS_DEV: 'true', // logs through the console, where the test can read along
  });
  ({ handler } = await import('../../lambdas/alerts/handler'));
});
afterAll(() => new Promise(resolve => server.close(resolve)));
beforeEach(() => {
  [requests, regions, refused, logged] = [[], [], [], []];
  answer = undefined;
  delete process.env.CHAT_TOPIC_ARN;
  const record = (line: unknown) => {
    logged.push(String(line));
  };
  jest.spyOn(console, 'info').mockImplementation(record);
  jest.spyOn(console, 'warn').mockImplementation(record);
  jest.spyOn(console, 'error').mockImplementation(record);
});

let events = 0;
/** Each of another event, for the handler remembers whom it has told of which. */
const taskFailed = (number: number, more: object = {}) =>
  JSON.stringify({
    'detail-type': 'TaskFailed',
    source: 'partnercentral.task-poller',
    detail: {
      schemaVersion: '1',
      eventId: String(++events).padStart(64, '0'),
      runId: 'run-1',
      catalog: 'Sandbox',
      taskType: 'OpportunityFromEngagement',
      taskId: `task-${String(number).padStart(13, '0')}`,
      taskStatus: 'FAILED',
      message: 'A customer is named here',
      detectedBefore: '2026-11-22T18:02:00.000Z',
      ...more,
    },
  });
const batch = (...bodies: string[]) =>
  ({ Records: bodies.map((body, index) => ({ messageId: `message-${index}`, body })) }) as SQSEvent;
const givenBack = (...indexes: number[]) => ({
  batchItemFailures: indexes.map(index => ({ itemIdentifier: `message-${index}` })),
});
const topics = () => requests.map(form => form.get('TopicArn')).sort();

test('tells a batch of 50 in one mail', async () => {
  const event = batch(...Array.from({ length: 50 }, (_, number) => taskFailed(number)));
  expect(await handler(event)).toEqual(givenBack());
  expect(requests).toHaveLength(1);
  expect(Object.fromEntries(requests[0] ?? [])).toMatchObject({
    Action: 'Publish',
    TopicArn: topicArn,
    Subject: 'Partner Central Sandbox: 50 tasks failed (no reason given)',
    Message: expect.stringContaining('task-0000000000049'),
  });
});

test('tells an event that was delivered twice once, in one batch or in two', async () => {
  const body = taskFailed(1);
  await handler(batch(body, body));
  expect(requests[0]?.get('Subject')).toBe('Partner Central Sandbox: task failed (no reason given)');
  expect(await handler(batch(body))).toEqual(givenBack());
  expect(requests).toHaveLength(1);
});

test('tells a failure and its replay in one batch apart, and gives back only what was refused', async () => {
  const eventId = 'f'.repeat(64);
  const replay = (replayId: string, more = {}) => taskFailed(1, { eventId, replayId, replayAlerts: true, ...more });
  await handler(batch(taskFailed(1, { eventId }), replay('one'), replay('two'), replay('two')));
  expect(requests.map(form => form.get('Subject')).sort()).toEqual([
    'Partner Central Sandbox: task failed (no reason given)',
    'Repeat: Partner Central Sandbox: task failed (no reason given)',
    'Repeat: Partner Central Sandbox: task failed (no reason given)',
  ]);
  refused = [teamArn];
  const access = { reasonCategory: 'access' };
  expect(await handler(batch(replay('three', access), replay('four', access), replay('five')))).toEqual(
    givenBack(0, 1),
  );
});

test('tells a chat too, where there is one', async () => {
  process.env.CHAT_TOPIC_ARN = chatTopicArn;
  await handler(batch(taskFailed(1)));
  expect(topics()).toEqual([chatTopicArn, topicArn]);
  const chat = requests.find(form => form.get('TopicArn') === chatTopicArn);
  expect(JSON.parse(chat?.get('Message') ?? '')).toMatchObject({ version: '1.0', source: 'custom' });
  expect(chat?.has('Subject')).toBe(false);
});

test('gives only the unreadable record back', async () => {
  expect(await handler(batch(taskFailed(1), 'oops', taskFailed(2)))).toEqual(givenBack(1));
  expect(requests[0]?.get('Subject')).toBe('Partner Central Sandbox: 2 tasks failed (no reason given)');
});

test('sends nothing when nothing can be read', async () => {
  expect(await handler(batch('oops', '{}'))).toEqual(givenBack(0, 1));
  expect(requests).toEqual([]);
});

test('sends nothing about what leads nowhere, and gives nothing back', async () => {
  expect(await handler(batch(taskFailed(1, { reasonCategory: 'throttling' })))).toEqual(givenBack());
  expect(requests).toEqual([]);
});

test('a topic in another region is asked there', async () => {
  await handler(batch(taskFailed(1, { reasonCategory: 'access' }), taskFailed(2, { reasonCategory: 'minted' })));
  expect(topics()).toEqual([teamArn, topicArn].sort());
  expect(regions.sort()).toEqual(['eu-west-1', 'us-east-1']);
});

describe('when one topic refuses', () => {
  test('only its own records go back, and the others are told', async () => {
    refused = [teamArn];
    const mine = taskFailed(2, { reasonCategory: 'access' });
    expect(await handler(batch(taskFailed(1), mine, taskFailed(3), 'oops'))).toEqual(givenBack(3, 1));
    expect(topics()).toEqual([teamArn, topicArn].sort());
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      level: 'ERROR',
      refused: [{ topicArn: teamArn, tasks: 1, error: 'AuthorizationErrorException' }],
      published: [{ topicArn, tasks: 2 }],
      error: { name: 'AuthorizationErrorException' },
    });
    refused = [];
    expect(await handler(batch(mine))).toEqual(givenBack());
    expect(requests.at(-1)?.get('TopicArn')).toBe(teamArn);
  });

  test('of mail and chat, the other is not told again', async () => {
    process.env.CHAT_TOPIC_ARN = chatTopicArn;
    refused = [chatTopicArn];
    const body = taskFailed(1);
    expect(await handler(batch(body))).toEqual(givenBack(0));
    expect(topics()).toEqual([chatTopicArn, topicArn]);
    refused = [];
    expect(await handler(batch(body))).toEqual(givenBack());
    expect(topics()).toEqual([chatTopicArn, chatTopicArn, topicArn]);
  });

  test('twice the same event: both records go back', async () => {
    refused = [topicArn];
    const body = taskFailed(1);
    expect(await handler(batch(body, body))).toEqual(givenBack(0, 1));
  });
});

test.each(['TOPIC_ARN', 'ALERT_ROUTES', 'POLLER_LOG_GROUPS', 'POLLER_LOG_REGION'])(
  'fails when %s is not set',
  async name => {
    const value = process.env[name];
    delete process.env[name];
    await expect(handler(batch(taskFailed(1)))).rejects.toThrow(`${name} is not set: deploy the stack again`);
    process.env[name] = value;
  },
);

test('fails when the routes are not what the stack wrote', async () => {
  const value = process.env.ALERT_ROUTES;
  for (const broken of ['oops', 'null', '{"access":1}']) {
    process.env.ALERT_ROUTES = broken;
    await expect(handler(batch(taskFailed(1)))).rejects.toThrow(
      'ALERT_ROUTES: got a value that is not a JSON object of strings',
    );
  }
  process.env.ALERT_ROUTES = value;
});

test('links to the log of the source that an event came from', async () => {
  const [one, other] = [
    taskFailed(1, { runId: 'run-1' }),
    taskFailed(2, { runId: 'run-2', catalog: 'AWS', taskType: 'EngagementFromOpportunity' }),
  ];
  await handler(batch(one, other));
  const message = requests[0]?.get('Message');
  expect(message).toMatch(/^run-1\n {4}\S+log-group\/\$252Faws\$252Flambda\$252Fpoller\//m);
  expect(message).toMatch(/^run-2\n {4}\S+log-group\/\$252Faws\$252Flambda\$252Fother\//m);
});

test.each(['/aws/lambda/poller', 'a=b,', 'a=b,c', '=b', 'a=', 'a=b=c', ','])(
  'fails when the log groups are not what the stack wrote: %s',
  async broken => {
    const value = process.env.POLLER_LOG_GROUPS;
    process.env.POLLER_LOG_GROUPS = broken;
    await expect(handler(batch(taskFailed(1)))).rejects.toThrow(
      'POLLER_LOG_GROUPS: got a value that is not a list of source=group',
    );
    process.env.POLLER_LOG_GROUPS = value;
  },
);

test('logs one line a batch, with ids and without messages', async () => {
  await handler(batch(taskFailed(1), 'oops: a customer is named here'));
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({
    level: 'WARN',
    records: 2,
    taskIds: ['task-0000000000001'],
    unreadable: ['message-1'],
    published: [{ format: 'mail', topicArn, tasks: 1, messageId: 'mail-1' }],
  });
  expect(logged[0]).not.toMatch(/customer/i);
});

test.each([
  '<ErrorResponse><Error><Code>InternalFailure</Code></Error></ErrorResponse>',
  '<PublishResponse><PublishResult/></PublishResponse>',
])('an answer under HTTP 200 that has no message id (%s) is no mail: the record comes back', async body => {
  answer = body;
  expect(await handler(batch(taskFailed(1)))).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-0' }] });
});

describe('with the names of deals', () => {
  const role = 'arn:aws:iam::111122223333:role/reads-deals';
  const [own, ofRole] = ['Sandbox#OpportunityFromEngagement', 'AWS#EngagementFromOpportunity'];
  const inRole = { catalog: 'AWS', taskType: 'EngagementFromOpportunity', opportunityId: 'O1234567' };
  const engagementId = 'eng-0123456789abcd';
  let central: PartnerCentral;
  let sts: Sts;
  /** Whose credentials signed what. */
  let asked: string[];

  beforeAll(async () => {
    [central, sts] = [await startPartnerCentral(), await startSts()];
    Object.assign(process.env, { AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: central.url, AWS_ENDPOINT_URL_STS: sts.url });
  });
  afterAll(() => Promise.all([central.close(), sts.close()]));
  beforeEach(() => {
    process.env.DEAL_SOURCES = JSON.stringify({ [own]: '', [ofRole]: role });
    asked = [];
    central.intercept = undefined;
    central.onReply = ({ operation, accessKeyId = '' }) => {
      asked.push(`${operation} ${accessKeyId.replace(/_\d+$/, '')}`);
    };
  });
  afterEach(() => {
    delete process.env.DEAL_SOURCES;
  });
  const subjects = () => requests.map(form => form.get('Subject'));

  test('a deal is read once a batch, for mail and chat, by the role of its source', async () => {
    process.env.CHAT_TOPIC_ARN = chatTopicArn;
    await handler(batch(taskFailed(1, { engagementId }), taskFailed(2, { engagementId }), taskFailed(3, inRole)));
    expect(asked.sort()).toEqual(['GetEngagement local', 'GetOpportunity ASIA_reads_deals']);
    expect(sts.sessions.map(({ arn }) => arn)).toEqual([
      'arn:aws:sts::111122223333:assumed-role/reads-deals/task-alerts',
    ]);
    expect(requests).toHaveLength(2);
    for (const form of requests) expect(form.get('Message')).toMatch(/(AnyCompany|Example) .*3 tasks failed/s);
    await handler(batch(taskFailed(4, inRole)));
    expect(sts.sessions).toHaveLength(1); // as long as its credentials last
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ level: 'INFO', dealsNotNamed: {} });
    expect(logged.join()).not.toMatch(/AnyCompany|Example /);
  });

  test('nothing is read of what leads nowhere, or was told already, or without the setting', async () => {
    await handler(batch(taskFailed(1, { engagementId, reasonCategory: 'throttling' })));
    const body = taskFailed(2, { engagementId });
    await handler(batch(body));
    await handler(batch(body));
    delete process.env.DEAL_SOURCES;
    await handler(batch(taskFailed(3, { engagementId })));
    expect(asked).toHaveLength(1);
  });

  test.each<[what: string, fault: Fault, reason: string]>([
    ['may not be read', errorAnswer('AccessDeniedException', 403), 'AccessDeniedException'],
    ['is gone', errorAnswer('ResourceNotFoundException', 404), 'ResourceNotFoundException'],
    [
      'is answered with an error under 200',
      { when: 'before', how: { status: 200, body: '{"__type":"X"}' } },
      'neither',
    ],
    ['is answered with HTML', { when: 'before', how: { status: 200, body: '<html>' } }, 'SyntaxError'],
  ])('a deal that %s: the mail goes as it was, says so, and the log counts it', async (_, fault, reason) => {
    central.intercept = () => fault;
    expect(await handler(batch(taskFailed(1, { engagementId })))).toEqual(givenBack());
    expect(subjects()).toEqual(['Partner Central Sandbox: task failed (no reason given)']);
    expect(requests[0]?.get('Message')).toMatch(new RegExp(`^Deal: could not be looked up \\(.*${reason}`, 'm'));
    expect(Object.keys(JSON.parse(logged[0] ?? '').dealsNotNamed)).toEqual([expect.stringContaining(reason)]);
  });

  test('a throttled look-up is tried again', async () => {
    central.intercept = ({ index }) => (index % 2 === 0 ? errorAnswer('ThrottlingException', 429) : undefined);
    central.calls.reset();
    await handler(batch(taskFailed(1, { engagementId })));
    expect(asked).toEqual(['GetEngagement local']);
    expect(central.calls.of('GetEngagement')).toBe(2);
    expect(subjects()).toEqual([expect.stringMatching(/^(AnyCompany|Example) .*: task failed/)]);
  });

  test('a role that does not let us in: the mail says so, and other sources keep their names', async () => {
    sts.roles = [];
    process.env.DEAL_SOURCES = JSON.stringify({ [own]: '', [ofRole]: `${role}-2` });
    await handler(batch(taskFailed(1, inRole), taskFailed(2, { engagementId })));
    expect(asked).toEqual(['GetEngagement local']);
    expect(requests[0]?.get('Message')).toContain('\nDeal: could not be looked up (AccessDenied)\n');
    expect(subjects()).toEqual([expect.stringMatching(/^(AnyCompany|Example) .*: 2 tasks failed/)]);
    sts.roles = undefined;
  });

  test('fails when the sources are not what the stack wrote', async () => {
    process.env.DEAL_SOURCES = '[1]';
    await expect(handler(batch(taskFailed(1)))).rejects.toThrow('DEAL_SOURCES: got a value that is not a JSON object');
  });
});
