/** A table that refuses the rows of published tasks: no poll after the first may repeat the events. */

import { HOUR, MINUTE } from '../durations';
import { type EngineStack, openEngineStack, outcomes } from '../engine-stack';
import { errorAnswer, tableAnswer } from '../faults';

let stack: EngineStack;
afterEach(() => stack.close());

const refusal = errorAnswer('ValidationException');
const endedSince = async (count: number) => {
  await stack.run('poll', { clockOffsetMs: -HOUR });
  return stack.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000, status: 'FAILED' }));
};

test.each([
  ['throttled', errorAnswer('ProvisionedThroughputExceededException')],
  ['not allowed', errorAnswer('AccessDeniedException')],
  ['refused', refusal],
  ['answered by an error under HTTP 200', tableAnswer({ __type: 'InternalServerError' })],
])(
  'rows that are %s for ten polls: repeats one batch at most, whatever is pending',
  async (_, fault) => {
    stack = await openEngineStack();
    const ended = await endedSince(60);
    stack.dynamoDb.intercept = ({ operation }) => (operation === 'BatchWriteItem' ? fault : undefined);
    for (let polls = 0; polls < 10; polls += 1) await stack.poll('poll', { clockOffsetMs: polls * MINUTE });
    expect(stack.published()).toHaveLength(10);
    stack.dynamoDb.intercept = undefined;
    await stack.runUntilQuiet(10, { clockOffsetMs: 11 * MINUTE });
    expect([...new Set(stack.published())]).toEqual(outcomes(ended));
    expect(stack.published().length - ended.length).toBeLessThanOrEqual(10);
    // A complete audit shows that the table works again.
    await stack.run('audit', { clockOffsetMs: 12 * MINUTE });
    expect(await stack.checkpoint()).toMatchObject({ recordFailedAt: null });
  },
  120_000,
);

test('publishes the event of a refused row once, delays nothing, and counts it', async () => {
  stack = await openEngineStack();
  const ended = await endedSince(25);
  const bad = ended[3]?.taskId as string;
  stack.dynamoDb.intercept = ({ operation, input }) =>
    operation === 'BatchWriteItem' && JSON.stringify(input).includes(bad) ? refusal : undefined;
  const refused: (number | undefined)[] = [];
  for (let polls = 0; polls < 5; polls += 1)
    refused.push((await stack.run('poll', { clockOffsetMs: polls * 30_000 })).refusedRows);
  expect([...new Set(stack.published())]).toEqual(outcomes(ended));
  expect(stack.published().filter(line => line.startsWith(bad))).toHaveLength(1);
  expect(refused[0]).toBe(1);
});

test('a later poll learns a running task whose row the first poll could not record', async () => {
  stack = await openEngineStack();
  const [running] = stack.addRunning(1, HOUR);
  stack.dynamoDb.intercept = ({ operation }) => (operation === 'BatchWriteItem' ? refusal : undefined);
  expect(await stack.run('poll', { clockOffsetMs: -30 * MINUTE })).toMatchObject({
    outcome: 'partial',
    refusedRows: 1,
  });
  stack.dynamoDb.intercept = undefined;
  await stack.run('poll', { clockOffsetMs: -MINUTE });
  const ended = stack.store.end(running?.taskId as string, 'COMPLETE');
  await stack.run();
  expect(stack.published()).toEqual(outcomes([ended]));
});

test('rows of a dead run that arrive after the next run: repeats at most a batch of ten', async () => {
  stack = await openEngineStack();
  await stack.run('poll', { clockOffsetMs: -HOUR });
  const running = stack.addRunning(25, 10 * MINUTE);
  let release: () => void = () => undefined;
  const released = new Promise<undefined>(resolve => {
    release = () => resolve(undefined);
  });
  const arrived = new Promise<void>(resolve => {
    stack.dynamoDb.intercept = ({ operation }) => {
      if (operation !== 'BatchWriteItem') return undefined;
      stack.dynamoDb.intercept = undefined;
      resolve();
      return released;
    };
  });
  const dead = stack.poll('poll', { clockOffsetMs: -50 * MINUTE });
  await arrived;
  await stack.poller.kill();
  await dead;
  const ended = running.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE'));
  await stack.run('poll', { clockOffsetMs: -40 * MINUTE });
  expect(stack.published()).toEqual(outcomes(ended));
  release();
  await new Promise(resolve => setTimeout(resolve, 300)); // the write has reached the table
  for (let polls = 0; polls < 3; polls += 1) await stack.run('poll', { clockOffsetMs: polls * MINUTE });
  expect([...new Set(stack.published())]).toEqual(outcomes(ended));
  expect(stack.published().length - ended.length).toBeLessThanOrEqual(10);
});
