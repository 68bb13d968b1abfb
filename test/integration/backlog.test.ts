/** What takes more than one run: gaps, backfills, audits, and what may go wrong with them. */
import { ago, DAY, type EngineBed, errorAnswer, HOUR, MINUTE, openBed, openEngineBed, outcomes } from './bed';

let bed: EngineBed;
afterEach(() => bed.close());

const anHourAgo = { clockOffsetMs: -HOUR };
/** New to the next head after `anHourAgo`, and too old for those after it to look back at. */
const spread = (count: number) => bed.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000 }));

test('an audit that takes three runs stays one, finds drift, and is over when it is over', async () => {
  bed = await openEngineBed({ backlogPageSize: 100, maxListCallsPerRun: 10, emitSince: ago(DAY) });
  await bed.run();
  bed.addEnded(2_000, at => ({ startTimeMs: Date.now() - HOUR - at * 1_000 }));
  const runs = [await bed.run('audit')];
  while (runs.at(-1)?.gaps) runs.push(await bed.run());
  expect(runs.length).toBeGreaterThanOrEqual(3);
  expect(runs.reduce((sum, { drift }) => sum + drift, 0)).toBe(2_000);
  bed.takeCalls();
  expect(await bed.run()).toMatchObject({ outcome: 'complete', drift: 0, gaps: 0 });
  expect(bed.takeCalls().list).toBe(1);
  expect(new Set(bed.published()).size).toBe(2_000);
});

test('a sweep to the end of a list out of order takes as many runs as it needs', async () => {
  bed = await openEngineBed({ backlogPageSize: 100, maxListCallsPerRun: 10 });
  bed.store.addHistory({ count: 1_500, newestAt: Date.now() - 2 * HOUR, spacingMs: MINUTE });
  await bed.run('poll', anHourAgo);
  // New, but listed among the oldest, where only a sweep to the end comes by.
  const displaced = bed.store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 1_400 * MINUTE });
  let pages = 0;
  bed.partnerCentral.tamper = (_, output) => {
    pages += 1;
    const summaries = (output.TaskSummaries as { TaskId: string; StartTime: string }[]).map(summary =>
      summary.TaskId === displaced.taskId ? { ...summary, StartTime: ago(10 * MINUTE) } : summary,
    );
    return { ...output, TaskSummaries: pages === 1 ? summaries.toReversed() : summaries };
  };
  expect(await bed.run()).toMatchObject({ outOfOrder: 1, gaps: 1 });
  await bed.runUntilQuiet();
  expect(bed.published()).toEqual([`${displaced.taskId} COMPLETE`]);
});

test('a disorder on a page that is cut is still distrusted when the page is fetched again', async () => {
  bed = await openEngineBed({ maxEventsPerRun: 30 });
  bed.store.addHistory({ count: 300, newestAt: Date.now() - 2 * HOUR, spacingMs: MINUTE });
  await bed.run('poll', anHourAgo);
  const ended = spread(250);
  bed.partnerCentral.tamper = (_, output) => {
    const summaries = output.TaskSummaries as { StartTime: string }[];
    const old = { ...summaries[0], TaskId: 'task-aaaaaaaaaaaaa', StartTime: ago(100 * MINUTE) };
    return { ...output, TaskSummaries: [old, ...summaries] };
  };
  await bed.runUntilQuiet();
  expect(bed.published()).toEqual(outcomes(ended));
});

test('on the way back to a lost place, rows dealt with before are not read again', async () => {
  bed = await openEngineBed({ headPageSize: 20, backlogPageSize: 20, maxListCallsPerRun: 10 });
  await bed.run('poll', anHourAgo);
  const ended = spread(400);
  expect(await bed.run()).toMatchObject({ gaps: 1 });
  const token = await bed.cursorOfNewestGap();
  bed.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? errorAnswer('ValidationException') : undefined;
  expect(await bed.run()).toMatchObject({ lostCursors: 1 });
  const published = new Set(bed.published().map(line => line.split(' ')[0]));
  const readAgain: string[] = [];
  bed.partnerCentral.intercept = undefined;
  bed.dynamoDb.intercept = ({ operation, input }) => {
    if (operation !== 'BatchGetItem') return undefined;
    const [{ Keys }] = Object.values(input.RequestItems as object) as [{ Keys: { item: { S: string } }[] }];
    readAgain.push(...Keys.map(({ item }) => item.S.slice('TASK#'.length)).filter(taskId => published.has(taskId)));
    return undefined;
  };
  await bed.run();
  expect(readAgain.length).toBeLessThanOrEqual(60); // those within a minute of the lost place
  bed.dynamoDb.intercept = undefined;
  await bed.runUntilQuiet();
  expect(bed.published()).toEqual(outcomes(ended));
});

test('a page of the backlog that fails run after run loses its cursor, is not called complete, and holds up nothing else', async () => {
  bed = await openEngineBed({
    headPageSize: 20,
    backlogPageSize: 100,
    maxListCallsPerRun: 20,
    emitSince: ago(2 * DAY),
  });
  await bed.run('poll', anHourAgo);
  const ended = spread(700);
  await bed.run();
  const token = await bed.cursorOfNewestGap();
  bed.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? { when: 'before', how: { status: 500, type: 'InternalServerException' } } : undefined;
  const late = bed.addEnded(1, () => ({ startTimeMs: Date.now() - DAY }));
  const runs = [await bed.run('audit')];
  while (!runs.at(-1)?.lostCursors) runs.push(await bed.run());
  expect(bed.published()).toEqual(expect.arrayContaining(outcomes(late)));
  expect(runs.map(({ outcome }) => outcome)).toEqual(['partial', 'partial', 'partial']);
  // Another run through the list gets other tokens.
  bed.partnerCentral.intercept = undefined;
  await bed.runUntilQuiet();
  expect(bed.published()).toEqual(outcomes([...ended, ...late]));
});

test('the oldest gap gets a page in every run, however busy the newer ones are', async () => {
  bed = await openEngineBed({
    headPageSize: 20,
    backlogPageSize: 20,
    maxListCallsPerRun: 10,
    maxEventsPerRun: 60,
    emitSince: ago(2 * DAY),
  });
  const past = bed.addEnded(150, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
  await bed.run();
  const progress: number[] = [];
  for (let runs = 0; runs < 16; runs += 1) {
    bed.addEnded(80);
    await bed.run();
    const lines = new Set(bed.published());
    progress.push(outcomes(past).filter(line => lines.has(line)).length);
  }
  expect(progress.at(-1)).toBe(past.length);
}, 120_000);

test('an earlier emitSince does not publish again what was published so long ago that its rows are gone', async () => {
  bed = await openEngineBed({ emitSince: ago(200 * DAY) });
  const old = bed.addEnded(20, at => ({ startTimeMs: Date.now() - 190 * DAY - at }));
  await bed.run();
  await bed.run();
  expect(bed.published()).toEqual(outcomes(old));
  await bed.expireRows();
  const older = bed.addEnded(5, at => ({ startTimeMs: Date.now() - 201 * DAY - at }));
  const earlier = bed.anotherPoller({ emitSince: ago(202 * DAY) });
  expect((await earlier.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 5 });
  expect(bed.published()).toEqual(outcomes([...old, ...older]));
});

test('an emitSince in the future, once put right, is forgotten', async () => {
  bed = await openEngineBed({ emitSince: ago(-30 * DAY) });
  await bed.run();
  const silenced = bed.addEnded(3);
  expect(await bed.run()).toMatchObject({ published: 0 });
  const right = bed.anotherPoller({ emitSince: ago(DAY) });
  await right.invoke({ mode: 'poll' });
  const later = bed.addEnded(2);
  await right.invoke({ mode: 'poll' });
  expect(bed.published()).toEqual(outcomes([...silenced, ...later]));
});

test('a future emitSince that is taken away leaves the moment of the first poll', async () => {
  bed = await openEngineBed();
  await bed.run();
  const mistaken = bed.anotherPoller({ emitSince: ago(-30 * DAY) });
  await mistaken.invoke({ mode: 'poll' });
  const silenced = bed.addEnded(3);
  expect((await mistaken.invoke({ mode: 'poll' })).result).toMatchObject({ published: 0 });
  await bed.run('audit');
  expect(bed.published()).toEqual(outcomes(silenced));
});

test.each(['BatchWriteItem', 'PutEvents'])(
  'where %s fails in the backlog, nothing more is published, whatever gaps are left',
  async operation => {
    bed = await openEngineBed({
      headPageSize: 20,
      backlogPageSize: 20,
      maxListCallsPerRun: 10,
      emitSince: ago(2 * DAY),
    });
    await bed.run('poll', anHourAgo);
    const ended = spread(400);
    await bed.run();
    await bed.run('audit');
    expect((await bed.checkpoint())?.gaps).toHaveLength(2);
    const published = bed.eventBridge.events.length;
    bed.dynamoDb.intercept = call =>
      call.operation === operation ? { when: 'before', how: { status: 500, type: 'InternalServerError' } } : undefined;
    bed.eventBridge.intercept = call =>
      call.operation === operation ? { when: 'before', how: { status: 500, type: 'InternalException' } } : undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'partial' });
    expect(bed.eventBridge.events.length - published).toBeLessThanOrEqual(10);
    bed.dynamoDb.intercept = undefined;
    bed.eventBridge.intercept = undefined;
    await bed.runUntilQuiet();
    expect([...new Set(bed.published())]).toEqual(outcomes(ended));
  },
);

test('a page of the oldest gap that hangs holds the newer gap up no longer than a run', async () => {
  bed = await openBed({
    headPageSize: 20,
    backlogPageSize: 100,
    maxListCallsPerRun: 12,
    emitSince: ago(2 * DAY),
  });
  await bed.run('poll', anHourAgo);
  const ended = spread(400);
  await bed.run();
  const token = await bed.cursorOfNewestGap();
  const late = bed.addEnded(1, () => ({ startTimeMs: Date.now() - DAY }));
  bed.partnerCentral.intercept = ({ input }) =>
    input.NextToken === token ? { when: 'before', how: 'hang' } : undefined;
  await bed.run('audit', { timeoutMs: 3_000 });
  await bed.run('poll', { timeoutMs: 3_000 });
  expect(bed.published()).toEqual(expect.arrayContaining(outcomes(late)));
  bed.partnerCentral.intercept = undefined;
  await bed.runUntilQuiet();
  expect(bed.published()).toEqual(outcomes([...ended, ...late]));
});

test('a damaged gap is swept from the top', async () => {
  bed = await openEngineBed({ emitSince: ago(2 * DAY) });
  await bed.run();
  const overlooked = bed.addEnded(2, () => ({ startTimeMs: Date.now() - DAY }));
  await bed.putItem({ ...(await bed.checkpoint()), gaps: [{ madeAt: 'long ago' }] });
  expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 2, gaps: 0 });
  expect(bed.published()).toEqual(outcomes(overlooked));
});

test('a task that is listed three minutes late is found by the look back', async () => {
  bed = await openEngineBed({ emitSince: ago(HOUR) });
  await bed.run();
  const late = bed.addEnded(2, () => ({ startTimeMs: Date.now() - 3 * MINUTE }));
  const tooLate = bed.addEnded(1, () => ({ startTimeMs: Date.now() - 7 * MINUTE }));
  await bed.run();
  expect(bed.published()).toEqual(outcomes(late));
  expect(await bed.run('audit')).toMatchObject({ published: tooLate.length, drift: 1 });
});
