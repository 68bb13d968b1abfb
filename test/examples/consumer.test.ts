/** The example as it deploys: what is in its stack, and its bundle at work on events off a bus. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { synthesize } from '../../examples/consumer/app';
import { entryOf } from '../../lambdas/poller/core/build-event';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { createTableFromTemplate, startDynamoDb } from '../../local/services/dynamodb';
import { type DeliveredEvent, startEventBridge } from '../../local/services/event-bridge';
import { matches } from '../../local/services/event-pattern';
import { type FunctionHost, hostFunction } from '../../local/services/function-host';
import { resolveEnvironment } from '../../local/synthesized';
import { frame, row } from '../events/samples';
import { all, type Json, nameOf, permissions, properties, statements, type TemplateJson } from '../infra/read-template';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
afterAll(() => rmSync(folder, { recursive: true }));
const context = {
  // As the CLI gives it: with the keys of the poller's own cdk.json beside ours.
  ...JSON.parse(readFileSync(join(__dirname, '..', '..', 'cdk.json'), 'utf8')).context,
  taskBusName: 'TheTaskBus',
};
const [stack] = synthesize({ outdir: folder, builtinCloudFormationValidation: false, context }).stacks;
const template = stack?.template as TemplateJson;

describe('the stack', () => {
  test('fails when no bus is named: says what to give', () => {
    expect(() => synthesize({ outdir: join(folder, 'none') })).toThrow('taskBusName: got undefined, allowed: a name');
  });

  test('its rules match what they can read, and keep what they could not hand over', () => {
    expect(Object.values(all('AWS::Events::Rule', template)).map(({ Properties }) => Properties)).toEqual([
      {
        Description: 'Tasks that ended, to be recorded',
        EventBusName: 'TheTaskBus',
        State: 'ENABLED',
        EventPattern: {
          source: ['partnercentral.task-poller'],
          'detail-type': ['TaskCompleted', 'TaskFailed'],
          detail: { schemaVersion: ['1'], catalog: ['Sandbox'] },
        },
        Targets: [
          { Id: 'Target0', Arn: '{OutcomeRecorderFunction.Arn}', DeadLetterConfig: { Arn: '{Undelivered.Arn}' } },
        ],
      },
      {
        Description: 'Tasks that created an opportunity, for the next step',
        EventBusName: 'TheTaskBus',
        State: 'ENABLED',
        EventPattern: {
          source: ['partnercentral.task-poller'],
          'detail-type': ['TaskCompleted'],
          detail: {
            schemaVersion: ['1'],
            catalog: ['Sandbox'],
            taskType: ['OpportunityFromEngagement'],
            opportunityId: [{ exists: true }],
          },
        },
        Targets: [
          {
            Id: 'Target0',
            Arn: '{NextStepStateMachine}',
            InputPath: '$.detail',
            RoleArn: '{NextStepStateMachineEventsRole.Arn}',
            DeadLetterConfig: { Arn: '{Undelivered.Arn}' },
          },
        ],
      },
    ]);
  });

  test('what the function fails at three times is kept', () => {
    expect(Object.values(all('AWS::Lambda::EventInvokeConfig', template))).toMatchObject([
      {
        Properties: {
          MaximumRetryAttempts: 2,
          DestinationConfig: { OnFailure: { Destination: '{OutcomeRecorderFailed.Arn}' } },
        },
      },
    ]);
    const retention = Object.values(all('AWS::SQS::Queue', template)).map(({ Properties }) => Properties);
    expect(retention).toHaveLength(4);
    for (const one of retention) expect(one.MessageRetentionPeriod).toBe(14 * 24 * 60 * 60);
  });

  test('each role may do what it has to, and nothing else', () => {
    const allowed = (role: string) => permissions(role, template);
    expect(allowed('OutcomeRecorderRole')).toEqual([
      'dynamodb:DeleteItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on {Handled.Arn}',
      'dynamodb:UpdateItem on {Outcomes.Arn}',
      'logs:CreateLogStream, logs:PutLogEvents on {OutcomeRecorderLogs.Arn}',
      'sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on {OutcomeRecorderFailed.Arn}',
    ]);
    expect(allowed('NextStepStateMachineRole')).toEqual([
      'dynamodb:PutItem on arn:{AWS::Partition}:dynamodb:{AWS::Region}:{AWS::AccountId}:table/{Handled}',
      'sqs:SendMessage on {NextStepWorkItems.Arn}',
    ]);
    expect(allowed('NextStepStateMachineEventsRole')).toEqual(['states:StartExecution on {NextStepStateMachine}']);
    expect(Object.keys(all('AWS::IAM::Role', template))).toHaveLength(3);
    expect(JSON.stringify(template)).not.toContain('ManagedPolicyArns');
    // Only the two rules may send to their queue, and only the one may call the function.
    const byRules = statements(template).filter(
      ({ who, effect }) => who === 'events.amazonaws.com' && effect === 'Allow',
    );
    expect(byRules.map(({ actions, on, condition }) => `${actions} on ${on} if ${JSON.stringify(condition)}`)).toEqual([
      expect.stringMatching(/^sts:AssumeRole/),
      'sqs:SendMessage on {Undelivered.Arn} if {"ArnEquals":{"aws:SourceArn":"{FinishedTasks.Arn}"}}',
      'sqs:SendMessage on {Undelivered.Arn} if {"ArnEquals":{"aws:SourceArn":"{NewOpportunities.Arn}"}}',
      'lambda:InvokeFunction on {OutcomeRecorderFunction.Arn} if {"ArnLike":{"aws:SourceArn":"{FinishedTasks.Arn}"}}',
    ]);
    expect(Object.values(all('AWS::Lambda::Permission', template))).toMatchObject([
      { Properties: { Principal: 'events.amazonaws.com', SourceArn: '{FinishedTasks.Arn}' } },
    ]);
  });

  test('its tables and its log keep things for as long as they are of use', () => {
    expect(properties('AWS::DynamoDB::Table', 'Handled', template)).toMatchObject({
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
    });
    expect(all('AWS::DynamoDB::Table', template).Outcomes).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
    });
    expect(properties('AWS::Logs::LogGroup', 'OutcomeRecorderLogs', template)?.RetentionInDays).toBe(30);
    expect(properties('AWS::Lambda::Function', 'OutcomeRecorderFunction', template)).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogGroup: '{OutcomeRecorderLogs}' },
    });
  });
});

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Arguments?: Json;
  readonly Retry?: Json[];
  readonly Catch?: Json[];
}
const definition = () => {
  const machine = properties('AWS::StepFunctions::StateMachine', 'NextStepStateMachine', template);
  return JSON.parse(String(machine?.DefinitionString)) as Json & { States: Record<string, State> };
};

test('the next step claims the event, hands the work over, and ends at once for a repeat', () => {
  const { States, ...machine } = definition();
  expect(machine).toMatchObject({ QueryLanguage: 'JSONata', StartAt: 'Claim' });
  const { Claim, HandOver, HandledBefore } = States;
  expect(Claim).toMatchObject({ Next: 'HandOver', Output: '{% $states.input %}' });
  expect(Claim?.Catch).toEqual([{ ErrorEquals: ['DynamoDB.ConditionalCheckFailedException'], Next: 'HandledBefore' }]);
  expect(Claim?.Retry?.[0]).toEqual({ ErrorEquals: ['DynamoDB.ConditionalCheckFailedException'], MaxAttempts: 0 });
  expect(Claim?.Retry?.[1]).toMatchObject({ ErrorEquals: ['States.ALL'], MaxAttempts: 5 });
  expect(HandOver?.Arguments?.QueueUrl).toBe('{NextStepWorkItems}');
  expect(HandledBefore?.Type).toBe('Succeed');
});

describe('at work', () => {
  let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>;
  let bus: Awaited<ReturnType<typeof startEventBridge>>;
  let database: DynamoDBClient;
  let events: EventBridgeClient;
  let host: FunctionHost;
  let another: FunctionHost;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const matched: DeliveredEvent[] = [];
  const idOf = (name: string) => String(Object.keys(template.Resources).find(id => nameOf(id) === name));
  const [handled, outcomes] = [idOf('Handled'), idOf('Outcomes')];
  const { EventPattern: pattern } = properties('AWS::Events::Rule', 'FinishedTasks', template) as {
    EventPattern: object;
  };

  beforeAll(async () => {
    dynamoDb = await startDynamoDb();
    bus = await startEventBridge({
      buses: ['TheTaskBus'],
      onEvent: event => {
        if (matches(pattern, event)) matched.push(event);
      },
    });
    for (const table of [handled, outcomes]) await createTableFromTemplate(dynamoDb.url, template, table);
    database = new DynamoDBClient({ endpoint: dynamoDb.url, region: 'us-east-1', credentials });
    events = new EventBridgeClient({ endpoint: bus.url, region: 'us-east-1', credentials });

    const { Properties } = template.Resources[idOf('OutcomeRecorderFunction')] as { Properties: Json };
    const { Code, Environment, Timeout } = Properties as {
      Code: { S3Key: string };
      Environment: { Variables: Record<string, unknown> };
      Timeout: number;
    };
    const options = {
      bundle: join(folder, `asset.${Code.S3Key.replace('.zip', '')}`, 'index.mjs'),
      handler: 'handler',
      timeoutMs: Timeout * 1_000,
      environment: {
        ...resolveEnvironment(Environment.Variables, { [handled]: handled, [outcomes]: outcomes }),
        AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      },
    };
    [host, another] = [hostFunction(options), hostFunction(options)];
  });
  afterAll(async () => {
    database.destroy();
    events.destroy();
    await Promise.all([host.kill(), another.kill()]);
    await Promise.all([dynamoDb.close(), bus.close()]);
  });

  /** Publishes what the poller would of this row; what the rule matches is what the function gets. */
  async function publish(task: Partial<TaskRow>, replayId?: string): Promise<DeliveredEvent[]> {
    matched.length = 0;
    const entry = entryOf(row(task), {
      ...frame,
      ...(replayId && { replay: { replayId } }),
      eventBusName: 'TheTaskBus',
    });
    await events.send(new PutEventsCommand({ Entries: [entry] }));
    return [...matched];
  }
  const publishOne = async (...of: Parameters<typeof publish>) => (await publish(...of))[0] as DeliveredEvent;
  const scan = async (table: string) =>
    ((await database.send(new ScanCommand({ TableName: table }))).Items ?? []).map(item => unmarshall(item));
  const outcomeOf = async (taskId: string) =>
    (await scan(outcomes)).find(({ task }) => task === `Sandbox/OpportunityFromEngagement/${taskId}`);
  async function handle(event: unknown, by = host) {
    const { result, error } = await by.invoke<{ recorded: boolean }>(event);
    if (error) throw new Error(`${error.name}: ${error.message}`);
    return result;
  }

  test('an outcome is recorded, once for the same event, and once more for a replay of it', async () => {
    const task = { taskId: 'task-repeated', reasonCode: 'EngagementAccessDenied' };
    const event = await publishOne(task);
    expect(await handle(event)).toEqual({ task: 'Sandbox/OpportunityFromEngagement/task-repeated', recorded: true });
    // EventBridge gives a repeat by the poller an id of its own; the outcome is the same.
    expect(await handle(await publishOne(task))).toMatchObject({ recorded: true });
    expect(await outcomeOf('task-repeated')).toMatchObject({
      timesTold: 1,
      outcome: { taskStatus: 'FAILED', reasonCode: 'EngagementAccessDenied', reasonCategory: 'access' },
    });

    const replay = await publishOne(task, 'replay-1');
    await handle(replay);
    await handle(replay);
    expect(await outcomeOf('task-repeated')).toMatchObject({ timesTold: 2, outcome: { replayId: 'replay-1' } });
    await handle(await publishOne(task, 'replay-2'));
    await handle(event);
    expect(await outcomeOf('task-repeated')).toMatchObject({ timesTold: 3 });
    const remembered = (await scan(handled)).filter(({ status }) => status === 'COMPLETED');
    expect(remembered).toHaveLength(3);
    for (const { id, expiration } of remembered) {
      expect(id).toMatch(/^outcomes#/);
      expect(expiration - Date.now() / 1000).toBeGreaterThan(13 * 24 * 60 * 60);
    }
  });

  test('of two at the same time, one is handled, and the other once it is tried again', async () => {
    const event = await publishOne({ taskId: 'task-at-once', status: 'COMPLETE', opportunityId: 'O1' });
    // The first is held in the middle of its work until the second has come.
    let isHeld: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const held = new Promise<void>(resolve => (isHeld = resolve));
    const released = new Promise<undefined>(resolve => (goOn = () => resolve(undefined)));
    dynamoDb.intercept = ({ operation, input }) => {
      if (operation !== 'UpdateItem' || input.TableName !== outcomes) return undefined;
      isHeld();
      return released;
    };
    const first = handle(event);
    await held;
    const second = await another.invoke(event);
    goOn();
    dynamoDb.intercept = undefined;
    expect(second.error?.name).toBe('IdempotencyAlreadyInProgressError');
    expect(await first).toMatchObject({ recorded: true });
    expect(await handle(event, another)).toMatchObject({ recorded: true }); // as Lambda does after a minute
    expect(await outcomeOf('task-at-once')).toMatchObject({ timesTold: 1, outcome: { opportunityId: 'O1' } });
  });

  test('an outcome that was seen earlier does not replace a later one', async () => {
    const at = (time: string) => Date.parse(`2026-11-22T${time}Z`);
    await handle(await publishOne({ taskId: 'task-twice', status: 'COMPLETE', firstTerminalAt: at('19:00:00') }));
    const earlier = await publishOne({ taskId: 'task-twice', status: 'FAILED', firstTerminalAt: at('18:00:00') });
    expect(await handle(earlier)).toMatchObject({ recorded: false });
    expect(await outcomeOf('task-twice')).toMatchObject({ timesTold: 1, outcome: { taskStatus: 'COMPLETE' } });
  });

  test('fails when an event is malformed: Lambda keeps it, and nothing is recorded or remembered', async () => {
    const { detail, ...event } = await publishOne({ taskId: 'task-malformed' });
    const before = (await scan(handled)).length;
    const { error } = await host.invoke({ ...event, detail: { ...detail, taskStatus: 'PERHAPS' } });
    expect(error).toMatchObject({
      name: 'NotATaskEvent',
      message: expect.stringContaining('detail.taskStatus: got "PERHAPS", allowed: "FAILED"'),
    });
    expect(await outcomeOf('task-malformed')).toBeUndefined();
    expect(await scan(handled)).toHaveLength(before);
    // The same event, read at last, is not taken for a repeat.
    expect(await handle({ ...event, detail })).toMatchObject({ recorded: true });
  });

  test('fails when the table refuses: the event is forgotten, and handled when it is tried again', async () => {
    const event = await publishOne({ taskId: 'task-refused' });
    dynamoDb.intercept = ({ operation, input }) =>
      operation === 'UpdateItem' && input.TableName === outcomes
        ? { when: 'before', how: { status: 400, type: 'AccessDeniedException' } }
        : undefined;
    expect((await host.invoke(event)).error?.name).toBe('AccessDeniedException');
    dynamoDb.intercept = undefined;
    expect(await handle(event)).toMatchObject({ recorded: true });
  });

  test('a task that stalls and another version pass the rules by', async () => {
    expect(await publish({ settled: false, status: 'IN_PROGRESS' })).toEqual([]);
    const [event] = await publish({ taskId: 'task-other' });
    expect(matches(pattern, { ...event, detail: { ...event?.detail, schemaVersion: '2' } })).toBe(false);
  });

  test('the claim of the next step is one that DynamoDB takes: by one execution, which may take it again', async () => {
    const { Arguments } = definition().States.Claim as { Arguments: Json };
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claim = (id: string, execution: string, now = nowSeconds) => {
      const values = new Map([
        ['{% $states.context.Execution.Id %}', execution],
        ["{% 'next-step#' & $states.input.eventId & '#' & $states.input.replayId %}", `next-step#${id}`],
        ['{% $string($floor($millis() / 1000)) %}', String(now)],
        ['{% $string($floor($millis() / 1000) + 14 * 24 * 60 * 60) %}', String(now + 14 * 24 * 60 * 60)],
      ]);
      const input = JSON.parse(JSON.stringify(Arguments), (_, value) => values.get(value) ?? value);
      expect(JSON.stringify(input)).not.toContain('{%');
      return database.send(new PutItemCommand({ ...input, TableName: handled }));
    };
    await claim('e1#', 'first');
    await claim('e1#', 'first');
    await expect(claim('e1#', 'second')).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    await claim('e1#replay-1', 'second');
    await claim('e1#', 'third', nowSeconds + 15 * 24 * 60 * 60); // expired, though not yet deleted
  });
});
