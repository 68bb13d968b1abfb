/** The example as it deploys: what is in its stack, and its bundles at work. test/deploy runs its state machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { synthesize } from '../../examples/start-and-wait/app';
import { entryOf } from '../../lambdas/poller/core/build-event';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { createTableFromTemplate, startDynamoDb } from '../../local/services/dynamodb';
import { type DeliveredEvent, startEventBridge } from '../../local/services/event-bridge';
import { matches } from '../../local/services/event-pattern';
import { hostFunction } from '../../local/services/function-host';
import { startPartnerCentral } from '../../local/services/partner-central';
import { jsonReply, Refusal, startService } from '../../local/services/service';
import { resolveEnvironment } from '../../local/synthesized';
import { delivered, frame, row } from '../events/samples';
import {
  all,
  circlesIn,
  type Json,
  nameOf,
  permissions,
  properties,
  statements,
  type TemplateJson,
} from '../infra/read-template';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const folder = mkdtempSync(join(tmpdir(), 'start-and-wait-'));
afterAll(() => rmSync(folder, { recursive: true }));
const context = {
  // As the CLI gives it: with the keys of the poller's own cdk.json beside ours.
  ...JSON.parse(readFileSync(join(__dirname, '..', '..', 'cdk.json'), 'utf8')).context,
  taskBusName: 'TheTaskBus',
};
const options = { outdir: folder, builtinCloudFormationValidation: false, context };
const template = synthesize(options).stacks[0]?.template as TemplateJson;

describe('the stack', () => {
  test.each([
    [{}, 'taskBusName: got undefined, allowed: a name'],
    [
      { taskBusName: 'TheTaskBus', waitSeconds: 'soon' },
      'waitSeconds: got NaN, allowed: a whole number from 1 to 86400',
    ],
  ])('fails when %j is all it is given: says what to give', (given, told) => {
    expect(() => synthesize({ outdir: join(folder, 'none'), context: given })).toThrow(told);
  });

  test('its rule matches what ends such a task, and keeps what it could not hand over', () => {
    expect(Object.values(all('AWS::Events::Rule', template)).map(({ Properties }) => Properties)).toEqual([
      {
        Description: 'Tasks that ended, for executions that wait for them',
        EventBusName: 'TheTaskBus',
        State: 'ENABLED',
        EventPattern: {
          source: ['partnercentral.task-poller'],
          'detail-type': ['TaskCompleted', 'TaskFailed'],
          detail: { schemaVersion: ['1'], catalog: ['Sandbox'], taskType: ['OpportunityFromEngagement'] },
        },
        Targets: [{ Id: 'Target0', Arn: '{OnTaskEventFunction.Arn}', DeadLetterConfig: { Arn: '{Undelivered.Arn}' } }],
      },
    ]);
    expect(Object.values(all('AWS::Lambda::EventInvokeConfig', template))).toMatchObject([
      { Properties: { MaximumRetryAttempts: 2, DestinationConfig: { OnFailure: { Destination: '{Failed.Arn}' } } } },
    ]);
  });

  test('each role may do what it has to, and nothing else', () => {
    const allowed = (role: string) => permissions(role, template);
    const inSandbox = 'if {"StringEquals":{"partnercentral:Catalog":"Sandbox"}}';
    const onBus = 'arn:{AWS::Partition}:events:{AWS::Region}:{AWS::AccountId}:event-bus/TheTaskBus';
    const logs = (name: string) => `logs:CreateLogStream, logs:PutLogEvents on {${name}Logs.Arn}`;
    expect(allowed('StartRole')).toEqual([
      logs('Start'),
      'partnercentral:CreateOpportunity, partnercentral:CreateResourceSnapshot, partnercentral:CreateResourceSnapshotJob, ' +
        'partnercentral:GetEngagement, partnercentral:GetOpportunity, partnercentral:StartOpportunityFromEngagementTask, ' +
        `partnercentral:StartResourceSnapshotJob on * ${inSandbox}`,
    ]);
    expect(allowed('AnnounceRole')).toEqual([
      'dynamodb:UpdateItem on {Waiting.Arn}',
      `events:PutEvents on ${onBus} if {"StringEquals":{"events:detail-type":"TaskStarted"}}`,
      logs('Announce'),
      'states:SendTaskFailure, states:SendTaskSuccess on {WorkflowStateMachine}',
    ]);
    expect(allowed('OnTaskEventRole')).toEqual([
      'dynamodb:UpdateItem on {Waiting.Arn}',
      logs('OnTaskEvent'),
      'sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on {Failed.Arn}',
      'states:SendTaskFailure, states:SendTaskSuccess on {WorkflowStateMachine}',
    ]);
    expect(allowed('LookUpRole')).toEqual([
      logs('LookUp'),
      `partnercentral:ListEngagementFromOpportunityTasks, partnercentral:ListOpportunityFromEngagementTasks on * ${inSandbox}`,
    ]);
    expect(allowed('WorkflowRole')).toEqual(
      ['Announce', 'LookUp', 'Start'].map(name => `lambda:InvokeFunction on {${name}Function.Arn}`),
    );
    expect(Object.keys(all('AWS::IAM::Role', template))).toHaveLength(5);
    expect(JSON.stringify(template)).not.toContain('ManagedPolicyArns');
    expect(
      statements(template).filter(({ who, effect }) => who === 'events.amazonaws.com' && effect === 'Allow'),
    ).toMatchObject([
      { actions: ['sqs:SendMessage'], condition: { ArnEquals: { 'aws:SourceArn': '{FinishedTasks.Arn}' } } },
      { actions: ['lambda:InvokeFunction'], condition: { ArnLike: { 'aws:SourceArn': '{FinishedTasks.Arn}' } } },
    ]);
  });

  test('CloudFormation can make it, and what waits for nobody any more is forgotten', () => {
    expect(circlesIn(template)).toEqual([]);
    expect(properties('AWS::DynamoDB::Table', 'Waiting', template)).toMatchObject({
      KeySchema: [{ AttributeName: 'taskId', KeyType: 'HASH' }],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  test('the state machine starts, announces and waits, and looks the task up when no event has come', () => {
    const machine = properties('AWS::StepFunctions::StateMachine', 'WorkflowStateMachine', template);
    const { States, ...definition } = JSON.parse(String(machine?.DefinitionString));
    expect(definition).toMatchObject({ QueryLanguage: 'JSONata', StartAt: 'Start', TimeoutSeconds: 1_500 });
    const { Start, AnnounceAndWait, LookUp, GoOn } = States;
    expect(Start).toMatchObject({
      Next: 'AnnounceAndWait',
      Arguments: { FunctionName: '{StartFunction.Arn}', Payload: { execution: '{% $states.context.Execution.Id %}' } },
    });
    expect(AnnounceAndWait).toMatchObject({
      Next: 'GoOn',
      Resource: 'arn:{AWS::Partition}:states:::lambda:invoke.waitForTaskToken',
      TimeoutSeconds: 900,
      Arguments: { Payload: { taskToken: '{% $states.context.Task.Token %}' } },
      Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'LookUp', Output: '{% $states.input %}' }],
    });
    // A task that failed has failed, however often it is announced.
    expect(AnnounceAndWait.Retry.slice(-2)).toMatchObject([
      { ErrorEquals: ['TaskHasFailed', 'States.Timeout'], MaxAttempts: 0 },
      { ErrorEquals: ['States.ALL'], MaxAttempts: 3 },
    ]);
    expect(LookUp).toMatchObject({ Next: 'GoOn', Arguments: { FunctionName: '{LookUpFunction.Arn}' } });
    expect(GoOn.Type).toBe('Succeed');
  });
});

describe('at work', () => {
  let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>;
  let bus: Awaited<ReturnType<typeof startEventBridge>>;
  let partnerCentral: Awaited<ReturnType<typeof startPartnerCentral>>;
  let stepFunctions: Awaited<ReturnType<typeof openStepFunctions>>;
  let database: DynamoDBClient;
  const onBus: DeliveredEvent[] = [];
  const logged: string[] = [];
  const hosts: Record<string, ReturnType<typeof hostFunction>> = {};
  const idOf = (name: string) => String(Object.keys(template.Resources).find(id => nameOf(id) === name));
  const waiting = idOf('Waiting');

  /** Takes the outcomes of tasks, and tells of a token that it knows no more. */
  async function openStepFunctions() {
    const sent: Json[] = [];
    const service = await startService({
      name: 'states',
      contentType: 'application/x-amz-json-1.0',
      handle: ({ operation, input }) => {
        const { taskToken, output, cause, ...rest } = input;
        const closed = String(taskToken).startsWith('closed:') && String(taskToken).slice(7);
        if (closed) throw new Refusal({ status: 400, type: closed });
        sent.push({ operation, taskToken, ...rest, outcome: JSON.parse(String(output ?? cause)) });
        return jsonReply({});
      },
    });
    return Object.assign(service, { sent });
  }

  beforeAll(async () => {
    [dynamoDb, bus, partnerCentral, stepFunctions] = await Promise.all([
      startDynamoDb(),
      startEventBridge({ buses: ['TheTaskBus'], onEvent: event => void onBus.push(event) }),
      startPartnerCentral(),
      openStepFunctions(),
    ]);
    await createTableFromTemplate(dynamoDb.url, template, waiting);
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    database = new DynamoDBClient({ endpoint: dynamoDb.url, region: 'us-east-1', credentials });
    for (const name of ['Start', 'Announce', 'OnTaskEvent', 'LookUp']) {
      const { Properties } = template.Resources[idOf(`${name}Function`)] as { Properties: Json };
      const { Code, Environment, Timeout } = Properties as {
        Code: { S3Key: string };
        Environment: { Variables: Record<string, unknown> };
        Timeout: number;
      };
      hosts[name] = hostFunction({
        bundle: join(folder, `asset.${Code.S3Key.replace('.zip', '')}`, 'index.mjs'),
        handler: 'handler',
        timeoutMs: Timeout * 1_000,
        environment: {
          ...resolveEnvironment(Environment.Variables, { [waiting]: waiting }),
          ...(name === 'LookUp' && { LOOK_UP_SECONDS: '1' }),
          AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
          AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
          AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
          AWS_ENDPOINT_URL_SFN: stepFunctions.url,
        },
        onLog: line => logged.push(line),
      });
    }
  });
  beforeEach(() => {
    for (const list of [onBus, logged, stepFunctions.sent]) list.length = 0;
    for (const service of [dynamoDb, bus, partnerCentral, stepFunctions]) service.intercept = undefined;
  });
  afterAll(async () => {
    database.destroy();
    await Promise.all(Object.values(hosts).map(host => host.kill()));
    await Promise.all([dynamoDb, bus, partnerCentral, stepFunctions].map(service => service.close()));
  });

  const invoke = <T = unknown>(name: string, event: unknown) =>
    (hosts[name] as ReturnType<typeof hostFunction>).invoke<T>(event);
  async function ok<T>(name: string, event: unknown): Promise<T> {
    const { result, error } = await invoke<T>(name, event);
    if (error) throw new Error(`${error.name}: ${error.message}`);
    return result as T;
  }
  const announce = (taskId: string, taskToken = `token of ${taskId}`) => ok('Announce', { taskId, taskToken });
  const eventOf = (task: Partial<TaskRow>) => delivered(entryOf(row(task), frame));
  const happens = (task: Partial<TaskRow>) => ok('OnTaskEvent', eventOf(task));
  const completed = { status: 'COMPLETE', opportunityId: 'O7' } as const;

  test('the same execution starts one task, another execution another', async () => {
    const start = (execution: string) =>
      ok<{ taskId: string }>('Start', { engagementId: 'eng-0123456789abcd', contextId: '1', execution });
    const [first, again, other] = [await start('one'), await start('one'), await start('two')];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(partnerCentral.store('Sandbox').get(first.taskId)).toMatchObject({ contextId: '1' });
  });

  test('a task is announced, and its event lets the execution go on', async () => {
    await announce('task-1');
    expect(onBus).toMatchObject([
      {
        source: 'partnercentral.task-starter',
        'detail-type': 'TaskStarted',
        detail: { catalog: 'Sandbox', taskType: 'OpportunityFromEngagement', taskId: 'task-1' },
      },
    ]);
    expect(stepFunctions.sent).toEqual([]);
    await happens({ taskId: 'task-1', ...completed });
    expect(stepFunctions.sent).toEqual([
      {
        operation: 'SendTaskSuccess',
        taskToken: 'token of task-1',
        outcome: { taskId: 'task-1', taskStatus: 'COMPLETE', opportunityId: 'O7' },
      },
    ]);
  });

  test('an event that comes before the task token is kept, and the execution goes on at once', async () => {
    await happens({ taskId: 'task-2', ...completed });
    expect(stepFunctions.sent).toEqual([]);
    await announce('task-2');
    expect(stepFunctions.sent).toMatchObject([{ operation: 'SendTaskSuccess', taskToken: 'token of task-2' }]);
    expect(onBus).toEqual([]); // there is nothing left to look for
  });

  test('both at the same time: the execution goes on, whichever is first', async () => {
    for (let at = 0; at < 10; at += 1) {
      const taskId = `task-at-once-${at}`;
      await Promise.all([announce(taskId), happens({ taskId, ...completed })]);
      expect(stepFunctions.sent.map(({ taskToken }) => taskToken)).toContain(`token of ${taskId}`);
    }
  });

  test('a task that failed fails the execution, and says why', async () => {
    await announce('task-3');
    await happens({ taskId: 'task-3', reasonCode: 'EngagementAccessDenied' });
    expect(stepFunctions.sent).toEqual([
      {
        operation: 'SendTaskFailure',
        taskToken: 'token of task-3',
        error: 'TaskHasFailed',
        outcome: {
          taskId: 'task-3',
          taskStatus: 'FAILED',
          reasonCode: 'EngagementAccessDenied',
          reasonCategory: 'access',
        },
      },
    ]);
  });

  test.each(['TaskTimedOut', 'TaskDoesNotExist'])(
    'an execution that waits no longer (%s) is left alone',
    async name => {
      await announce('task-4', `closed:${name}`);
      await happens({ taskId: 'task-4', ...completed });
      expect(logged.join()).toContain('no longer waiting');
    },
  );

  test('fails when Step Functions refuses: Lambda tries again, and the execution goes on then', async () => {
    await announce('task-5');
    const event = eventOf({ taskId: 'task-5', ...completed });
    stepFunctions.intercept = () => ({ when: 'before', how: { status: 400, type: 'AccessDeniedException' } });
    expect((await invoke('OnTaskEvent', event)).error?.name).toBe('AccessDeniedException');
    stepFunctions.intercept = undefined;
    await ok('OnTaskEvent', event);
    expect(stepFunctions.sent).toHaveLength(1);
  });

  test('fails when an event is malformed: nothing is kept of it', async () => {
    const { detail, ...event } = eventOf({ taskId: 'task-6' });
    const { error } = await invoke('OnTaskEvent', { ...event, detail: { ...detail, taskStatus: 'PERHAPS' } });
    expect(error?.name).toBe('NotATaskEvent');
    const { Items = [] } = await database.send(new ScanCommand({ TableName: waiting }));
    expect(Items.map(item => unmarshall(item).taskId)).not.toContain('task-6');
    // What is kept goes by itself, a day after nobody waits any more.
    for (const { expiresAt } of Items.map(item => unmarshall(item)))
      expect(expiresAt - Date.now() / 1_000).toBeGreaterThan(86_400);
  });

  test.each([
    ['denied', 400, 'AccessDeniedException'],
    ['broken', 500, 'InternalFailure'],
  ])('a bus that is %s keeps no execution from waiting', async (_, status, type) => {
    bus.intercept = () => ({ when: 'before', how: { status, type } });
    await announce(`task-${type}`);
    expect(logged.join()).toContain('The task was not announced');
    await happens({ taskId: `task-${type}`, ...completed });
    expect(stepFunctions.sent).toHaveLength(1);
  });

  test('the rule lets by what is no outcome, and other catalogs, families and versions', () => {
    const { EventPattern } = properties('AWS::Events::Rule', 'FinishedTasks', template) as { EventPattern: object };
    const event = eventOf({});
    expect(matches(EventPattern, event)).toBe(true);
    expect(matches(EventPattern, eventOf({ settled: false, status: 'IN_PROGRESS' }))).toBe(false);
    for (const other of [{ catalog: 'AWS' }, { taskType: 'EngagementFromOpportunity' }, { schemaVersion: '2' }])
      expect(matches(EventPattern, { ...event, detail: { ...event.detail, ...other } })).toBe(false);
  });

  test('a task whose event is lost is looked up: how it ended, or that it has not', async () => {
    const store = partnerCentral.store('Sandbox');
    const lookUp = (taskId: string) => invoke('LookUp', { taskId });
    const { taskId, opportunityId, resourceSnapshotJobId } = store.add({ status: 'COMPLETE' });
    expect((await lookUp(taskId)).result).toEqual({
      taskId,
      taskStatus: 'COMPLETE',
      opportunityId,
      resourceSnapshotJobId,
    });
    const failed = store.add({ status: 'FAILED', reasonCode: 'EngagementAccessDenied' });
    expect((await lookUp(failed.taskId)).error).toMatchObject({
      name: 'TaskHasFailed',
      message: expect.stringContaining('EngagementAccessDenied (access)'),
    });
    expect((await lookUp(store.add().taskId)).error).toMatchObject({
      name: 'TaskTookTooLong',
      message: expect.stringContaining('is IN_PROGRESS'),
    });
  });
});
