/** Follows and nudges with the real bundle. test/poller/invocation.test.ts shows which polls an invocation makes. */
import { MINUTE } from '../durations';
import { openTestStack, type TestStack } from './test-stack';

let stack: TestStack;
/** Requested pauses of the function. They take no time here. */
const pauses: number[] = [];
let duringPause: () => void = () => undefined;
let poller: ReturnType<TestStack['anotherPoller']>;

beforeAll(async () => {
  stack = await openTestStack();
  let clockOffsetMs = 0;
  poller = stack.anotherPoller({ followMinutes: 5 }, async ms => {
    pauses.push(ms);
    clockOffsetMs += ms;
    duringPause();
    return Math.round(clockOffsetMs);
  });
});
beforeEach(() => {
  pauses.length = 0;
  duringPause = () => undefined;
});
afterAll(() => stack.close());

const polls = () =>
  stack.logs.flatMap(line => {
    const { message, mode, outcome } = JSON.parse(line) as Record<string, unknown>;
    return message === 'Run' ? [`${mode} ${outcome}`] : [];
  });

test('an invocation follows a young task until its event is published, with a summary and a heartbeat for each poll', async () => {
  const { taskId } = stack.store.add();
  duringPause = () => {
    if (pauses.filter(ms => ms >= 2_000).length === 2) stack.store.end(taskId, 'COMPLETE');
  };
  const { result } = await poller.invoke({ mode: 'poll' });
  expect(result).toMatchObject({ mode: 'poll', outcome: 'complete', published: 0 });
  expect(polls()).toEqual(['poll complete', 'follow complete', 'follow complete']);
  expect(stack.published()).toEqual([`${taskId} COMPLETE`]);
  expect(stack.logs.filter(line => line.includes('"CompleteRuns":1'))).toHaveLength(3);
  const [{ lagSeconds }] = stack.logs.map(line => JSON.parse(line)).filter(line => 'lagSeconds' in line);
  expect(lagSeconds).toBeLessThan(4); // the last pause; with the schedule alone a minute
});

test('a nudge polls', async () => {
  const { taskId } = stack.store.add({ status: 'FAILED' });
  const { result } = await poller.invoke({ mode: 'nudge' }, { clockOffsetMs: 5 * MINUTE });
  expect(result).toMatchObject({ mode: 'nudge', outcome: 'complete', published: 1 });
  expect(stack.published()).toContain(`${taskId} FAILED`);
});

test('fails when the input is none of the three modes', async () => {
  const { error } = await poller.invoke({ mode: 'nudge', taskId: 'task-1' });
  expect(error?.message).toContain('allowed: {"mode":"poll"} or {"mode":"audit"} or {"mode":"nudge"}');
});
