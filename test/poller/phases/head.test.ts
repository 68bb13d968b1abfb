/** Many tasks that end at once: the number of List calls, and the progress of each poll. */
import { ago, DAY, HOUR, MINUTE } from '../../durations';
import { type EngineStack, isOverHttp, openEngineStack, outcomes } from '../../engine-stack';
import { errorAnswer } from '../../faults';

let stack: EngineStack;
afterEach(() => stack.close());

/** `BURST=100000 npx jest test/poller/phases/head` takes a minute or two. */
const largest = Number(process.env.BURST ?? (isOverHttp ? 1_000 : 4_000));
const pageSize = (tasks: number) => (tasks < 1_000 ? 20 : 100);

/** Throttles List calls after this number of pages in a poll. */
function throttleAfter(pages: number): () => void {
  let listed = 0;
  stack.partnerCentral.intercept = () => (listed++ < pages ? undefined : errorAnswer('ThrottlingException', 429));
  return () => {
    listed = 0;
  };
}

describe.each([
  ['a lookback of five minutes', 5],
  ['a lookback of a day', 1_440],
])('%s', (_, lookbackMinutes) => {
  test.each([
    [200, undefined],
    [200, 7],
    [largest, undefined],
    [largest, 7],
  ])(
    '%d tasks that end within a second, throttled after %p pages: at most 1.2 calls a page and 3 a poll',
    async (tasks, pagesAPoll) => {
      const size = pageSize(tasks);
      stack = await openEngineStack({ lookbackMinutes, headPageSize: size, backlogPageSize: size });
      await stack.run('poll', { clockOffsetMs: -2 * MINUTE });
      const ended = stack.addEnded(tasks, at => ({ startTimeMs: Date.now() - MINUTE - (at % 1_000) }));
      const nextPoll = pagesAPoll === undefined ? () => undefined : throttleAfter(pagesAPoll);
      let calls = 0;
      let polls = 0;
      for (let before = -1; stack.eventBridge.events.length < tasks; polls += 1) {
        expect(stack.eventBridge.events.length).toBeGreaterThan(before); // each poll makes progress
        before = stack.eventBridge.events.length;
        nextPoll();
        calls += (await stack.run('poll', { clockOffsetMs: polls * MINUTE })).listCalls;
      }
      process.stdout.write(`Burst of ${tasks}: ${calls} List calls in ${polls} polls\n`);
      expect(calls).toBeLessThanOrEqual((1.2 * tasks) / size + 3 * polls);
      expect(stack.published()).toEqual(outcomes(ended));
    },
    largest * 20 + 60_000,
  );
});

test.each([1, 2, 3])('publishes everything even if each poll is throttled after %d pages', async pages => {
  stack = await openEngineStack({ headPageSize: 20, backlogPageSize: 20 });
  await stack.run('poll', { clockOffsetMs: -2 * MINUTE });
  const ended = stack.addEnded(200, at => ({ startTimeMs: Date.now() - MINUTE - at }));
  const nextPoll = throttleAfter(pages);
  for (let polls = 0; polls < 40 && stack.eventBridge.events.length < 200; polls += 1) {
    nextPoll();
    await stack.run('poll', { clockOffsetMs: polls * MINUTE });
  }
  expect(stack.published()).toEqual(outcomes(ended));
});

describe('a late listed task', () => {
  test('behind a burst is found by the lookback, a few pages in each poll, without an audit', async () => {
    stack = await openEngineStack({ headPageSize: 20, backlogPageSize: 20, lookbackMinutes: 60, emitSince: ago(DAY) });
    await stack.run('poll', { clockOffsetMs: -30 * MINUTE });
    const ended = stack.addEnded(200, at => ({ startTimeMs: Date.now() - 2 * MINUTE - at * 1_000 }));
    await stack.run();
    const late = stack.addEnded(1, () => ({ startTimeMs: Date.now() - 5 * MINUTE }));
    const calls: number[] = [];
    for (let polls = 1; polls <= 30; polls += 1)
      calls.push((await stack.run('poll', { clockOffsetMs: polls * MINUTE })).listCalls);
    expect(stack.published()).toEqual(outcomes([...ended, ...late]));
    expect(Math.max(...calls)).toBeLessThanOrEqual(4);
    expect(await stack.run('audit', { clockOffsetMs: 31 * MINUTE })).toMatchObject({ drift: 0, published: 0 });
  });

  test("is found by the poll's only List call if its page covers the lookback", async () => {
    stack = await openEngineStack({ emitSince: ago(HOUR) });
    await stack.run();
    const late = stack.addEnded(3, at => ({ startTimeMs: Date.now() - at * MINUTE }));
    expect(await stack.run()).toMatchObject({ published: 3, listCalls: 1, gaps: 0 });
    expect(stack.published()).toEqual(outcomes(late));
  });
});
