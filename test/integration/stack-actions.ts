/** Actions and queries of engine tests, for a stack in memory or over HTTP. */
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

export interface StackParts {
  readonly store: TaskStore;
  readonly poller: Poller;
  readonly partnerCentral: { readonly calls: CallCounts };
  readonly dynamoDb: { readonly calls: CallCounts };
  readonly eventBridge: { readonly calls: CallCounts; readonly events: readonly DeliveredEvent[] };
  item(sortKey: string): Promise<Item | undefined>;
  putItems(items: readonly Item[]): Promise<void>;
  removeItems(which: (item: Item) => boolean): Promise<void>;
}

export function stackActions({ store, poller, item, putItems, removeItems, ...services }: StackParts) {
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
    /** One run, which may fail. */
    poll: (mode: InvocationMode = 'poll', how?: InvokeOptions) => poller.invoke({ mode }, how),

    /** Runs until one is complete with no backlog; at most `most` runs. */
    async runUntilQuiet(most = 30, how?: InvokeOptions) {
      for (let runs = 1; runs <= most; runs += 1) {
        const { outcome, gaps } = await run('poll', how);
        if (outcome === 'complete' && gaps === 0) return runs;
      }
      throw new Error(`Not quiet after ${most} runs`);
    },

    /** Adds ended tasks, which by default started just now. */
    addEnded(count: number, more: (at: number) => Partial<Task> = () => ({})) {
      return Array.from({ length: count }, (_, at) =>
        store.add({ status: at % 3 === 2 ? 'FAILED' : 'COMPLETE', ...more(at) }),
      );
    },
    addRunning(count: number, startedAgo: number) {
      return Array.from({ length: count }, (_, at) => store.add({ startTimeMs: Date.now() - startedAgo - at * 1_000 }));
    },

    /** `taskId status` of all events, sorted, repeats included. */
    published: () => eventBridge.events.map(({ detail }) => `${detail.taskId} ${detail.taskStatus}`).sort(),

    row: (taskId: string) => item(`TASK#${taskId}`),
    checkpoint,
    putItem: (one: Item) => putItems([one]),

    async cursorOfNewestGap() {
      const { gaps } = (await checkpoint()) as { gaps: { cursor: { token: string } }[] };
      return gaps[0]?.cursor.token;
    },

    /** Deletes every row and the checkpoint. */
    loseTable: () => removeItems(() => true),
    /** Deletes the rows that have expired at that time; by default all that expire at any time. */
    expireRows: (at = Number.POSITIVE_INFINITY) =>
      removeItems(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1_000 <= at),

    /** Number of calls by kind since the last call. */
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
