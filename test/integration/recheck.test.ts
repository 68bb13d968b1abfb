/** Looking again at what the head doesn't show: many running tasks, look-ups by id. */
import type { Call } from '../../local/service';
import {
  type EngineBed,
  errorAnswer,
  HOUR,
  isPollers,
  MINUTE,
  openBed,
  openEngineBed,
  outcomes,
  tableAnswer,
} from './bed';

let bed: EngineBed;
afterEach(() => bed.close());

const endAll = (tasks: readonly { taskId: string }[]) => tasks.map(({ taskId }) => bed.store.end(taskId, 'COMPLETE'));
const isLookUp = ({ input }: Call) => Array.isArray(input.TaskIdentifier);
const isRunningList = ({ input }: Call) => Array.isArray(input.TaskStatus);

test('look-ups carry no user filter, so that filters changed since leave no task behind', async () => {
  bed = await openEngineBed({ engagementIdentifiers: ['eng-00000000000001'] });
  const running = bed.store.add({ engagementId: 'eng-00000000000001', startTimeMs: Date.now() - HOUR });
  await bed.run();
  const inputs: Call['input'][] = [];
  bed.partnerCentral.intercept = call => {
    inputs.push(call.input);
    return undefined;
  };
  await bed.run();
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

test('a look-up that comes in pages is followed to its end', async () => {
  bed = await openEngineBed();
  const running = bed.addRunning(4, HOUR);
  await bed.run();
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
  bed.partnerCentral.intercept = call =>
    isLookUp(call) ? (call.input.NextToken ? page(second) : page(first, 'more')) : undefined;
  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 4, unsettled: 0 });
});

test('a list of what is running that breaks off proves nothing about what it lacks', async () => {
  bed = await openEngineBed({ backlogPageSize: 100 });
  const running = bed.addRunning(150, HOUR);
  const breakOff = (call: Call) =>
    isRunningList(call) && call.input.NextToken ? errorAnswer('ValidationException') : undefined;
  bed.partnerCentral.intercept = breakOff;
  expect(await bed.run()).toMatchObject({ outcome: 'partial', lostCursors: 1, unsettled: 100 });
  expect(await bed.checkpoint()).toMatchObject({ initialised: false });
  bed.partnerCentral.intercept = undefined;
  expect(await bed.run()).toMatchObject({ outcome: 'complete', unsettled: 150 });
  const { recheckedAt } = (await bed.checkpoint()) as { recheckedAt: string };

  // Still, what it lacks is looked up by id, as far as that goes.
  bed.partnerCentral.intercept = breakOff;
  const ended = endAll(running.slice(-7));
  expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 7 });
  expect(await bed.checkpoint()).toMatchObject({ recheckedAt });
  expect(bed.published()).toEqual(outcomes(ended));
});

test('among many, one that runs and is in no list of what is running is put off; once it is listed, it is watched again', async () => {
  bed = await openEngineBed();
  const [hidden, ...others] = bed.addRunning(15, HOUR);
  const { taskId } = hidden as { taskId: string };
  await bed.run();
  bed.partnerCentral.tamper = (_, output) => ({
    ...output,
    // Look-ups show it: they list nothing but what was asked for.
    TaskSummaries: (output.TaskSummaries as { TaskId: string }[]).filter(
      (summary, _at, all) => summary.TaskId !== taskId || all.length <= 10,
    ),
  });
  expect(await bed.run()).toMatchObject({ unsettled: 15, listCalls: 3 });
  expect(await bed.row(taskId)).toMatchObject({ fruitlessChecks: 1 });
  expect(await bed.run()).toMatchObject({ listCalls: 2 });
  expect(await bed.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ listCalls: 3 });
  expect(await bed.row(taskId)).toMatchObject({ fruitlessChecks: 2 });
  bed.partnerCentral.tamper = undefined;
  await bed.run();
  expect(await bed.row(taskId)).not.toHaveProperty('fruitlessChecks');
  endAll([{ taskId }, ...others]);
  expect(await bed.run()).toMatchObject({ published: 15, unsettled: 0 });
});

test('an index that answers in pages is read to its end', async () => {
  const http = await openBed();
  bed = http;
  const running = bed.addRunning(9, HOUR);
  await bed.run();
  endAll(running);
  bed.dynamoDb.intercept = async call =>
    call.operation === 'Query' && isPollers(call)
      ? tableAnswer(await http.askTable('Query', { ...call.input, Limit: 4 }))
      : undefined;
  bed.takeCalls();
  expect(await bed.run()).toMatchObject({ published: 9, unsettled: 0 });
  expect(bed.dynamoDb.calls.of('Query')).toBe(2 * 3); // ours and the ones in between
});

test('an event that was refused is published from the row when its task is listed no more', async () => {
  bed = await openEngineBed();
  await bed.run();
  const [ended] = bed.addEnded(1, () => ({
    status: 'FAILED',
    reasonCode: 'OpportunityConflict',
    message: 'm'.repeat(3_000),
  }));
  bed.eventBridge.entryFault = () => ({ ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' });
  await bed.run();
  bed.eventBridge.entryFault = undefined;
  bed.store.remove(ended?.taskId as string);
  expect(await bed.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
  expect(bed.eventBridge.events[0]?.detail).toMatchObject({
    taskId: ended?.taskId,
    reasonCode: 'OpportunityConflict',
    message: 'm'.repeat(1_024),
    messageTruncated: true,
  });
});
