/** What tests of the engine ask of a stack, whether it lives in memory or answers over HTTP. */
import type { InvocationMode } from '../../lambdas/poller/invocation';
import type { Summary } from '../../lambdas/poller/run';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import type { InvokeOptions } from '../../local/services/function-host';
import type { CallCounts } from '../../local/services/service';
import type { Task, TaskStore } from '../../local/services/task-store';

type Item = Record<string, unknown>;

export interface Poller {
  invoke(
    input: { mode: InvocationMode },
    how?: InvokeOptions,
  ): Promise<{ result?: Summary | undefined; error?: { name: string; message: string } | undefined }>;
  kill(): Promise<void>;
}

export interface Basics {
  readonly store: TaskStore;
  readonly poller: Poller;
  readonly partnerCentral: { readonly calls: CallCounts };
  readonly dynamoDb: { readonly calls: CallCounts };
  readonly eventBridge: { readonly calls: CallCounts; readonly events: readonly DeliveredEvent[] };
  item(sortKey: string): Promise<Item | undefined>;
  putItems(items: readonly Item[]): Promise<void>;
  removeItems(which: (item: Item) => boolean): Promise<void>;
}

export function questions({ store, poller, item, putItems, removeItems, ...services }: Basics) {
  const { partnerCentral, dynamoDb, eventBridge } = services;
  const calls = (...operations: string[]) =>
    operations.reduce((sum, operation) => sum + dynamoDb.calls.of(operation), 0);
  const checkpoint = () => item('CHECKPOINT');

  /** One run that must not throw. */
  async function run(mode: InvocationMode = 'poll', how?: InvokeOptions, by: Poller = poller): Promise<Summary> {
    const { result, error } = await by.invoke({ mode }, how);
    if (error) throw new Error(`The run failed: ${error.name}: ${error.message}`);
    return result as Summary;
  }

  return {
    run,
    /** One run, whatever becomes of it. */
    poll: (mode: InvocationMode = 'poll', how?: InvokeOptions) => poller.invoke({ mode }, how),

    /** Runs until one is complete with no backlog; at most `most` runs. */
    async runUntilQuiet(most = 30, how?: InvokeOptions) {
      for (let runs = 1; runs <= most; runs += 1) {
        const { outcome, gaps } = await run('poll', how);
        if (outcome === 'complete' && gaps === 0) return runs;
      }
      throw new Error(`Not quiet after ${most} runs`);
    },

    /** Ended tasks that started just now unless told. */
    addEnded(count: number, more: (at: number) => Partial<Task> = () => ({})) {
      return Array.from({ length: count }, (_, at) =>
        store.add({ status: at % 3 === 2 ? 'FAILED' : 'COMPLETE', ...more(at) }),
      );
    },
    addRunning(count: number, startedAgo: number) {
      return Array.from({ length: count }, (_, at) => store.add({ startTimeMs: Date.now() - startedAgo - at * 1_000 }));
    },

    /** `taskId status`, sorted: what was published, repeats included. */
    published: () => eventBridge.events.map(({ detail }) => `${detail.taskId} ${detail.taskStatus}`).sort(),

    row: (taskId: string) => item(`TASK#${taskId}`),
    checkpoint,
    putItem: (one: Item) => putItems([one]),

    async cursorOfNewestGap() {
      const { gaps } = (await checkpoint()) as { gaps: { cursor: { token: string } }[] };
      return gaps[0]?.cursor.token;
    },

    /** Every row and the checkpoint are gone. */
    loseTable: () => removeItems(() => true),
    /** The rows that have expired by then are gone; without a moment, all that may expire. */
    expireRows: (at = Number.POSITIVE_INFINITY) =>
      removeItems(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1_000 <= at),

    /** Calls of the last runs by operation, and from 0 again. */
    takeCalls() {
      const list = partnerCentral.calls.total;
      const writes = calls('UpdateItem', 'BatchWriteItem', 'PutItem');
      const reads = calls('Query', 'BatchGetItem', 'GetItem');
      const puts = eventBridge.calls.of('PutEvents');
      for (const service of [partnerCentral, dynamoDb, eventBridge]) service.calls.reset();
      return { list, writes, reads, puts };
    },
  };
}
