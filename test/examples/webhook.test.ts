/** The example as it deploys: what is in its stack, and its rule at work on events, with a stand-in for API destinations. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseTaskEvent } from 'partner-central-task-poller/events';
import { synthesize } from '../../examples/webhook/app';
import { entryOf } from '../../lambdas/poller/core/build-event';
import { matches } from '../../local/services/event-pattern';
import { delivered, frame, row } from '../events/samples';
import { all, type Json, permissions, properties, statements } from '../infra/read-template';
import { synthesizedExample } from './synthesized';

const context = {
  taskBusName: 'TheTaskBus',
  endpoint: 'https://crm.example.com/hooks/tasks',
  secretName: 'crm-webhook',
};
const { template, synthesizeWith } = synthesizedExample(synthesize, context);
const rule = properties('AWS::Events::Rule', 'FinishedTasks', template) as { EventPattern: object; Targets: Json[] };

describe('the stack', () => {
  test.each<[wrong: Readonly<Record<string, string | undefined>>, problem: string]>([
    [{ taskBusName: undefined }, 'taskBusName: got undefined, allowed: a name'],
    [{ secretName: '' }, 'secretName: got "", allowed: a name'],
    [{ endpoint: 'http://crm.example.com' }, 'endpoint: got "http://crm.example.com", allowed: an address with https'],
  ])('fails with %j: says what to give', (wrong, problem) => {
    expect(() => synthesizeWith(wrong)).toThrow(problem);
  });

  test('its rule matches what the webhook can read, and keeps what it did not take', () => {
    expect(Object.keys(all('AWS::Events::Rule', template))).toEqual(['FinishedTasks']);
    expect(rule).toMatchObject({
      EventBusName: 'TheTaskBus',
      EventPattern: {
        source: ['partnercentral.task-poller'],
        'detail-type': ['TaskCompleted', 'TaskFailed'],
        detail: { schemaVersion: ['1'], catalog: ['Sandbox'] },
      },
    });
    // No transformer and no path: the event arrives as it is.
    expect(rule.Targets).toEqual([
      {
        Id: 'Target0',
        Arn: '{DestinationApiDestination.Arn}',
        RoleArn: '{DestinationEventsRole.Arn}',
        DeadLetterConfig: { Arn: '{Undelivered.Arn}' },
      },
    ]);
    expect(properties('AWS::SQS::Queue', 'Undelivered', template)?.MessageRetentionPeriod).toBe(14 * 24 * 60 * 60);
  });

  test('it posts to the address, with a secret that is not in the template', () => {
    expect(properties('AWS::Events::ApiDestination', 'DestinationApiDestination', template)).toMatchObject({
      ConnectionArn: '{Connection.Arn}',
      HttpMethod: 'POST',
      InvocationEndpoint: context.endpoint,
      InvocationRateLimitPerSecond: 10,
    });
    expect(properties('AWS::Events::Connection', 'Connection', template)).toMatchObject({
      AuthorizationType: 'API_KEY',
      AuthParameters: {
        ApiKeyAuthParameters: {
          ApiKeyName: 'Authorization',
          ApiKeyValue: '{{resolve:secretsmanager:crm-webhook:SecretString:::}}',
        },
      },
    });
  });

  test('only the rule may call the destination and send to the queue', () => {
    expect(permissions('DestinationEventsRole', template)).toEqual([
      'events:InvokeApiDestination on {DestinationApiDestination.Arn}',
    ]);
    expect(statements(template).filter(({ actions }) => actions.includes('sqs:SendMessage'))).toMatchObject([
      { who: 'events.amazonaws.com', condition: { ArnEquals: { 'aws:SourceArn': '{FinishedTasks.Arn}' } } },
    ]);
    expect(Object.keys(all('AWS::IAM::Role', template))).toHaveLength(1);
  });
});

describe('at work', () => {
  /** A CRM that works once on each event. */
  const crm = {
    statuses: [] as number[],
    headers: [] as IncomingHttpHeaders[],
    tasks: [] as string[],
    seen: new Set<string>(),
  };
  let server: Server;
  const undelivered: { event: unknown; status: number }[] = [];
  const secret = 'Bearer of-the-crm';

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      crm.headers.push(request.headers);
      response.statusCode = crm.statuses.shift() ?? (request.headers.authorization === secret ? 200 : 403);
      if (response.statusCode === 200) {
        const { detail } = parseTaskEvent(JSON.parse(Buffer.concat(chunks).toString()));
        if (!crm.seen.has(detail.eventId)) crm.tasks.push(detail.taskId);
        crm.seen.add(detail.eventId);
      }
      response.end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise(resolve => server.close(resolve)));
  beforeEach(() => {
    crm.tasks.length = 0;
    undelivered.length = 0;
  });

  /**
   * What EventBridge does with the template, without its pauses.
   * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
   */
  async function publish(task: Parameters<typeof row>[0], more: Partial<typeof frame> = {}) {
    const event = delivered(entryOf(row(task), { ...frame, ...more }));
    if (!matches(rule.EventPattern, event)) return;
    const { InvocationEndpoint, HttpMethod } = properties(
      'AWS::Events::ApiDestination',
      'DestinationApiDestination',
      template,
    ) as Record<string, string>;
    const { AuthParameters } = properties('AWS::Events::Connection', 'Connection', template) as {
      AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: string } };
    };
    const { port } = server.address() as AddressInfo;
    for (let attempt = 0; ; attempt++) {
      const { status } = await fetch(
        String(InvocationEndpoint).replace(/^https:\/\/[^/]+/, `http://127.0.0.1:${port}`),
        {
          method: String(HttpMethod),
          headers: { 'content-type': 'application/json', [AuthParameters.ApiKeyAuthParameters.ApiKeyName]: secret },
          body: JSON.stringify(event),
        },
      );
      if (status < 300) return;
      const isRetried = [401, 407, 409, 429].includes(status) || status >= 500;
      if (!isRetried || attempt === 185) return undelivered.push({ event, status });
    }
  }

  test('the CRM gets each outcome with its secret, whatever is in the message', async () => {
    await publish({ taskId: 'task-failed', message: 'It said "no" — \\ and {"a":1}', reasonCode: 'InternalError' });
    await publish({ taskId: 'task-done', status: 'COMPLETE', opportunityId: 'O1' });
    expect(crm.tasks).toEqual(['task-failed', 'task-done']);
    expect(crm.headers.at(-1)?.authorization).toBe(secret);
    expect(undelivered).toEqual([]);
  });

  test('a CRM that is down for a while gets the event later, and a repeat changes nothing', async () => {
    crm.statuses = [503, 429];
    await publish({ taskId: 'task-late' });
    await publish({ taskId: 'task-late' });
    expect(crm.tasks).toEqual(['task-late']);
    expect(undelivered).toEqual([]);
  });

  test('what the CRM refuses waits in the queue, and holds back nothing else', async () => {
    crm.statuses = [400];
    await publish({ taskId: 'task-refused' });
    await publish({ taskId: 'task-next' });
    expect(crm.tasks).toEqual(['task-next']);
    expect(undelivered).toMatchObject([{ status: 400, event: { detail: { taskId: 'task-refused' } } }]);
  });

  test('another catalog and a task that stalls are not posted', async () => {
    await publish({ taskId: 'task-elsewhere' }, { catalog: 'AWS' });
    await publish({ taskId: 'task-stalled', settled: false, status: 'IN_PROGRESS' });
    expect(crm.tasks).toEqual([]);
  });
});
