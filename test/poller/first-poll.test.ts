/** What the first polls of a source learn, and what they take for history. */

import { type MemoryBed, openMemoryBed } from '../in-memory/bed';
import { DAY, errorAnswer, HOUR, MINUTE } from '../integration/bed';

const small = { headPageSize: 2, backlogPageSize: 10, maxListCallsPerRun: 10 };

/** Leaves the start time of every third task out. */
function everyThirdUndated(bed: MemoryBed): void {
  const undated = new Set(bed.store.toJSON().tasks.flatMap(({ taskId }, at) => (at % 3 === 0 ? [taskId] : [])));
  bed.partnerCentral.tamper = (_, output) => ({
    ...output,
    TaskSummaries: (output.TaskSummaries as { TaskId: string }[]).map(summary =>
      undated.has(summary.TaskId) ? { ...summary, StartTime: null } : summary,
    ),
  });
}

describe('a clock that is wrong before Partner Central has told its time', () => {
  test('ahead, at a first poll in an outage: what starts after that poll is published', async () => {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller();
    const how = { clockSkewMs: 10 * MINUTE };
    bed.partnerCentral.intercept = () => errorAnswer('InternalServerException', 500);
    await poller.invoke({ mode: 'poll' }, how);
    bed.partnerCentral.intercept = undefined;
    bed.pass(MINUTE);
    const { taskId } = bed.store.add({ status: 'FAILED', startTimeMs: bed.now() });
    bed.pass(5 * HOUR);
    await poller.invoke({ mode: 'poll' }, how);
    expect(bed.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([taskId]);
  });

  test('ahead, at a first poll whose list breaks off: what starts after that poll is published', async () => {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller();
    const how = { clockSkewMs: 10 * MINUTE };
    bed.partnerCentral.tamper = () => '{"TaskSummaries": [';
    await poller.invoke({ mode: 'poll' }, how);
    bed.partnerCentral.tamper = undefined;
    const { taskId } = bed.store.add({ status: 'FAILED', startTimeMs: bed.now() + 1 });
    bed.pass(MINUTE);
    await poller.invoke({ mode: 'poll' }, how);
    expect(bed.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([taskId]);
  });

  test('behind, at a first poll that dies: an earlier emitSince, set when rows have expired, publishes nothing twice', async () => {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller();
    const how = { clockSkewMs: -10 * MINUTE };
    const { taskId } = bed.store.add({ startTimeMs: bed.now() - 3 * MINUTE });
    bed.dynamoDb.intercept = async ({ operation }) => {
      if (operation !== 'BatchWriteItem') return undefined;
      await poller.kill();
      return { when: 'after', how: 'hang' };
    };
    await poller.invoke({ mode: 'poll' }, how);
    bed.dynamoDb.intercept = undefined;
    bed.store.set(taskId, { status: 'COMPLETE' });
    bed.pass(HOUR);
    await poller.invoke({ mode: 'poll' }, how);
    expect(bed.eventBridge.events).toHaveLength(1);
    bed.pass(100 * DAY);
    await bed.expireRows(bed.now());
    const emitSince = new Date(bed.now() - 102 * DAY).toISOString();
    await bed.anotherPoller({ emitSince }).invoke({ mode: 'poll' }, how);
    expect(bed.eventBridge.events).toHaveLength(1);
  });
});

describe('ended tasks without a start time', () => {
  test('that the list of what is running shows are left to the head', async () => {
    const bed = openMemoryBed();
    bed.addHistory(40);
    everyThirdUndated(bed);
    bed.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    await bed.anotherPoller({ ...small, maxListCallsPerRun: 12 }).invoke({ mode: 'poll' });
    bed.pass(MINUTE);
    await bed.anotherPoller().invoke({ mode: 'poll' });
    expect(await bed.checkpoint()).toMatchObject({ initialised: true, gaps: [] });
    expect(bed.eventBridge.events).toEqual([]);
  });

  test('that a cut first head has left to a gap are history to the look back of the next head too', async () => {
    const bed = openMemoryBed();
    const startTimeMs = bed.now() - MINUTE;
    for (let count = 0; count < 60; count += 1) bed.store.add({ status: 'COMPLETE', startTimeMs: startTimeMs + count });
    everyThirdUndated(bed);
    const poller = bed.anotherPoller({ ...small, headPageSize: 5 });
    for (const pagesOfGap of [0, 1]) {
      let left = pagesOfGap;
      bed.partnerCentral.intercept = ({ input }) =>
        input.NextToken == null || left-- > 0 ? undefined : errorAnswer('ThrottlingException', 429);
      await poller.invoke({ mode: 'poll' });
      bed.pass(MINUTE);
    }
    const { undatedAreHistory, gaps } = (await bed.checkpoint()) as { undatedAreHistory: unknown; gaps: unknown[] };
    expect(undatedAreHistory).toBeNull();
    expect(gaps).not.toEqual([]);
    bed.partnerCentral.intercept = undefined;
    bed.pass(MINUTE);
    for (let polls = 0; polls < 3; polls += 1) {
      bed.pass(MINUTE);
      await bed.anotherPoller().invoke({ mode: 'poll' });
    }
    expect(await bed.checkpoint()).toMatchObject({ gaps: [] });
    expect(bed.eventBridge.events).toEqual([]);
  });
});
