/** Polls of one invocation: the requested one, follows, and those requested by nudges. */
import { MINUTE } from '../durations';
import { openMemoryStack } from '../in-memory/test-stack';

const SECOND = 1_000;

function open(settings: Record<string, unknown> = {}) {
  const stack = openMemoryStack({ followMinutes: 5, ...settings });
  const startedAt = stack.now();
  return Object.assign(stack, {
    /** Seconds from the beginning to each poll, with its mode. */
    polls: () =>
      stack.summaries.map(({ mode, outcome, milliseconds }, at) => {
        const began = (ends[at] as number) - milliseconds - startedAt;
        return `${mode} ${Math.round(began / SECOND)}${outcome === 'complete' ? '' : ` ${outcome}`}`;
      }),
    elapsed: () => stack.now() - startedAt,
    /** Ends a task after this number of seconds. */
    endAfter(taskId: string, seconds: number) {
      stack.pauses.during = () => {
        if (stack.now() - startedAt >= seconds * SECOND) stack.store.end(taskId, 'COMPLETE');
      };
    },
  });
}

let ends: number[];
beforeEach(() => {
  ends = [];
});

/** Records when each poll ended. */
function watchEnds(stack: ReturnType<typeof openMemoryStack>) {
  const push = stack.summaries.push.bind(stack.summaries);
  stack.summaries.push = (...all) => {
    ends.push(...all.map(() => stack.now()));
    return push(...all);
  };
}

describe('following', () => {
  test('while a task is young, until it has finished', async () => {
    const stack = open();
    watchEnds(stack);
    const { taskId } = stack.store.add();
    stack.endAfter(taskId, 10);
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.polls()).toEqual(['poll 0', 'follow 2', 'follow 5', 'follow 7', 'follow 11']);
    expect(stack.eventBridge.events).toHaveLength(1);
    expect(stack.partnerCentral.calls.total).toBe(6); // the first run also lists running tasks
  });

  test('ends with the time of the invocation', async () => {
    const stack = open();
    watchEnds(stack);
    stack.store.add();
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.polls().at(-1)).toBe('follow 37');
    expect(stack.elapsed()).toBeLessThan(45 * SECOND);
  });

  test('a task that the index does not show yet', async () => {
    const stack = open();
    stack.dynamoDb.indexLagMs = 20 * SECOND;
    stack.store.add();
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.summaries.length).toBeGreaterThan(5);
  });

  test.each<[string, Record<string, unknown>, (stack: ReturnType<typeof open>) => void]>([
    ['nothing runs', {}, stack => stack.store.add({ status: 'COMPLETE' })],
    ['the running task is old', {}, stack => stack.store.add({ startTimeMs: stack.now() - 6 * MINUTE })],
    [
      'the running task has no start time',
      {},
      stack => {
        stack.store.add();
        stack.partnerCentral.tamper = (_, output) => ({
          ...output,
          TaskSummaries: (output.TaskSummaries as object[]).map(task => ({ ...task, StartTime: null })),
        });
      },
    ],
    ['it is switched off', { followMinutes: 0 }, stack => stack.store.add()],
    ['the remaining daily calls are too few for a poll', { maxExtraListCallsPerDay: 99 }, stack => stack.store.add()],
  ])('not if %s', async (_, settings, prepare) => {
    const stack = open(settings);
    prepare(stack);
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.summaries).toHaveLength(1);
    expect(stack.dynamoDb.calls.of('UpdateItem')).toBe(2); // one lease, taken and released
  });

  test('not after an incomplete poll', async () => {
    const stack = open();
    await stack.poller.invoke({ mode: 'poll' });
    stack.pass(MINUTE);
    stack.summaries.length = 0;
    stack.store.add();
    stack.store.add({ status: 'FAILED' });
    stack.eventBridge.intercept = async () => ({ when: 'before', how: { status: 503 } });
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.summaries).toMatchObject([{ outcome: 'partial' }]);
  });

  test('not in an audit, whose caller waits for the answer', async () => {
    const stack = open();
    stack.store.add();
    await stack.poller.invoke({ mode: 'audit' });
    expect(stack.summaries).toHaveLength(1);
  });

  test('only by the invocation that polled last', async () => {
    const stack = open();
    const other = stack.anotherPoller({ followMinutes: 0 });
    stack.store.add();
    stack.pauses.during = async ms => {
      if (ms > 2_100) await other.invoke({ mode: 'poll' });
    };
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.summaries.map(({ mode }) => mode)).toEqual(['poll', 'follow', 'poll']);
  });
});

describe('a nudge', () => {
  test('polls immediately', async () => {
    const stack = open();
    watchEnds(stack);
    await stack.poller.invoke({ mode: 'poll' });
    stack.pass(10 * SECOND);
    stack.store.add({ status: 'FAILED' });
    await stack.poller.invoke({ mode: 'nudge' });
    expect(stack.polls()).toEqual(['poll 0', 'nudge 10']);
    expect(stack.eventBridge.events).toHaveLength(1);
  });

  test('can be the first poll of a stack', async () => {
    const stack = open();
    await stack.poller.invoke({ mode: 'nudge' });
    expect(stack.summaries).toMatchObject([{ mode: 'nudge', outcome: 'complete' }]);
  });

  test('less than three seconds after a poll waits for the rest of them', async () => {
    const stack = open();
    watchEnds(stack);
    await stack.poller.invoke({ mode: 'poll' });
    stack.pass(1 * SECOND);
    await stack.poller.invoke({ mode: 'nudge' });
    expect(stack.polls()).toEqual(['poll 0', 'nudge 3']);
  });

  test('during a poll makes that invocation poll again', async () => {
    const stack = open();
    watchEnds(stack);
    const other = stack.anotherPoller();
    stack.partnerCentral.intercept = async () => {
      stack.partnerCentral.intercept = undefined;
      await other.invoke({ mode: 'nudge' });
      return undefined;
    };
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.polls()).toEqual(['poll 0', 'follow 3']);
  });

  test('does nothing if a poll has started since', async () => {
    const stack = open();
    const other = stack.anotherPoller();
    stack.dynamoDb.intercept = async ({ operation }) => {
      if (operation !== 'BatchGetItem') return undefined;
      stack.dynamoDb.intercept = undefined;
      await other.invoke({ mode: 'poll' });
      return undefined;
    };
    await stack.poller.invoke({ mode: 'nudge' });
    expect(stack.summaries.map(({ mode }) => mode)).toEqual(['poll']);
  });

  test('does nothing when the daily calls are used up, and polls again the next day', async () => {
    const stack = open({ maxExtraListCallsPerDay: 102 });
    const nudge = async () => {
      stack.pass(MINUTE);
      stack.summaries.length = 0;
      await stack.poller.invoke({ mode: 'nudge' });
      return stack.summaries.length;
    };
    await stack.poller.invoke({ mode: 'poll' });
    const polls: number[] = [];
    for (let at = 0; at < 5; at += 1) polls.push(await nudge());
    expect(polls).toEqual([1, 1, 1, 0, 0]);
    await stack.poller.invoke({ mode: 'poll' });
    expect(stack.summaries).toMatchObject([{ outcome: 'complete' }]);
    stack.pass(24 * 60 * MINUTE);
    expect(await nudge()).toBe(1);
  });

  test("does nothing if it can't read the lease", async () => {
    const stack = open();
    stack.dynamoDb.intercept = async () => ({ when: 'before', how: { status: 503 } });
    expect(await stack.poller.invoke({ mode: 'nudge' })).not.toHaveProperty('error');
    expect(stack.summaries).toEqual([]);
  });

  test('counts its reserved calls if its process dies', async () => {
    const stack = open({ maxExtraListCallsPerDay: 150 });
    await stack.poller.invoke({ mode: 'poll' });
    stack.pass(MINUTE);
    stack.partnerCentral.intercept = async () => {
      await stack.poller.kill();
      return { when: 'before', how: 'hang' };
    };
    await stack.poller.invoke({ mode: 'nudge' });
    stack.partnerCentral.intercept = undefined;
    stack.pass(2 * MINUTE);
    await stack.poller.invoke({ mode: 'nudge' });
    expect(stack.summaries.map(({ mode }) => mode)).toEqual(['poll']);
    expect((await stack.checkpoint())?.extraCallsReserved).toBe(200);
    await stack.poller.invoke({ mode: 'poll' });
    expect(await stack.checkpoint()).toMatchObject({ extraCallsReserved: 0, extraCalls: { made: 200 } });
  });
});

test('1,000 nudges at once make the List calls of two polls', async () => {
  const stack = open();
  await stack.poller.invoke({ mode: 'poll' });
  stack.pass(MINUTE);
  const before = stack.partnerCentral.calls.total;
  stack.partnerCentral.intercept = async () => {
    stack.partnerCentral.intercept = undefined;
    const others = Array.from({ length: 999 }, () => stack.anotherPoller().invoke({ mode: 'nudge' }));
    await Promise.all(others);
    return undefined;
  };
  await stack.poller.invoke({ mode: 'nudge' });
  const calls = stack.partnerCentral.calls.total - before;
  process.stdout.write(`A storm of 1,000 nudges: ${calls} List calls\n`);
  expect(calls).toBe(2);
});
