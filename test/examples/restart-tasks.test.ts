/** The example as it deploys: what is in its stack, and its state machine and bundle at work on events. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { synthesize } from '../../examples/restart-tasks/app';
import { entryOf } from '../../lambdas/poller/core/build-event';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { createTableFromTemplate, startDynamoDb } from '../../local/services/dynamodb';
import { matches } from '../../local/services/event-pattern';
import { startPartnerCentral } from '../../local/services/partner-central';
import { startSns } from '../../local/services/sns';
import { delivered, frame, row } from '../events/samples';
import { all, type Json, permissions, properties, statements } from '../infra/read-template';
import { runStateMachine } from './state-machine';
import { synthesizedExample } from './synthesized';

const context = { taskBusName: 'TheTaskBus', email: 'oncall@example.com' };
const example = synthesizedExample(synthesize, context);
const { template, idOf, synthesizeWith } = example;
const rule = properties('AWS::Events::Rule', 'Failures', template) as { EventPattern: object };
const definition = JSON.parse(
  String(properties('AWS::StepFunctions::StateMachine', 'WorkflowStateMachine', template)?.DefinitionString),
);

describe('the stack', () => {
  test.each<[wrong: Readonly<Record<string, string | undefined>>, problem: string]>([
    [{ taskBusName: undefined }, 'taskBusName: got nothing, allowed: a name'],
    [{ email: 'me' }, 'email: got "me", allowed: an e-mail address'],
    [{ maxRestarts: '0' }, 'maxRestarts: got "0", allowed: a number from 1 to 5'],
    [{ involvementType: 'Co-sell' }, 'involvementType: got "Co-sell", allowed: Co-Sell or For Visibility Only'],
  ])('fails with %j: says what to give', (wrong, problem) => {
    expect(() => synthesizeWith(wrong)).toThrow(problem);
  });

  test('its rule matches what may be started again, and keeps what it could not hand over', () => {
    expect(rule).toMatchObject({
      EventBusName: 'TheTaskBus',
      EventPattern: {
        source: ['partnercentral.task-poller'],
        'detail-type': ['TaskFailed'],
        detail: {
          schemaVersion: ['1'],
          catalog: ['Sandbox'],
          taskType: ['OpportunityFromEngagement', 'EngagementByAcceptingInvitation'],
          reasonCategory: ['throttling', 'internal', 'conflict'],
          replayId: [{ exists: false }],
        },
        'replay-name': [{ exists: false }],
      },
      Targets: [{ Arn: '{WorkflowStateMachine}', DeadLetterConfig: { Arn: '{Undelivered.Arn}' } }],
    });
  });

  test('each role may do what it has to, in one catalog, and nothing else', () => {
    const actions = [
      'AcceptEngagementInvitation',
      'CreateOpportunity',
      'CreateResourceSnapshot',
      'CreateResourceSnapshotJob',
      'GetEngagement',
      'GetEngagementInvitation',
      'GetOpportunity',
      'StartEngagementByAcceptingInvitationTask',
      'StartOpportunityFromEngagementTask',
      'StartResourceSnapshotJob',
      'SubmitOpportunity',
    ].map(action => `partnercentral:${action}`);
    expect(permissions('RestarterRole', template)).toEqual([
      'dynamodb:GetItem, dynamodb:PutItem on {Restarts.Arn}',
      'logs:CreateLogStream, logs:PutLogEvents on {RestarterLogs.Arn}',
      `${actions.join(', ')} on * if {"StringEquals":{"partnercentral:Catalog":"Sandbox"}}`,
      'sns:Publish on {GivenUp}',
    ]);
    expect(permissions('WorkflowStateMachineRole', template)).toEqual([
      'lambda:InvokeFunction on {RestarterFunction.Arn}',
      'lambda:InvokeFunction on {RestarterFunction.Arn}:*',
    ]);
    expect(permissions('WorkflowStateMachineEventsRole', template)).toEqual([
      'states:StartExecution on {WorkflowStateMachine}',
    ]);
    expect(Object.keys(all('AWS::IAM::Role', template))).toHaveLength(3);
    expect(statements(template).filter(({ actions }) => actions.includes('sqs:SendMessage'))).toMatchObject([
      { who: 'events.amazonaws.com', condition: { ArnEquals: { 'aws:SourceArn': '{Failures.Arn}' } } },
    ]);
  });

  test('it counts for a week, and somebody hears of what was given up', () => {
    expect(properties('AWS::DynamoDB::Table', 'Restarts', template)?.TimeToLiveSpecification).toEqual({
      AttributeName: 'expiration',
      Enabled: true,
    });
    expect(Object.values(all('AWS::SNS::Subscription', template))).toMatchObject([
      { Properties: { Protocol: 'email', Endpoint: context.email, TopicArn: '{GivenUp}' } },
    ]);
  });

  test('with an involvement type, it also starts engagements from opportunities', () => {
    const other = synthesizeWith({ involvementType: 'Co-Sell', 'aws:cdk:bundling-stacks': [] as never }).stacks[0]
      ?.template;
    expect(permissions('RestarterRole', other).join()).toContain('partnercentral:StartEngagementFromOpportunityTask');
    expect(properties('AWS::Events::Rule', 'Failures', other)?.EventPattern).toMatchObject({
      detail: { taskType: expect.arrayContaining(['EngagementFromOpportunity']) },
    });
    expect(properties('AWS::Lambda::Function', 'RestarterFunction', other)?.Environment).toMatchObject({
      Variables: { INVOLVEMENT_TYPE: 'Co-Sell', MAX_RESTARTS: '3' },
    });
  });
});

describe('at work', () => {
  const topicArn = 'arn:aws:sns:us-east-1:123456789012:given-up';
  const restarts = idOf('Restarts');
  let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>;
  let partnerCentral: Awaited<ReturnType<typeof startPartnerCentral>>;
  let sns: Awaited<ReturnType<typeof startSns>>;
  let database: DynamoDBClient;
  let host: ReturnType<typeof example.host>;

  beforeAll(async () => {
    [dynamoDb, partnerCentral, sns] = await Promise.all([
      startDynamoDb(),
      startPartnerCentral(),
      startSns({ topics: [topicArn] }),
    ]);
    await createTableFromTemplate(dynamoDb.url, template, restarts);
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    database = new DynamoDBClient({ endpoint: dynamoDb.url, region: 'us-east-1', credentials });
    host = example.host(
      'RestarterFunction',
      { [restarts]: restarts, [idOf('GivenUp')]: topicArn },
      {
        AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
        AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
        AWS_ENDPOINT_URL_SNS: sns.url,
        AWS_MAX_ATTEMPTS: '1', // its pauses are none of this test's
      },
    );
  });
  afterAll(async () => {
    database.destroy();
    await host.kill();
    await Promise.all([dynamoDb.close(), partnerCentral.close(), sns.close()]);
  });
  beforeEach(() => {
    sns.messages.length = 0;
    partnerCentral.intercept = undefined;
    dynamoDb.intercept = undefined;
  });

  const store = () => partnerCentral.store('Sandbox');
  const started = () => [...store().toJSON().tasks];
  const failureOf = (task: Partial<TaskRow>) =>
    delivered(
      entryOf(
        row({ reasonCode: 'RequestThrottled', engagementId: 'eng-00000000000001', contextId: '1', ...task }),
        frame,
      ),
    );
  let executions = 0;
  /** As the rule does: an execution for each event that matches. */
  async function execute(event: ReturnType<typeof failureOf>, execution = `execution-${executions++}`) {
    expect(matches(rule.EventPattern, event)).toBe(true);
    const invoke = async (payload: Json) => {
      const { result, error } = await host.invoke(payload);
      if (error) throw error;
      return result;
    };
    return runStateMachine(definition, event as never, { execution, invoke });
  }

  test('a task that fails again and again is started three times, with growing pauses, then somebody hears', async () => {
    const before = started().length;
    let taskId = 'task-0000000000001';
    const pauses: number[] = [];
    for (let failures = 0; failures < 3; failures++) {
      const done = await execute(failureOf({ taskId }));
      expect(done).toMatchObject({ status: 'SUCCEEDED' });
      pauses.push(...done.pauses);
      taskId = (done.output.started as { taskId: string }).taskId;
    }
    expect(pauses).toEqual([60, 300, 1_500]);
    expect(started()).toHaveLength(before + 3);
    expect(sns.messages).toEqual([]);

    expect(await execute(failureOf({ taskId }))).toMatchObject({ status: 'FAILED', error: 'GaveUp' });
    expect(started()).toHaveLength(before + 3);
    expect(sns.messages).toEqual([
      expect.objectContaining({
        topicArn,
        subject: `Sandbox: gave up on ${taskId}`,
        message: expect.stringContaining('was started again 3 times, and failed again'),
      }),
    ]);
  });

  test('the same event twice starts one task, and is told once when it is given up', async () => {
    const before = started().length;
    const event = failureOf({ taskId: 'task-0000000000020', engagementId: 'eng-00000000000020' });
    expect(await execute(event)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await execute(event)).toMatchObject({ status: 'SUCCEEDED', output: { plan: { kind: 'ignore' } } });
    expect(started()).toHaveLength(before + 1);

    const conflict = failureOf({ taskId: 'task-0000000000021', reasonCode: 'OpportunityConflict' });
    await execute(conflict);
    await execute(conflict);
    expect(sns.messages).toHaveLength(1);
  });

  test('lost answers: a step that is repeated neither counts twice nor starts a second task', async () => {
    const before = started().length;
    let [puts, starts] = [0, 0];
    dynamoDb.intercept = ({ operation }) =>
      operation === 'PutItem' && puts++ === 0 ? { when: 'after', how: 'reset' } : undefined;
    partnerCentral.intercept = ({ operation }) =>
      operation.startsWith('Start') && starts++ === 0 ? { when: 'after', how: 'reset' } : undefined;
    const event = failureOf({ taskId: 'task-0000000000030', engagementId: 'eng-00000000000030' });
    expect(await execute(event)).toMatchObject({ status: 'SUCCEEDED', output: { plan: { attempt: 1 } } });
    expect([puts, starts]).toEqual([1, 2]);
    expect(started()).toHaveLength(before + 1);
    const items = ((await database.send(new ScanCommand({ TableName: restarts }))).Items ?? []).map(item =>
      unmarshall(item),
    );
    expect(items.find(({ work }) => work.endsWith('eng-00000000000030'))).toMatchObject({ version: 1, handled: [{}] });
  });

  test('two failures of the same work at once are counted one after the other', async () => {
    const events = ['task-0000000000040', 'task-0000000000041'].map(taskId =>
      failureOf({ taskId, engagementId: 'eng-00000000000040' }),
    ) as [ReturnType<typeof failureOf>, ReturnType<typeof failureOf>];
    // The second is planned between the first one's read and its write.
    let second: unknown;
    const another = example.host(
      'RestarterFunction',
      { [restarts]: restarts, [idOf('GivenUp')]: topicArn },
      { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url },
    );
    dynamoDb.intercept = async ({ operation }) => {
      if (operation !== 'PutItem') return undefined;
      dynamoDb.intercept = undefined;
      second = (await another.invoke({ step: 'plan', event: events[1], execution: 'the-second' })).result;
      return undefined;
    };
    expect(await execute(events[0])).toMatchObject({ status: 'SUCCEEDED', output: { plan: { attempt: 2 } } });
    expect(second).toMatchObject({ kind: 'restart', attempt: 1 });
    await another.kill();
  });

  test('fails when a start is not allowed: somebody hears at once, with what the service said', async () => {
    let starts = 0;
    partnerCentral.intercept = ({ operation }) => {
      if (!operation.startsWith('Start')) return undefined;
      starts++;
      return {
        when: 'before',
        how: { status: 403, type: 'AccessDeniedException', body: { Message: 'no such right' } },
      };
    };
    const event = failureOf({ taskId: 'task-0000000000050', engagementId: 'eng-00000000000050' });
    expect(await execute(event)).toMatchObject({ status: 'FAILED', error: 'GaveUp' });
    expect(starts).toBe(1);
    expect(sns.messages[0]?.message).toContain('the call that starts it failed (AccessDeniedException: no such right)');
  });

  test('fails when Partner Central is down for long: it is tried six times, then somebody hears', async () => {
    let starts = 0;
    partnerCentral.intercept = ({ operation }) => {
      if (!operation.startsWith('Start')) return undefined;
      starts++;
      return { when: 'before', how: { status: 500, type: 'InternalServerException' } };
    };
    const event = failureOf({ taskId: 'task-0000000000060', engagementId: 'eng-00000000000060' });
    const done = await execute(event);
    expect(done).toMatchObject({ status: 'FAILED', error: 'GaveUp' });
    expect(starts).toBe(6);
    expect(done.pauses).toEqual([60, 10, 30, 90, 270, 810]);
    expect(sns.messages).toHaveLength(1);
  });

  test('an invitation is accepted again', async () => {
    const event = delivered(
      entryOf(row({ reasonCode: 'InternalError', engagementInvitationId: 'engi-0000000000001' }), {
        ...frame,
        taskFamily: 'EngagementByAcceptingInvitation',
      }),
    );
    expect(await execute(event)).toMatchObject({ status: 'SUCCEEDED' });
    expect(partnerCentral.store('Sandbox', 'EngagementByAcceptingInvitation').toJSON().tasks).toHaveLength(1);
  });

  test.each<[string, Partial<TaskRow>, object]>([
    ['a lack of access', { reasonCode: 'EngagementAccessDenied' }, {}],
    ['a code that nobody knows', { reasonCode: 'SomethingNew' }, {}],
    ['another catalog', {}, { catalog: 'AWS' }],
    ['a replay', {}, { replay: { replayId: 'replay-1' } }],
    ['a task that completed', { status: 'COMPLETE' }, {}],
  ])('%s passes the rule by', (_, task, more) => {
    const event = delivered(entryOf(row({ reasonCode: 'RequestThrottled', ...task }), { ...frame, ...more }));
    expect(matches(rule.EventPattern, event)).toBe(false);
  });
});
