/** Faults of DynamoDB: failing calls, incomplete or stale answers, and a restored table. */
import type { InvokeOptions } from '../../../local/services/function-host';
import type { Call, Fault, Intercept } from '../../../local/services/service';
import { HOUR, MINUTE } from '../../durations';
import { outcomes } from '../../engine-stack';
import { errorAnswer, isFromPoller, tableAnswer } from '../../faults';
import type { TestStack } from '../test-stack';
import { endedSinceFirstRun, faultMatrix, holdFirst, type Row, takesTime } from './matrix';

const throttling = errorAnswer('ProvisionedThroughputExceededException');
const serverError = errorAnswer('InternalServerError', 500);
const takesLease = ({ operation, input }: Call) =>
  operation === 'UpdateItem' && String(input.UpdateExpression).includes('if_not_exists');
const finishes = ({ operation, input }: Call) =>
  operation === 'UpdateItem' && String(input.UpdateExpression).includes('watermark');
const only = (operation: string) => (call: Call) => call.operation === operation;

/** One kind of call fails during a whole run. */
const failing = (
  which: (call: Call) => boolean,
  fault: Fault,
  { events, published = events }: { events: number; published?: number },
  how: InvokeOptions = { timeoutMs: 2_500 },
): Row => ({
  over: takesTime(fault) ? 'HTTP' : undefined,
  play: async stack => {
    const running = stack.addRunning(2, 2 * HOUR);
    const ended = await endedSinceFirstRun(stack, 15);
    for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
    stack.dynamoDb.intercept = call => (which(call) ? fault : undefined);
    expect(await stack.run('poll', how)).toMatchObject({ outcome: 'partial', published });
    expect(stack.eventBridge.events).toHaveLength(events);
    return outcomes([...ended, ...running]);
  },
});
const hang: Fault = { when: 'before', how: 'hang' };
const empty: Fault = { when: 'before', how: { status: 200, body: '' } };
const truncated: Fault = { when: 'after', how: 'truncate' };
const late: Fault = { when: 'after', how: { delayMs: 6_000 } };

/** Each call does half of its work and reports the rest as unprocessed. */
const partlyUnprocessed =
  (stack: TestStack, operation: 'BatchGetItem' | 'BatchWriteItem'): Intercept =>
  async call => {
    if (call.operation !== operation || !isFromPoller(call)) return undefined;
    const [name, whole] =
      Object.entries(call.input.RequestItems as Record<string, unknown[] | { Keys: unknown[] }>)[0] ?? [];
    const all = Array.isArray(whole) ? whole : (whole?.Keys ?? []);
    const part = (some: unknown[]) => ({ [String(name)]: Array.isArray(whole) ? some : { ...whole, Keys: some } });
    const half = Math.ceil(all.length / 2);
    const done = await stack.askTable(operation, { RequestItems: part(all.slice(0, half)) });
    const rest = half < all.length ? part(all.slice(half)) : {};
    return tableAnswer({
      ...done,
      ...(operation === 'BatchGetItem' ? { UnprocessedKeys: rest } : { UnprocessedItems: rest }),
    });
  };

faultMatrix({
  'DynamoDB throttling of every third call': {
    play: async stack => {
      const running = stack.addRunning(12, 2 * HOUR);
      const ended = await endedSinceFirstRun(stack, 25);
      for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
      stack.dynamoDb.calls.reset();
      stack.dynamoDb.intercept = ({ index }) => (index % 3 === 0 ? throttling : undefined);
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 37 });
      return outcomes([...ended, ...running]);
    },
  },
  'DynamoDB throttling while rows are read': failing(only('BatchGetItem'), throttling, { events: 0 }),
  // Publishing stops at the first failed record.
  'DynamoDB throttling while rows are written': {
    ...failing(only('BatchWriteItem'), throttling, { events: 10, published: 0 }),
    repeats: 10,
  },
  'DynamoDB 500s when the lease is taken': failing(takesLease, serverError, { events: 0 }),
  'DynamoDB 500s from the index': failing(only('Query'), serverError, { events: 15 }),
  'DynamoDB 500s at the end of a run': failing(finishes, serverError, { events: 17 }),

  // If they were read as an empty table, the poller would start over or publish again.
  'empty bodies when the lease is taken': failing(takesLease, empty, { events: 0 }),
  'a truncated answer to a successful lease': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 3);
      stack.dynamoDb.intercept = call => (takesLease(call) ? truncated : undefined);
      expect(await stack.run()).toMatchObject({ outcome: 'partial' });
      stack.dynamoDb.intercept = undefined;
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 3 }); // without waiting for the lease to expire
      return outcomes(ended);
    },
  },
  'empty bodies while rows are read': failing(only('BatchGetItem'), empty, { events: 0 }),
  'empty bodies while rows are written': {
    ...failing(only('BatchWriteItem'), empty, { events: 10, published: 0 }),
    repeats: 10,
  },
  'empty bodies from the index': failing(only('Query'), empty, { events: 15 }),

  'truncated bodies of DynamoDB': failing(() => true, truncated, { events: 0 }),
  'truncated bodies while rows are written': failing(only('BatchWriteItem'), truncated, { events: 10, published: 0 }),

  'hung sockets of DynamoDB': failing(() => true, hang, { events: 0 }),
  // The lease can't be released either, and expires.
  'hung sockets of DynamoDB at the end of a run': {
    ...failing(
      call => call.operation === 'UpdateItem' && !takesLease(call),
      hang,
      { events: 17 },
      { timeoutMs: 4_000 },
    ),
    waits: true,
  },

  "answers to the lease after the client's timeout": {
    ...failing(takesLease, late, { events: 0 }),
    waits: true,
  },
  "answers to BatchWriteItem after the client's timeout": failing(only('BatchWriteItem'), late, {
    events: 10,
    published: 0,
  }),
  "answers to the end of a run after the client's timeout": {
    ...failing(finishes, late, { events: 17 }),
    waits: true,
  },

  UnprocessedItems: {
    over: 'HTTP',
    play: async (stack: TestStack) => {
      await stack.run();
      const ended = stack.addEnded(40);
      stack.dynamoDb.intercept = partlyUnprocessed(stack, 'BatchWriteItem');
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 40 });
      expect((await stack.items()).filter(({ publishedStatuses }) => publishedStatuses)).toHaveLength(40);
      return outcomes(ended);
    },
  },
  UnprocessedKeys: {
    over: 'HTTP',
    play: async (stack: TestStack) => {
      await stack.run();
      const ended = stack.addEnded(40);
      await stack.run();
      stack.dynamoDb.intercept = partlyUnprocessed(stack, 'BatchGetItem');
      // All of them are within the lookback of the head.
      expect(await stack.run()).toMatchObject({ outcome: 'complete', tasks: 40, published: 0 });
      return outcomes(ended);
    },
  },

  'one refused row among ten': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 10, {
        status: 'FAILED',
        message: 'fine',
        reasonCode: 'InternalError',
      });
      const { taskId } = stack.store.set(ended[4]?.taskId as string, { message: 'POISON' });
      stack.dynamoDb.intercept = ({ operation, input }) =>
        operation === 'BatchWriteItem' && JSON.stringify(input).includes('POISON')
          ? errorAnswer('ValidationException')
          : undefined;
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 10, refusedRows: 1 });
      expect(await stack.run()).toMatchObject({ published: 0 });
      // The row's outcome is stored.
      expect(await stack.row(taskId)).toMatchObject({ publishedStatuses: new Set(['FAILED']) });
      expect(await stack.row(taskId)).not.toHaveProperty('message');
      return outcomes(ended);
    },
  },

  'failed conditions of the lease': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      const failed = errorAnswer('ConditionalCheckFailedException');
      stack.dynamoDb.intercept = call => (takesLease(call) ? failed : undefined);
      expect(await stack.run()).toMatchObject({ outcome: 'skipped', listCalls: 0 });
      stack.dynamoDb.intercept = call => (finishes(call) ? failed : undefined);
      expect(await stack.run()).toMatchObject({ outcome: 'partial', published: 20 });
      stack.dynamoDb.intercept = undefined;
      // As far as that run knew, another run had the lease.
      expect(await stack.run()).toMatchObject({ outcome: 'skipped' });
      return outcomes(ended);
    },
  },

  'a run that outlives its lease': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      const { arrived, release } = holdFirst(stack.partnerCentral);
      const slow = stack.run();
      await arrived;
      expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE }, stack.anotherPoller())).toMatchObject({
        outcome: 'complete',
        published: 20,
      });
      const { watermark } = (await stack.checkpoint()) as { watermark: string };
      release();
      expect(await slow).toMatchObject({ outcome: 'partial', published: 0 });
      expect(await stack.checkpoint()).toMatchObject({ watermark });
      return outcomes(ended);
    },
  },

  'a lost answer to the lease': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 2);
      let isFirst = true;
      stack.dynamoDb.intercept = call => {
        if (!isFirst || !takesLease(call)) return undefined;
        isFirst = false;
        return { when: 'after', how: 'reset' };
      };
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 2 });
      return outcomes(ended);
    },
  },

  // The index only names candidates, and stale ones. The consistent reads of rows decide.
  'an index that lags by seconds': {
    over: 'HTTP',
    play: async (stack: TestStack) => {
      // Now the index shows the state of two polls ago.
      const held: object[] = [{ Items: [] }, { Items: [] }];
      const inconsistent: unknown[] = [];
      stack.dynamoDb.intercept = async call => {
        if (call.operation === 'BatchGetItem') {
          inconsistent.push(...Object.values(call.input.RequestItems as object).filter(read => !read.ConsistentRead));
        }
        if (call.operation !== 'Query' || !isFromPoller(call)) return undefined;
        held.push(await stack.askTable('Query', call.input));
        return tableAnswer(held.shift() as object);
      };
      const running = stack.addRunning(12, HOUR);
      expect(await stack.run()).toMatchObject({ outcome: 'complete', unsettled: 12 });
      const endedAt = new Date().toISOString();
      for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
      const fresh = stack.addEnded(3);
      const [gone] = running;
      const published: number[] = [];
      for (let polls = 0; polls < 6; polls += 1) {
        const run = await stack.run();
        expect(run.outcome).toBe('complete');
        published.push(run.published);
        if (run.published === 12) stack.store.remove(gone?.taskId as string);
      }
      // In later polls it still names the twelve, one of which is no longer listed.
      expect(published).toEqual([3, 12, 0, 0, 0, 0]);
      expect(await stack.row(gone?.taskId as string)).not.toHaveProperty('misses');
      expect(inconsistent).toEqual([]);
      for (const { detail } of stack.eventBridge.events.slice(3)) {
        expect(String(detail.detectedAfter) < endedAt).toBe(true);
      }
      return outcomes([...running, ...fresh]);
    },
  },

  'a snapshot table restored empty (no flood)': {
    play: async stack => {
      const running = stack.addRunning(3, 2 * HOUR);
      const ended = await endedSinceFirstRun(stack, 20);
      // Within the lookback, because they started before the new first poll.
      ended.push(...stack.addEnded(5, at => ({ startTimeMs: Date.now() - 1_000 - at })));
      expect(await stack.run()).toMatchObject({ published: 25 });
      await stack.loseTable();
      // The poller starts again silently and watches running tasks.
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 3 });
      expect(await stack.run('audit')).toMatchObject({ published: 0, drift: 0 });
      for (const { taskId } of running) stack.store.end(taskId, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ published: 3 });
      return outcomes([...ended, ...running]);
    },
  },
});
