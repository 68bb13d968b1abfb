/**
 * A process that dies at any request, and a table that is as it was at any moment: then the poller is started again
 * until all is quiet, and what it has published and recorded is compared with what it does when nothing happens.
 */
import type { Call, Fault } from '../../local/services/service';
import { ago, DAY, HOUR, MINUTE } from '../durations';
import { type EngineStack, openEngineStack, outcomes } from '../engine-stack';

interface Scenario {
  readonly settings?: Record<string, unknown>;
  /** Prepares what the runs under test will meet, and says what must be published in the end. */
  readonly prepare: (stack: EngineStack) => Promise<string[]>;
  /** The first of those runs. */
  readonly mode?: 'audit';
  /** What there has to be among the requests, so that the scenario is what it says. */
  readonly asks: readonly string[];
}

const [lease, list, query] = ['UpdateItem', 'ListOpportunityFromEngagementTasks', 'Query'];
const [read, publish, record] = ['BatchGetItem', 'PutEvents', 'BatchWriteItem'];

const scenarios: Record<string, Scenario> = {
  'a first run': {
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      stack.addRunning(3, HOUR);
      stack.addEnded(4, () => ({ startTimeMs: Date.now() - HOUR }));
      // After the first run's beginning, even where that one is killed before it has noted when it began.
      return outcomes(stack.addEnded(3, () => ({ startTimeMs: Date.now() + HOUR })));
    },
  },
  'a quiet poll': {
    asks: [lease, list, query, read],
    prepare: async stack => {
      stack.addRunning(3, HOUR);
      await stack.runUntilQuiet();
      return [];
    },
  },
  'a burst of endings across pages': {
    settings: { headPageSize: 10, maxEventsPerRun: 15 },
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      return outcomes(stack.addEnded(24, () => ({ startTimeMs: Date.now() - 10 * MINUTE })));
    },
  },
  'a recheck of many running tasks': {
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      const running = stack.addRunning(40, HOUR);
      await stack.runUntilQuiet();
      const ended = running.filter((_, at) => at % 3 === 0);
      stack.store.remove(running[1]?.taskId as string);
      return outcomes(ended.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE')));
    },
  },
  'a run that tells of tasks that stall': {
    settings: { taskStalledEvents: true },
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -4 * HOUR });
      const running = stack.addRunning(14, 3 * HOUR);
      await stack.run('poll', { clockOffsetMs: -3 * HOUR });
      return outcomes(running);
    },
  },
  'an audit with drift beside a gap that is open': {
    settings: { emitSince: ago(DAY), backlogPageSize: 10 },
    mode: 'audit',
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run();
      const overlooked = stack.addEnded(24, at => ({ startTimeMs: Date.now() - HOUR - at * 5 * MINUTE }));
      const gap = { madeAt: ago(HOUR), floor: ago(2 * HOUR), news: { emissionFloor: ago(2 * HOUR) } };
      await stack.putItem({ ...(await stack.checkpoint()), gaps: [gap] });
      return outcomes(overlooked);
    },
  },
  'a backfill that takes several runs': {
    settings: { emitSince: ago(DAY), headPageSize: 5, backlogPageSize: 10, maxEventsPerRun: 10 },
    asks: [lease, list, query, read, publish, record],
    prepare: async stack => {
      const ended = stack.addEnded(28, at => ({ startTimeMs: Date.now() - HOUR - at * MINUTE }));
      stack.addEnded(4, () => ({ startTimeMs: Date.now() - 2 * DAY }));
      return outcomes(ended);
    },
  },
};

const later = { clockOffsetMs: 2 * MINUTE };

/** At each request of the poller; the test's own look at the table is none. */
function interceptAll(stack: EngineStack, intercept?: (call: Call) => Promise<Fault | undefined>): void {
  const others = intercept && (async (call: Call) => (call.operation === 'Scan' ? undefined : intercept(call)));
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = others;
}

const isQuiet = ({ outcome, gaps }: { outcome: string; gaps: number }) => outcome === 'complete' && gaps === 0;

/** The table without what a second attempt may change: times, counts of attempts, the owner of a lease that is over. */
async function tableOf(stack: EngineStack): Promise<object[]> {
  const aside = new Set(['leaseOwner', 'publishAttempts', 'fruitlessChecks', 'misses', 'expiresAt']);
  const isTime = (value: unknown) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value);
  const normal = (item: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(item).flatMap(([name, value]) =>
        aside.has(name) ? [] : [[name, isTime(value) ? 'a time' : value]],
      ),
    );
  return (await stack.items()).map(normal).sort((a, b) => (String(a.item) < String(b.item) ? -1 : 1));
}

describe.each(Object.entries(scenarios))('killed during %s', (_name, { settings, prepare, asks, ...scenario }) => {
  const mode = scenario.mode ?? 'poll';
  let stack: EngineStack;
  let expected: string[];
  let undisturbed: object[];
  const operations: string[] = [];
  /** The table before each request that changes it, and how many events were out by then. */
  const moments: { items: Record<string, unknown>[]; published: string[] }[] = [];
  let begin: () => Promise<void>;

  beforeAll(async () => {
    stack = await openEngineStack(settings);
    expected = await prepare(stack);
    const tasks = JSON.stringify(stack.store);
    const items = await stack.items();
    begin = async () => {
      await stack.reset();
      stack.store.fromJSON(JSON.parse(tasks));
      await stack.putItems(items);
    };
    await begin();
    interceptAll(stack, async ({ operation }) => {
      operations.push(operation);
      if (operation === lease || operation === record) {
        moments.push({ items: await stack.items(), published: stack.published() });
      }
      return undefined;
    });
    const first = await stack.run(mode);
    if (!isQuiet(first)) await stack.runUntilQuiet();
    interceptAll(stack);
    expect(first.drift > 0).toBe(mode === 'audit');
    expect(stack.published()).toEqual(expected);
    expect(new Set(operations)).toEqual(new Set(asks));
    undisturbed = await tableOf(stack);
  });
  afterAll(() => stack.close());

  async function expectTheSameEnd(): Promise<void> {
    expect([...new Set(stack.published())]).toEqual(expected);
    expect(new Set(stack.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(expected.length);
    expect(await tableOf(stack)).toEqual(undisturbed);
    expect(await stack.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });
  }

  test.each(['before', 'after'] as const)(
    '%s each request: nothing lost, a repeat has the same id, and the table ends the same',
    async when => {
      let killedAt = 0;
      for (let at = 0; ; at += 1) {
        await begin();
        let requests = 0;
        let doing: string | undefined;
        interceptAll(stack, async ({ operation }) => {
          if (requests++ !== at) return undefined;
          doing = operation;
          await stack.poller.kill();
          return { when, how: 'hang' }; // nobody is left to answer to
        });
        for (let runs = 0; runs < 30 && doing === undefined; runs += 1) {
          const { result, error } = await stack.poll(runs === 0 ? mode : 'poll');
          expect(error?.name).toBe(doing && 'ProcessDied');
          if (result && isQuiet(result)) break;
        }
        if (doing === undefined) break; // it was quiet before there were so many requests
        killedAt += 1;
        // An audit that nobody noted down is asked for again by the next day's schedule.
        if (mode === 'audit' && at === 0 && when === 'before') await stack.run('audit', later);
        await stack.runUntilQuiet(30, later); // by then the dead run's lease has ended

        await expectTheSameEnd();
        const unrecorded = doing === (when === 'before' ? record : publish);
        expect(stack.eventBridge.events.length - expected.length).toBeLessThanOrEqual(unrecorded ? 10 : 0);
      }
      expect(killedAt).toBe(operations.length);
    },
    180_000,
  );

  test('restarted from each state of the table on the way: before and after together are all there is', async () => {
    expect(moments.length).toBeGreaterThan(1);
    for (const { items, published } of moments) {
      const tasks = JSON.stringify(stack.store);
      await stack.reset();
      stack.store.fromJSON(JSON.parse(tasks));
      await stack.putItems(items);
      await stack.run(mode, later);
      await stack.runUntilQuiet(30, later);
      expect([...new Set([...published, ...stack.published()])].sort()).toEqual(expected);
      const repeats = published.length + stack.published().length - expected.length;
      expect(repeats).toBeLessThanOrEqual(10);
      expect(await tableOf(stack)).toEqual(undisturbed);
    }
  }, 180_000);
});
