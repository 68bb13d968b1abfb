/** Looking again at unsettled rows. */
import { openMemoryBed } from '../in-memory/bed';
import { errorAnswer, HOUR, MINUTE } from '../integration/bed';

test('an event that waits for the table to take its row is no proof that its task ran for longer', async () => {
  const bed = openMemoryBed();
  const poller = bed.anotherPoller();
  const { taskId } = bed.store.add({ startTimeMs: bed.now() - HOUR });
  await poller.invoke({ mode: 'poll' });
  bed.pass(MINUTE);
  bed.store.set(taskId, { status: 'FAILED' });
  const endedAt = bed.now();
  bed.dynamoDb.intercept = ({ operation }) =>
    operation === 'BatchWriteItem' ? errorAnswer('ValidationException') : undefined;
  for (let polls = 0; polls < 3; polls += 1) {
    bed.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
  }
  bed.dynamoDb.intercept = undefined;
  bed.pass(MINUTE);
  await poller.invoke({ mode: 'poll' });
  expect(bed.eventBridge.events).toHaveLength(2); // one before anybody knew that the table takes no rows
  for (const { detail } of bed.eventBridge.events)
    expect(Date.parse(String(detail.detectedAfter))).toBeLessThanOrEqual(endedAt);
});

describe('among many that are looked for in the list of what is running', () => {
  test.each([
    ['with another status than the row has, the filter being older', 'IN_PROGRESS', 'SUSPENDED'],
    ['as running again, the row saying something else', 'SUSPENDED', 'IN_PROGRESS'],
    ['as ended, the filter being older', 'IN_PROGRESS', 'FAILED'],
  ])('one that is listed %s is dealt with', async (_, before, after) => {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller({ headPageSize: 1 });
    const ids = Array.from({ length: 11 }, () => bed.store.add({ startTimeMs: bed.now() - HOUR }).taskId);
    const [first] = ids as [string];
    await poller.invoke({ mode: 'poll' });
    bed.store.set(first, { status: before });
    bed.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(await bed.row(first)).toMatchObject({ status: before });

    bed.store.set(first, { status: after });
    bed.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    bed.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(await bed.row(first)).toMatchObject({ status: after });
    expect(bed.eventBridge.events).toHaveLength(after === 'FAILED' ? 1 : 0);
  });

  test('one that has ended, whose row is to be published yet, is published when the list shows it', async () => {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller({ headPageSize: 1 });
    const ids = Array.from({ length: 12 }, () => bed.store.add({ startTimeMs: bed.now() - HOUR }).taskId);
    const [first] = ids as [string];
    await poller.invoke({ mode: 'poll' });
    bed.store.set(first, { status: 'COMPLETE' });
    // As a run leaves it that dies between trying the row and publishing.
    await bed.putItems([
      { ...(await bed.row(first)), status: 'COMPLETE', firstTerminalAt: new Date(bed.now()).toISOString() },
    ]);
    bed.partnerCentral.intercept = ({ input }) => {
      delete input.TaskStatus;
      return undefined;
    };
    bed.pass(MINUTE);
    await poller.invoke({ mode: 'poll' });
    expect(bed.eventBridge.events.map(({ detail }) => detail.taskId)).toEqual([first]);
  });
});

describe('looking up by id', () => {
  /** More than ten that run, all known for an hour. */
  async function running(count: number, settings: Record<string, unknown> = {}) {
    const bed = openMemoryBed();
    const poller = bed.anotherPoller(settings);
    const ids = Array.from({ length: count }, () => bed.store.add({ startTimeMs: bed.now() - HOUR }).taskId);
    await poller.invoke({ mode: 'poll' });
    bed.pass(MINUTE);
    return { bed, poller, ids };
  }

  test('takes 200 of those that are gone in one run, which is not whole then', async () => {
    const { bed, poller, ids } = await running(230);
    for (const taskId of ids) bed.store.set(taskId, { status: 'COMPLETE' });
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'partial', published: 200 });
    bed.pass(MINUTE);
    expect((await poller.invoke({ mode: 'poll' })).result).toMatchObject({ outcome: 'complete', published: 30 });
  });

  test('makes at most 20 look-ups in a run, those by halves included', async () => {
    const { bed, poller, ids } = await running(60);
    for (const taskId of ids) bed.store.set(taskId, { status: 'COMPLETE' });
    let lookUps = 0;
    bed.partnerCentral.intercept = ({ input }) => {
      if (input.TaskIdentifier == null) return undefined;
      lookUps += 1;
      return errorAnswer('ValidationException');
    };
    await poller.invoke({ mode: 'poll' });
    expect(lookUps).toBe(20);
  });

  test('misses nobody in an answer that breaks off', async () => {
    const { bed, poller, ids } = await running(3);
    bed.partnerCentral.tamper = (_, output) => ({ ...output, TaskSummaries: [], NextToken: 'more' });
    await poller.invoke({ mode: 'poll' });
    for (const taskId of ids) expect(await bed.row(taskId)).not.toHaveProperty('misses');
  });

  test('puts a running one off by a minute and no longer, where the list of what is running breaks off', async () => {
    const { bed, poller, ids } = await running(30, { backlogPageSize: 10 });
    bed.partnerCentral.intercept = ({ input }) =>
      input.NextToken == null ? undefined : errorAnswer('ValidationException');
    for (let polls = 0; polls < 6; polls += 1) {
      await poller.invoke({ mode: 'poll' });
      const rows = await Promise.all(ids.map(taskId => bed.row(taskId)));
      for (const row of rows) expect(Date.parse(String(row?.nextCheckAt)) - bed.now()).toBeLessThanOrEqual(MINUTE);
      bed.pass(2 * MINUTE);
    }
  });
});
