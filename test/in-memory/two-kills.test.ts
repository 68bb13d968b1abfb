/**
 * The process dies twice. Nothing changes between two writes, so a kill after a write is equivalent to kills before the
 * following reads and before the next write. So these are all pairs.
 */
import type { InvocationMode } from '../../lambdas/poller/invocation';
import { MINUTE } from '../durations';
import { type EngineStack, openEngineStack } from '../engine-stack';
import { interceptAll, isQuiet, lease, publish, record, scenarios, tableOf } from '../integration/crash-scenarios';

const writing = new Set<string | undefined>([lease, publish, record]);
/** By each attempt, the dead run's lease has expired. */
const at = (attempt: number) => ({ clockOffsetMs: attempt * 2 * MINUTE });

let total = 0;
afterAll(
  () => void process.stdout.write(`Killed twice: ${total} lives in ${Object.keys(scenarios).length} scenarios\n`),
);

test.each(Object.entries(scenarios))(
  '%s: nothing lost, at most a batch repeated for each kill, and the table ends the same',
  async (_, { settings, prepare, entryFault, mode = 'poll' as const }) => {
    const stack: EngineStack = await openEngineStack(settings);
    const expected = await prepare(stack);
    const tasks = JSON.stringify(stack.store);
    const items = await stack.items();
    const begin = async () => {
      await stack.reset();
      stack.store.fromJSON(JSON.parse(tasks));
      await stack.putItems(items);
      stack.eventBridge.entryFault = entryFault?.(stack);
    };

    /** @returns the write after which it was killed; undefined when there were fewer writes */
    async function runAndKill(attempt: number, nth: number, first: InvocationMode): Promise<string | undefined> {
      let writes = 0;
      let killedAfter: string | undefined;
      interceptAll(stack, async ({ operation }) => {
        if (!writing.has(operation) || writes++ !== nth) return undefined;
        killedAfter = operation;
        await stack.poller.kill();
        return { when: 'after', how: 'hang' };
      });
      for (let runs = 0; runs < 30; runs += 1) {
        const { result, error } = await stack.poll(runs === 0 ? first : 'poll', at(attempt));
        if (killedAfter !== undefined) {
          if (error?.name !== 'ProcessDied') throw new Error(`It lives on: ${JSON.stringify(result)}`);
          break;
        }
        if (result && isQuiet(result)) break;
      }
      interceptAll(stack);
      return killedAfter;
    }

    await begin();
    await runAndKill(0, Number.POSITIVE_INFINITY, mode);
    const undisturbed = await tableOf(stack);

    let pairs = 0;
    for (let first = 0, wasKilled = true; wasKilled; first += 1) {
      for (let second = 0, wasKilledAgain = true; wasKilledAgain; second += 1) {
        await begin();
        const kills = [await runAndKill(0, first, mode)];
        wasKilled = kills[0] !== undefined;
        if (!wasKilled) break;
        kills.push(await runAndKill(1, second, 'poll'));
        wasKilledAgain = kills[1] !== undefined;
        pairs += 1;
        await stack.runUntilQuiet(30, at(2));
        const repeats = stack.eventBridge.events.length - expected.length;
        const batches = kills.filter(operation => operation === publish).length;
        expect({
          first,
          second,
          published: [...new Set(stack.published())],
          isBounded: repeats <= 10 * batches,
        }).toEqual({ first, second, published: expected, isBounded: true });
        expect(new Set(stack.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(expected.length);
        expect(await tableOf(stack)).toEqual(undisturbed);
      }
    }
    expect(pairs).toBeGreaterThanOrEqual(4);
    total += pairs;
    await stack.close();
  },
  180_000,
);
