/** Rechecks of tasks that the head doesn't show: many running tasks, look-ups by id. */
import type { Call } from '../../../local/services/service';
import { HOUR, MINUTE } from '../../durations';
import { type EngineStack, openEngineStack, outcomes } from '../../engine-stack';
import { errorAnswer, isFromPoller, tableAnswer } from '../../faults';
import { openTestStack } from '../../integration/test-stack';

let stack: EngineStack;
afterEach(() => stack.close());

const endAll = (tasks: readonly { taskId: string }[]) => tasks.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE'));
const isLookUp = ({ input }: Call) => Array.isArray(input.TaskIdentifier);
const isRunningList = ({ input }: Call) => Array.isArray(input.TaskStatus);

test('look-ups have no filter, so changed filters lose no watched task', async () => {
  stack = await openEngineStack({ engagementIdentifiers: ['eng-00000000000001'] });
  const running = stack.store.add({ engagementId: 'eng-00000000000001', startTimeMs: Date.now() - HOUR });
  await stack.run();
  const inputs: Call['input'][] = [];
  stack.partnerCentral.intercept = call => {
    inputs.push(call.input);
    return undefined;
  };
  await stack.run();
  expect(inputs).toEqual([
    {
      Catalog: 'Sandbox',
      MaxResults: 100,
      Sort: { SortBy: 'StartTime', SortOrder: 'DESCENDING' },
      EngagementIdentifier: ['eng-00000000000001'],
    },
    {
      Catalog: 'Sandbox',
      MaxResults: 100,
      Sort: { SortBy: 'StartTime', SortOrder: 'DESCENDING' },
      TaskIdentifier: [running.taskId],
    },
  ]);
});

test('reads all pages of a look-up', async () => {
  stack = await openEngineStack();
  const running = stack.addRunning(4, HOUR);
  await stack.run();
  endAll(running);
  const [first, second] = [running.slice(0, 2), running.slice(2)];
  const page = (tasks: readonly { taskId: string }[], NextToken?: string) =>
    ({
      when: 'before',
      how: {
        status: 200,
        body: { TaskSummaries: tasks.map(({ taskId }) => ({ TaskId: taskId, TaskStatus: 'COMPLETE' })), NextToken },
      },
    }) as const;
  stack.partnerCentral.intercept = call =>
    isLookUp(call) ? (call.input.NextToken ? page(second) : page(first, 'more')) : undefined;
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 4, unsettled: 0 });
});

test('a truncated list of running tasks proves nothing about tasks that it lacks', async () => {
  stack = await openEngineStack({ backlogPageSize: 100 });
  const running = stack.addRunning(150, HOUR);
  const truncate = (call: Call) =>
    isRunningList(call) && call.input.NextToken ? errorAnswer('ValidationException') : undefined;
  stack.partnerCentral.intercept = truncate;
  expect(await stack.run()).toMatchObject({ outcome: 'partial', lostCursors: 1, unsettled: 100 });
  expect(await stack.checkpoint()).toMatchObject({ initialised: false });
  stack.partnerCentral.intercept = undefined;
  expect(await stack.run()).toMatchObject({ outcome: 'complete', unsettled: 150 });
  const { recheckedAt } = (await stack.checkpoint()) as { recheckedAt: string };

  // Tasks that it lacks are still looked up by id, up to the limit.
  stack.partnerCentral.intercept = truncate;
  const ended = endAll(running.slice(-7));
  expect(await stack.run()).toMatchObject({ outcome: 'partial', published: 7 });
  expect(await stack.checkpoint()).toMatchObject({ recheckedAt });
  expect(stack.published()).toEqual(outcomes(ended));
});

test('a running task that is in no list of running tasks is postponed; once it is listed, it is watched again', async () => {
  stack = await openEngineStack();
  const [hidden, ...others] = stack.addRunning(15, HOUR);
  const { taskId } = hidden as { taskId: string };
  await stack.run();
  stack.partnerCentral.tamper = (_, output) => ({
    ...output,
    // Look-ups show it, because they list only the requested ids.
    TaskSummaries: (output.TaskSummaries as { TaskId: string }[]).filter(
      (summary, _at, all) => summary.TaskId !== taskId || all.length <= 10,
    ),
  });
  expect(await stack.run()).toMatchObject({ unsettled: 15, listCalls: 3 });
  expect(await stack.row(taskId)).toMatchObject({ fruitlessChecks: 1 });
  expect(await stack.run()).toMatchObject({ listCalls: 2 });
  expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ listCalls: 3 });
  expect(await stack.row(taskId)).toMatchObject({ fruitlessChecks: 2 });
  stack.partnerCentral.tamper = undefined;
  await stack.run();
  expect(await stack.row(taskId)).not.toHaveProperty('fruitlessChecks');
  endAll([{ taskId }, ...others]);
  expect(await stack.run()).toMatchObject({ published: 15, unsettled: 0 });
});

test('reads all pages of the index', async () => {
  const http = await openTestStack();
  stack = http;
  const running = stack.addRunning(9, HOUR);
  await stack.run();
  endAll(running);
  stack.dynamoDb.intercept = async call =>
    call.operation === 'Query' && isFromPoller(call)
      ? tableAnswer(await http.askTable('Query', { ...call.input, Limit: 4 }))
      : undefined;
  stack.takeCalls();
  expect(await stack.run()).toMatchObject({ published: 9, unsettled: 0 });
  expect(stack.dynamoDb.calls.of('Query')).toBe(2 * 3); // the test's own and those of the runs
});

test('publishes a refused event from its row when its task is no longer listed', async () => {
  stack = await openEngineStack();
  await stack.run();
  const [ended] = stack.addEnded(1, () => ({
    status: 'FAILED',
    reasonCode: 'OpportunityConflict',
    message: 'm'.repeat(3_000),
  }));
  stack.eventBridge.entryFault = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' });
  await stack.run();
  stack.eventBridge.entryFault = undefined;
  stack.store.remove(ended?.taskId as string);
  expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
  expect(stack.eventBridge.events[0]?.detail).toMatchObject({
    taskId: ended?.taskId,
    reasonCode: 'OpportunityConflict',
    message: 'm'.repeat(1_024),
    messageTruncated: true,
  });
});
