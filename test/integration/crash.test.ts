/**
 * A process that dies at any request, and a table that is as it was at any moment: then the poller is started again
 * until all is quiet, and what it has published and recorded is compared with what it does when nothing happens.
 */
import { type EngineStack, isOverHttp, openEngineStack } from '../engine-stack';
import { interceptAll, isQuiet, later, lease, publish, record, scenarios, tableOf } from './crash-scenarios';

/** Which decisions follow a death is shown in memory. These make the same requests as the others. */
const inMemoryOnly = [
  'tasks that run again and end otherwise',
  'a nudge',
  'a run that doubts whether the table takes rows',
  'a burst in which one event is refused',
];
const played = Object.entries(scenarios).filter(([name]) => !isOverHttp || !inMemoryOnly.includes(name));

describe.each(played)('killed during %s', (_name, { settings, prepare, asks, entryFault, ...scenario }) => {
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
      stack.eventBridge.entryFault = entryFault?.(stack);
      await stack.run(mode, later);
      await stack.runUntilQuiet(30, later);
      expect([...new Set([...published, ...stack.published()])].sort()).toEqual(expected);
      const repeats = published.length + stack.published().length - expected.length;
      expect(repeats).toBeLessThanOrEqual(10);
      expect(await tableOf(stack)).toEqual(undisturbed);
    }
  }, 180_000);
});
