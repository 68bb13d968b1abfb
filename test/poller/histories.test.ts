/** States from long ago or with other settings: expired rows, tasks without a start time, the earliest emitSince. */
import { ago, DAY, HOUR, MINUTE } from '../durations';
import { type EngineStack, openEngineStack, outcomes } from '../engine-stack';

let stack: EngineStack;
afterEach(() => stack.close());

const at = (days: number, more = 0) => ({ clockOffsetMs: days * DAY + more });

const expire = (days: number) => stack.expireRows(Date.now() + days * DAY);

/** Changes every start time in the form in which the service sends it. */
const withStartTimes = (write: (startTime: string, index: number) => unknown) => {
  stack.partnerCentral.tamper = (_, output) => ({
    ...output,
    TaskSummaries: (output.TaskSummaries as { StartTime: string }[]).map((summary, index) => ({
      ...summary,
      StartTime: write(summary.StartTime, index),
    })),
  });
};

describe('tasks without a readable start time', () => {
  test.each([
    ['null', () => null],
    ['no time', () => 'yesterday'],
  ])('%s: neither the first poll nor polls that continue it publish any of them', async (_, write) => {
    stack = await openEngineStack({ maxListCallsPerRun: 20 });
    stack.addEnded(2_500, index => ({ startTimeMs: Date.now() - DAY - index * 1_000 }));
    stack.addRunning(3, DAY);
    withStartTimes(write);
    const runs = [];
    for (let minute = 0; minute < 5; minute += 1)
      runs.push(await stack.run('poll', { clockOffsetMs: minute * MINUTE }));
    expect(stack.published()).toEqual([]);
    expect(runs[0]?.gaps).toBe(1); // the head was cut and left a gap
    if (write() !== null) expect(runs[0]?.unreadableStartTimes).toBeGreaterThan(0);
  });

  test('one among many tasks with start times is not published', async () => {
    stack = await openEngineStack();
    stack.addEnded(40, index => ({ startTimeMs: Date.now() - (index + 2) * DAY }));
    withStartTimes((startTime, index) => (index === 0 ? null : startTime));
    await stack.run();
    expect(stack.published()).toEqual([]);
  });

  test('are published after a complete head, and not when an audit lists old ones', async () => {
    stack = await openEngineStack();
    stack.addEnded(300, index => ({ startTimeMs: Date.now() - DAY - index * MINUTE }));
    // The old ones are listed after some with a readable start time.
    withStartTimes((startTime, index) => (index >= 50 ? null : startTime));
    await stack.run();
    await stack.run('audit', { clockOffsetMs: HOUR });
    expect(stack.published()).toEqual([]);
    withStartTimes((startTime, index) => (index < 2 || index >= 50 ? null : startTime));
    const ended = stack.addEnded(2);
    await stack.run('poll', { clockOffsetMs: HOUR + MINUTE });
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('newly shown by other filters are history', async () => {
    stack = await openEngineStack({ opportunityIdentifiers: ['O1'] });
    stack.addEnded(50, index => ({ startTimeMs: Date.now() - DAY - index * 1_000 }));
    withStartTimes(() => null);
    await stack.run();
    const all = stack.anotherPoller({ opportunityIdentifiers: undefined });
    for (let minute = 1; minute < 4; minute += 1) await stack.run('poll', { clockOffsetMs: minute * MINUTE }, all);
    expect(stack.published()).toEqual([]);
  });

  test('a lost table starts again silently', async () => {
    stack = await openEngineStack();
    await stack.run('poll', { clockOffsetMs: -HOUR });
    withStartTimes(() => null);
    const ended = stack.addEnded(50);
    await stack.run();
    await stack.loseTable();
    await stack.run('poll', { clockOffsetMs: MINUTE });
    await stack.run('poll', { clockOffsetMs: 2 * MINUTE });
    expect(stack.published()).toEqual(outcomes(ended));
  });
});

test('a start time without a zone is UTC', async () => {
  stack = await openEngineStack();
  stack.addEnded(40, index => ({ startTimeMs: Date.now() - (index + 2) * DAY }));
  withStartTimes(startTime => startTime.slice(0, 19));
  await stack.run('poll', { clockOffsetMs: -2 * MINUTE });
  const ended = stack.addEnded(1);
  expect(await stack.run()).toMatchObject({ published: 1 });
  expect(stack.published()).toEqual(outcomes(ended));
  expect(stack.eventBridge.events[0]?.detail.startTime).toMatch(/Z$/);
});

test.each([
  [90, 365, [30, 98, 99, 150, 300]],
  [90, 120, [30, 98, 105, 119, 130]],
  [7, 30, [3, 8, 14.5, 20, 29, 31]],
  [1, 90, [3, 8.5, 9, 20]],
])('retentionDays raised from %d to %d: publishes nothing twice, and no audit finds drift', async (...given) => {
  const [before, after, days] = given;
  stack = await openEngineStack({ retentionDays: before });
  await stack.run('poll', { clockOffsetMs: -HOUR });
  const ended = stack.addEnded(30, index => ({ startTimeMs: Date.now() - 10 * MINUTE - index * 1_000 }));
  await stack.run();
  const longer = stack.anotherPoller({ retentionDays: after });
  await stack.run('audit', { clockOffsetMs: MINUTE }, longer);
  for (const day of days) {
    await expire(day);
    await stack.run('poll', at(day), longer);
    expect(await stack.run('audit', at(day, MINUTE), longer)).toMatchObject({ published: 0, drift: 0 });
  }
  expect(stack.published()).toEqual(outcomes(ended));
});

test.each([
  ['a shorter retention', { retentionDays: 2 }, 20],
  ['an earlier emitSince', { emitSince: ago(DAY) }, 100],
])(
  'a run that dies with %s leaves no rows that expire before a later run knows the change',
  async (_, changed, days) => {
    stack = await openEngineStack();
    const ended = stack.addEnded(3, index => ({ startTimeMs: Date.now() - 2 * HOUR - index }));
    await stack.run('poll', { clockOffsetMs: 'retentionDays' in changed ? -3 * HOUR : -HOUR });
    const other = stack.anotherPoller(changed);
    let updates = 0;
    stack.dynamoDb.intercept = async ({ operation }) => {
      if (operation !== 'UpdateItem' || ++updates < 2) return undefined;
      await other.kill();
      return { when: 'before', how: 'hang' };
    };
    expect((await other.invoke({ mode: 'poll' })).error?.name).toBe('ProcessDied');
    stack.dynamoDb.intercept = undefined;
    expect(new Set(stack.published())).toEqual(new Set(outcomes(ended)));
    await stack.run('poll', { clockOffsetMs: MINUTE });
    const published = stack.published();
    await expire(days);
    const again = stack.anotherPoller({ emitSince: ago(DAY) });
    await stack.run('poll', at(days), again);
    await stack.run('audit', at(days, MINUTE));
    expect(stack.published()).toEqual(published);
  },
);

test.each([20, 100])('publishes nothing twice after a pause of %d days while an audit is open', async days => {
  stack = await openEngineStack({ backlogPageSize: 5, maxListCallsPerRun: 10 });
  await stack.run('poll', at(-94));
  for (let day = 93; day > 0; day -= 3) {
    stack.addEnded(3, () => ({ startTimeMs: Date.now() - day * DAY }));
    await stack.run('poll', at(-day, MINUTE));
  }
  await stack.run('poll', { clockOffsetMs: -2 * MINUTE });
  const published = stack.published();
  expect((await stack.run('audit')).gaps).toBeGreaterThan(0);
  await expire(days);
  for (let minute = 0; minute < 10; minute += 1)
    expect(await stack.run('poll', at(days, minute * MINUTE))).toMatchObject({ published: 0, drift: 0 });
  expect(stack.published()).toEqual(published);
});

test("publishes the last poll's events only once after a pause in which every row has expired", async () => {
  stack = await openEngineStack();
  await stack.run('poll', { clockOffsetMs: -MINUTE });
  const ended = stack.addEnded(5, index => ({ startTimeMs: Date.now() - (index + 1) * 1_000 }));
  await stack.run();
  await expire(98);
  await stack.run('poll', at(98));
  await stack.run('audit', at(98, MINUTE));
  expect(stack.published()).toEqual(outcomes(ended));
});

test('an earlier emitSince, set later, publishes tasks that ran at the first poll only once', async () => {
  stack = await openEngineStack();
  const running = stack.addRunning(5, 101 * DAY);
  await stack.run('poll', at(-100));
  const ended = running.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE'));
  await stack.run('poll', at(-100, HOUR));
  for (let day = 90; day > 0; day -= 10) await stack.run('poll', at(-day));
  await expire(0);
  const earlier = stack.anotherPoller({ emitSince: ago(150 * DAY) });
  await stack.run('poll', {}, earlier);
  expect(stack.published()).toEqual(outcomes(ended));
});

test('an earlier emitSince, set after a pause in which every row has expired, publishes nothing twice', async () => {
  stack = await openEngineStack();
  await stack.run('poll', at(-100));
  const ended = stack.addEnded(3, index => ({ startTimeMs: Date.now() - 99.9 * DAY - index }));
  await stack.run('poll', at(-99.8));
  expect(stack.published()).toEqual(outcomes(ended));
  await expire(0);
  await stack.run('poll', {}, stack.anotherPoller({ emitSince: ago(101 * DAY) }));
  expect(stack.published()).toEqual(outcomes(ended));
});

test('after polls failed for longer than retentionDays, late listed tasks are still published', async () => {
  stack = await openEngineStack({ retentionDays: 1 });
  await stack.run('poll', at(-10));
  await stack.run('poll', at(-2));
  const late = stack.addEnded(3, index => ({ startTimeMs: Date.now() - 2 * DAY - 30_000 - index }));
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual(outcomes(late));
});

describe('the earliest emitSince', () => {
  test.each(['1970-01-01T00:00:00Z', '1970-01-01T00:05:00Z', '0001-01-01T00:00:00Z'])(
    '%s means all',
    async emitSince => {
      stack = await openEngineStack({ emitSince });
      const past = stack.addEnded(5, index => ({ startTimeMs: Date.now() - index * DAY }));
      for (let minute = 0; minute < 3; minute += 1)
        expect(await stack.run('poll', { clockOffsetMs: minute * MINUTE })).toMatchObject({ outcome: 'complete' });
      expect(stack.published()).toEqual(outcomes(past));
    },
  );

  test('set later, is a backfill of everything, and can be removed', async () => {
    stack = await openEngineStack();
    const past = stack.addEnded(5, index => ({ startTimeMs: Date.now() - (index + 1) * DAY }));
    await stack.run();
    const all = stack.anotherPoller({ emitSince: '1970-01-01T00:00:00Z' });
    await stack.run('poll', {}, all);
    const [running] = stack.addRunning(1, 0);
    const ended = stack.addEnded(3);
    await stack.run('poll', { clockOffsetMs: MINUTE });
    await stack.run('poll', { clockOffsetMs: 2 * MINUTE }, all);
    expect(stack.published()).toEqual(outcomes([...past, ...ended]));
    expect((await stack.items()).filter(({ unsettledSource }) => unsettledSource)).toMatchObject([
      { item: `TASK#${running?.taskId}` },
    ]);
  });

  test('a checkpoint with an unreadable emitSince uses the emission floor', async () => {
    stack = await openEngineStack();
    await stack.run();
    await stack.putItem({ ...(await stack.checkpoint()), emitSince: 'once upon a time' });
    const ended = stack.addEnded(2);
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 2 });
    expect(stack.published()).toEqual(outcomes(ended));
  });
});

describe('an old entry in the wrong place of the list', () => {
  const pin = () => {
    let isTop = true;
    stack.partnerCentral.intercept = ({ input }) => {
      isTop = input.NextToken == null && input.TaskIdentifier == null && input.TaskStatus == null;
      return undefined;
    };
    stack.partnerCentral.tamper = (_, output) => {
      const summaries = output.TaskSummaries as object[];
      const pinned = {
        ...summaries[0],
        TaskId: 'task-aaaaaaaaaaaaa',
        TaskStatus: 'COMPLETE',
        StartTime: ago(400 * DAY),
      };
      return isTop ? { ...output, TaskSummaries: [pinned, ...summaries] } : output;
    };
  };

  test('does not hide tasks on the next pages', async () => {
    stack = await openEngineStack();
    await stack.run('poll', { clockOffsetMs: -3 * HOUR });
    const before = stack.addEnded(5, index => ({ startTimeMs: Date.now() - 2.6 * HOUR - index * 1_000 }));
    pin();
    await stack.run('poll', { clockOffsetMs: -2.5 * HOUR });
    const ended = stack.addEnded(250, index => ({ startTimeMs: Date.now() - 2 * HOUR - index * 1_000 }));
    await stack.run('poll', { clockOffsetMs: -1.9 * HOUR });
    expect(stack.published()).toEqual(outcomes([...before, ...ended]));
  });

  test('does not end audits, and costs a quiet poll one call', async () => {
    stack = await openEngineStack({ emitSince: ago(2 * DAY), backlogPageSize: 100 });
    stack.addEnded(300, index => ({ startTimeMs: Date.now() - HOUR - index * 1_000 }));
    await stack.runUntilQuiet();
    pin();
    await stack.runUntilQuiet();
    const late = stack.addEnded(3, index => ({ startTimeMs: Date.now() - DAY - index }));
    const how = { clockOffsetMs: HOUR };
    let run = await stack.run('audit', how);
    for (let polls = 0; run.gaps > 0 && polls < 20; polls += 1) run = await stack.run('poll', how);
    expect(stack.published()).toEqual(expect.arrayContaining(outcomes(late)));
    expect((await stack.run('poll', { clockOffsetMs: 2 * HOUR })).listCalls).toBe(1);
  });

  test('at the end of each page does not end the head', async () => {
    stack = await openEngineStack({ headPageSize: 20 });
    await stack.run('poll', { clockOffsetMs: -HOUR });
    const ended = stack.addEnded(100, index => ({ startTimeMs: Date.now() - 10 * MINUTE - index * 1_000 }));
    stack.partnerCentral.tamper = (_, output) => {
      const summaries = output.TaskSummaries as object[];
      const old = { ...summaries[0], TaskId: 'task-aaaaaaaaaaaaa', StartTime: ago(400 * DAY) };
      return summaries.length === 20 ? { ...output, TaskSummaries: [...summaries, old] } : output;
    };
    for (let minute = 0; minute < 4; minute += 1) await stack.run('poll', { clockOffsetMs: minute * MINUTE });
    expect(stack.published()).toEqual(outcomes(ended));
  });
});

test('a task that the list of running tasks shows as ended has ended', async () => {
  stack = await openEngineStack();
  const running = stack.addRunning(15, HOUR);
  await stack.run();
  const ended = stack.store.end(running[3]?.taskId as string, 'COMPLETE');
  const stale = running.map(({ taskId, startTimeMs }) => ({
    TaskId: taskId,
    StartTime: new Date(startTimeMs).toISOString(),
    TaskStatus: stack.store.get(taskId)?.status,
  }));
  stack.partnerCentral.intercept = ({ input }) =>
    Array.isArray(input.TaskStatus)
      ? { when: 'before', how: { status: 200, body: { TaskSummaries: stale } } }
      : undefined;
  await stack.run('poll', { clockOffsetMs: MINUTE });
  expect(stack.published()).toEqual(outcomes([ended]));
});
