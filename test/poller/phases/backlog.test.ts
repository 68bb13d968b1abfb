/** Work of more than one run: gaps, backfills, audits, and their faults. */
import { ago, DAY, HOUR, MINUTE } from '../../durations';
import { type EngineStack, openEngineStack, outcomes } from '../../engine-stack';
import { errorAnswer } from '../../faults';
import { openTestStack } from '../../integration/test-stack';

let stack: EngineStack;
afterEach(() => stack.close());

const anHourAgo = { clockOffsetMs: -HOUR };
/** New to the next head after `anHourAgo`, and outside the lookback of later ones. */
const spread = (count: number) => stack.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000 }));

test('an audit of three runs stays an audit, finds drift, and finishes', async () => {
  stack = await openEngineStack({ backlogPageSize: 100, maxListCallsPerRun: 10, emitSince: ago(DAY) });
  await stack.run();
  stack.addEnded(2_000, at => ({ startTimeMs: Date.now() - HOUR - at * 1_000 }));
  const runs = [await stack.run('audit')];
  while (runs.at(-1)?.gaps) runs.push(await stack.run());
  expect(runs.length).toBeGreaterThanOrEqual(3);
  expect(runs.reduce((sum, { drift }) => sum + drift, 0)).toBe(2_000);
  stack.takeCalls();
  expect(await stack.run()).toMatchObject({ outcome: 'complete', drift: 0, gaps: 0 });
  expect(stack.takeCalls().list).toBe(1);
  expect(new Set(stack.published()).size).toBe(2_000);
});

test('a sweep to the end of a list out of order takes several runs', async () => {
  stack = await openEngineStack({ backlogPageSize: 100, maxListCallsPerRun: 10 });
  stack.store.addHistory({ count: 1_500, newestAt: Date.now() - 2 * HOUR, spacingMs: MINUTE });
  await stack.run('poll', anHourAgo);
  // New, but listed among the oldest, where only a sweep to the end finds it.
  const displaced = stack.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 1_400 * MINUTE });
  let pages = 0;
  stack.partnerCentral.tamper = (_, output) => {
    pages += 1;
    const summaries = (output.TaskSummaries as { TaskId: string; StartTime: string }[]).map(summary =>
      summary.TaskId === displaced.taskId ? { ...summary, StartTime: ago(10 * MINUTE) } : summary,
    );
    return { ...output, TaskSummaries: pages === 1 ? summaries.toReversed() : summaries };
  };
  expect(await stack.run()).toMatchObject({ outOfOrder: 1, gaps: 1 });
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual([`${displaced.taskId} COMPLETE`]);
});

test('a page out of order that was cut is still distrusted when it is listed again', async () => {
  stack = await openEngineStack({ maxEventsPerRun: 30 });
  stack.store.addHistory({ count: 300, newestAt: Date.now() - 2 * HOUR, spacingMs: MINUTE });
  await stack.run('poll', anHourAgo);
  const ended = spread(250);
  stack.partnerCentral.tamper = (_, output) => {
    const summaries = output.TaskSummaries as { StartTime: string }[];
    const old = { ...summaries[0], TaskId: 'task-aaaaaaaaaaaaa', StartTime: ago(100 * MINUTE) };
    return { ...output, TaskSummaries: [old, ...summaries] };
  };
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual(outcomes(ended));
});

test('does not read finished rows again on the way back to a lost position', async () => {
  stack = await openEngineStack({ headPageSize: 20, backlogPageSize: 20, maxListCallsPerRun: 10 });
  await stack.run('poll', anHourAgo);
  const ended = spread(400);
  expect(await stack.run()).toMatchObject({ gaps: 1 });
  const token = await stack.cursorOfNewestGap();
  stack.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? errorAnswer('ValidationException') : undefined;
  expect(await stack.run()).toMatchObject({ lostCursors: 1 });
  const published = new Set(stack.published().map(line => line.split(' ')[0]));
  const readAgain: string[] = [];
  stack.partnerCentral.intercept = undefined;
  stack.dynamoDb.intercept = ({ operation, input }) => {
    if (operation !== 'BatchGetItem') return undefined;
    const [{ Keys }] = Object.values(input.RequestItems as object) as [{ Keys: { item: { S: string } }[] }];
    readAgain.push(...Keys.map(({ item }) => item.S.slice('TASK#'.length)).filter(taskId => published.has(taskId)));
    return undefined;
  };
  await stack.run();
  expect(readAgain.length).toBeLessThanOrEqual(60); // rows within a minute of the lost position
  stack.dynamoDb.intercept = undefined;
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual(outcomes(ended));
});

test('a backlog page that fails in every run loses its cursor, makes runs incomplete, and delays nothing else', async () => {
  stack = await openEngineStack({
    headPageSize: 20,
    backlogPageSize: 100,
    maxListCallsPerRun: 20,
    emitSince: ago(2 * DAY),
  });
  await stack.run('poll', anHourAgo);
  const ended = spread(700);
  await stack.run();
  const token = await stack.cursorOfNewestGap();
  stack.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? { when: 'before', how: { status: 500, type: 'InternalServerException' } } : undefined;
  const late = stack.addEnded(1, () => ({ startTimeMs: Date.now() - DAY }));
  const runs = [await stack.run('audit')];
  while (!runs.at(-1)?.lostCursors) runs.push(await stack.run());
  expect(stack.published()).toEqual(expect.arrayContaining(outcomes(late)));
  expect(runs.map(({ outcome }) => outcome)).toEqual(['partial', 'partial', 'partial']);
  // Another sweep of the list gets other tokens.
  stack.partnerCentral.intercept = undefined;
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual(outcomes([...ended, ...late]));
});

test('the oldest gap gets a page in every run, even if newer gaps are busy', async () => {
  stack = await openEngineStack({
    headPageSize: 20,
    backlogPageSize: 20,
    maxListCallsPerRun: 10,
    maxEventsPerRun: 60,
    emitSince: ago(2 * DAY),
  });
  const past = stack.addEnded(150, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
  await stack.run();
  const progress: number[] = [];
  for (let runs = 0; runs < 16; runs += 1) {
    stack.addEnded(80);
    await stack.run();
    const lines = new Set(stack.published());
    progress.push(outcomes(past).filter(line => lines.has(line)).length);
  }
  expect(progress.at(-1)).toBe(past.length);
}, 120_000);

test('an earlier emitSince publishes nothing twice, even when the rows have expired', async () => {
  stack = await openEngineStack({ emitSince: ago(200 * DAY) });
  const old = stack.addEnded(20, at => ({ startTimeMs: Date.now() - 190 * DAY - at }));
  await stack.run();
  await stack.run();
  expect(stack.published()).toEqual(outcomes(old));
  await stack.expireRows();
  const older = stack.addEnded(5, at => ({ startTimeMs: Date.now() - 201 * DAY - at }));
  const earlier = stack.anotherPoller({ emitSince: ago(202 * DAY) });
  expect((await earlier.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 5 });
  expect(stack.published()).toEqual(outcomes([...old, ...older]));
});

test('an emitSince in the future has no effect after it was corrected', async () => {
  stack = await openEngineStack({ emitSince: ago(-30 * DAY) });
  await stack.run();
  const silenced = stack.addEnded(3);
  expect(await stack.run()).toMatchObject({ published: 0 });
  const right = stack.anotherPoller({ emitSince: ago(DAY) });
  await right.invoke({ mode: 'poll' });
  const later = stack.addEnded(2);
  await right.invoke({ mode: 'poll' });
  expect(stack.published()).toEqual(outcomes([...silenced, ...later]));
});

test("after a future emitSince was removed, the first poll's time applies", async () => {
  stack = await openEngineStack();
  await stack.run();
  const mistaken = stack.anotherPoller({ emitSince: ago(-30 * DAY) });
  await mistaken.invoke({ mode: 'poll' });
  const silenced = stack.addEnded(3);
  expect((await mistaken.invoke({ mode: 'poll' })).result).toMatchObject({ published: 0 });
  await stack.run('audit');
  expect(stack.published()).toEqual(outcomes(silenced));
});

test.each(['BatchWriteItem', 'PutEvents'])(
  'when %s fails in the backlog, publishes nothing more, even with gaps left',
  async operation => {
    stack = await openEngineStack({
      headPageSize: 20,
      backlogPageSize: 20,
      maxListCallsPerRun: 10,
      emitSince: ago(2 * DAY),
    });
    await stack.run('poll', anHourAgo);
    const ended = spread(400);
    await stack.run();
    await stack.run('audit');
    expect((await stack.checkpoint())?.gaps).toHaveLength(2);
    const published = stack.eventBridge.events.length;
    stack.dynamoDb.intercept = call =>
      call.operation === operation ? { when: 'before', how: { status: 500, type: 'InternalServerError' } } : undefined;
    stack.eventBridge.intercept = call =>
      call.operation === operation ? { when: 'before', how: { status: 500, type: 'InternalException' } } : undefined;
    expect(await stack.run()).toMatchObject({ outcome: 'partial' });
    expect(stack.eventBridge.events.length - published).toBeLessThanOrEqual(10);
    stack.dynamoDb.intercept = undefined;
    stack.eventBridge.intercept = undefined;
    await stack.runUntilQuiet();
    expect([...new Set(stack.published())]).toEqual(outcomes(ended));
  },
);

test('a hanging page of the oldest gap delays the newer gap by at most one run', async () => {
  stack = await openTestStack({
    headPageSize: 20,
    backlogPageSize: 100,
    maxListCallsPerRun: 12,
    emitSince: ago(2 * DAY),
  });
  await stack.run('poll', anHourAgo);
  const ended = spread(400);
  await stack.run();
  const token = await stack.cursorOfNewestGap();
  const late = stack.addEnded(1, () => ({ startTimeMs: Date.now() - DAY }));
  stack.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? { when: 'before', how: 'hang' } : undefined;
  await stack.run('audit', { timeoutMs: 1_500 });
  await stack.run('poll', { timeoutMs: 1_500 });
  expect(stack.published()).toEqual(expect.arrayContaining(outcomes(late)));
  stack.partnerCentral.intercept = undefined;
  await stack.runUntilQuiet();
  expect(stack.published()).toEqual(outcomes([...ended, ...late]));
});

test('a damaged gap is swept from the top', async () => {
  stack = await openEngineStack({ emitSince: ago(2 * DAY) });
  await stack.run();
  const overlooked = stack.addEnded(2, () => ({ startTimeMs: Date.now() - DAY }));
  await stack.putItem({ ...(await stack.checkpoint()), gaps: [{ madeAt: 'long ago' }] });
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 2, gaps: 0 });
  expect(stack.published()).toEqual(outcomes(overlooked));
});

test('the lookback finds a task that is listed three minutes late', async () => {
  stack = await openEngineStack({ emitSince: ago(HOUR) });
  await stack.run();
  const late = stack.addEnded(2, () => ({ startTimeMs: Date.now() - 3 * MINUTE }));
  const tooLate = stack.addEnded(1, () => ({ startTimeMs: Date.now() - 7 * MINUTE }));
  await stack.run();
  expect(stack.published()).toEqual(outcomes(late));
  expect(await stack.run('audit')).toMatchObject({ published: tooLate.length, drift: 1 });
});
