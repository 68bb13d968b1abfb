import {
  CloudFormationClient,
  ListStackResourcesCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { startControlPlane } from '../../local/services/control-plane';
import { clientOf } from './clients';

const template = {
  Resources: {
    Poller: { Type: 'AWS::Lambda::Function', Properties: { Handler: 'index.handler', Timeout: 55 } },
    Tick: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: {
        State: 'DISABLED',
        ScheduleExpression: 'rate(1 minute)',
        Target: { Arn: { 'Fn::GetAtt': ['Poller', 'Arn'] }, Input: '{"mode":"poll"}' },
      },
    },
    ...Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`Queue${at}`, { Type: 'AWS::SQS::Queue', Properties: {} }]),
    ),
  },
};

let plane: Awaited<ReturnType<typeof startControlPlane>>;
const running = { now: 0, most: 0 };

beforeEach(async () => {
  Object.assign(running, { now: 0, most: 0 });
  plane = await startControlPlane({
    stackName: 'Tasks',
    template,
    names: { Poller: 'Tasks-Poller-1' },
    functions: {
      Poller: {
        environment: { TABLE_NAME: 'Table' },
        invoke: async input => {
          running.most = Math.max(running.most, ++running.now);
          await new Promise(resolve => setTimeout(resolve, 10));
          running.now -= 1;
          const used = { cpuMs: 0, peakRssBytes: 0, idleRssBytes: 0 };
          if ((input as { mode?: string }).mode === 'poll') return { result: { outcome: 'complete' }, ...used };
          return { error: { name: 'TypeError', message: 'Not this' }, ...used };
        },
      },
    },
  });
});
afterEach(() => plane.close());

test('CloudFormation lists the resources of this stack only, with their names, in pages', async () => {
  const client = new CloudFormationClient(clientOf(plane.cloudFormation));
  const pages = [];
  for await (const page of paginateListStackResources({ client }, { StackName: 'Tasks' }))
    pages.push(page.StackResourceSummaries ?? []);
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat()).toHaveLength(62);
  expect(pages[0]?.[0]).toMatchObject({
    LogicalResourceId: 'Poller',
    PhysicalResourceId: 'Tasks-Poller-1',
    ResourceType: 'AWS::Lambda::Function',
  });
  await expect(client.send(new ListStackResourcesCommand({ StackName: 'Others' }))).rejects.toMatchObject({
    name: 'ValidationError',
    message: 'Stack with id Others does not exist',
  });
});

test("Lambda returns a function's environment, and runs one invocation at a time", async () => {
  const client = new LambdaClient(clientOf(plane.lambda));
  const get = (FunctionName: string) => client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  expect((await get('Tasks-Poller-1')).Environment?.Variables).toEqual({ TABLE_NAME: 'Table' });
  await expect(get('Poller')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });

  const invoke = async (mode: string) => {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: 'Tasks-Poller-1', Payload: JSON.stringify({ mode }) }),
    );
    return [answer.FunctionError, JSON.parse(answer.Payload?.transformToString() ?? '')];
  };
  expect(await Promise.all([invoke('poll'), invoke('audit'), invoke('poll')])).toEqual([
    [undefined, { outcome: 'complete' }],
    ['Unhandled', { errorType: 'TypeError', errorMessage: 'Not this', trace: [] }],
    [undefined, { outcome: 'complete' }],
  ]);
  expect(running.most).toBe(1);
});

test("Scheduler returns a schedule's target and whether it is enabled", async () => {
  const client = new SchedulerClient(clientOf(plane.scheduler));
  const get = (Name: string) => client.send(new GetScheduleCommand({ Name }));
  expect(await get('Tick')).toMatchObject({
    State: 'DISABLED',
    ScheduleExpression: 'rate(1 minute)',
    Target: { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:Tasks-Poller-1', Input: '{"mode":"poll"}' },
  });
  await expect(get('Tock')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('supports faults', async () => {
  plane.lambda.intercept = ({ operation, input }) =>
    operation === 'GetFunctionConfiguration' && input.FunctionName === 'Tasks-Poller-1'
      ? { when: 'before', how: { status: 403, type: 'AccessDeniedException', body: { message: 'No.' } } }
      : undefined;
  const client = new LambdaClient(clientOf(plane.lambda));
  await expect(
    client.send(new GetFunctionConfigurationCommand({ FunctionName: 'Tasks-Poller-1' })),
  ).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: 'No.',
  });
});
