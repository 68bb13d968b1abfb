/**
 * Kills the process at every request, or starts from every state of the table. Then the poller runs until it is quiet, and
 * its events and rows are compared with those of an undisturbed run.
 */
import { type EngineStack, isOverHttp, openEngineStack } from '../engine-stack';
import {
  interceptAll,
  isQuiet,
  later,
  lease,
  publish,
  record,
  type Scenario,
  scenarios,
  tableOf,
} from './crash-scenarios';

/** Tested in memory only: over HTTP, they make the same requests as the other scenarios. */
const inMemoryOnly = [
  'tasks that run again and end differently',
  'a nudge',
  'a run after a failed record',
  'a burst in which one event is refused',
];
const tested = Object.entries(scenarios).filter(([name]) => !isOverHttp || !inMemoryOnly.includes(name));

/** Half of the time over HTTP. They have a test file of their own, because Jest runs files in parallel. */
const longest = ['a burst of finished tasks across pages', 'a backfill that takes several runs'];
export const shortScenarios = tested.filter(([name]) => !longest.includes(name));
export const longScenarios = longest.map(name => [name, scenarios[name] as Scenario] as const);

/** The tests of one scenario, inside its `describe`. */
export function testKills({ settings, prepare, requiredOperations, entryFault, ...scenario }: Scenario): void {
  const mode = scenario.mode ?? 'poll';
  let stack: EngineStack;
  let expected: string[];
  let undisturbed: object[];
  const operations: string[] = [];
  /** The table before each request that changes it, and the events published by then. */
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
      stack.eventBridge.entryFault = entryFault?.(stack);
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
    expect(new Set(operations)).toEqual(new Set(requiredOperations));
    undisturbed = await tableOf(stack);
  });
  afterAll(() => stack.close());

  async function expectSameState(): Promise<void> {
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
          return { when, how: 'hang' }; // no process is left to answer
        });
        for (let runs = 0; runs < 30 && doing === undefined; runs += 1) {
          const { result, error } = await stack.poll(runs === 0 ? mode : 'poll');
          expect(error?.name).toBe(doing && 'ProcessDied');
          if (result && isQuiet(result)) break;
        }
        if (doing === undefined) break; // the poller was quiet after fewer requests
        killedAt += 1;
        // The next day's schedule repeats an audit request that was not recorded.
        if (mode === 'audit' && at === 0 && when === 'before') await stack.run('audit', later);
        await stack.runUntilQuiet(30, later); // the dead run's lease has expired by then

        await expectSameState();
        const unrecorded = doing === (when === 'before' ? record : publish);
        expect(stack.eventBridge.events.length - expected.length).toBeLessThanOrEqual(unrecorded ? 10 : 0);
      }
      expect(killedAt).toBe(operations.length);
    },
    180_000,
  );

  test('restarted from each state of the table: events before and after the restart are complete', async () => {
    expect(moments.length).toBeGreaterThan(1);
    for (const { items, published } of moments) {
      const tasks = JSON.stringify(stack.store);
      await stack.reset();
      stack.store.fromJSON(JSON.parse(tasks));
      await stack.putItems(items);
      stack.eventBridge.entryFault = entryFault?.(stack);
      await stack.run(mode, later);
      await stack.runUntilQuiet(30, later);
      expect([...new Set([...published, ...stack.published()])].sort()).toEqual(expected);
      const repeats = published.length + stack.published().length - expected.length;
      expect(repeats).toBeLessThanOrEqual(10);
      expect(await tableOf(stack)).toEqual(undisturbed);
    }
  }, 180_000);
}
