/** A second source in the same table, with the same task ids. Each source has its own rows, lease and events. */
import type { Settings } from '../../lambdas/poller/settings';
import type { LifeStack } from './disturbance';

export function openSecondSource(stack: LifeStack, taskFamily: Settings['taskFamily']) {
  const poller = stack.anotherPoller({ catalog: 'AWS', taskFamily });
  const store = stack.partnerCentral.store('AWS', taskFamily);
  const started = new Set<string>();
  /** Running tasks at the last poll. */
  let seen: readonly string[] = [];

  async function poll(how: { clockOffsetMs: number; clockSkewMs: number }): Promise<void> {
    for (const taskId of seen) store.set(taskId, { status: 'COMPLETE' });
    const { result, error } = await poller.invoke({ mode: 'poll' }, how);
    if (error || result?.outcome !== 'complete')
      throw new Error(`Polls of the second source are always complete: ${JSON.stringify(error ?? result)}`);
    seen = store.inProgressIds();
  }

  return {
    poll,
    begin() {
      store.fromJSON({ nextNumber: 0, tasks: [], clientTokens: [] });
      started.clear();
      seen = [];
    },
    forget() {
      seen = [];
    },
    start(taskIds: readonly string[], at: number) {
      for (const taskId of taskIds) {
        store.add({ taskId, startTimeMs: at });
        started.add(taskId);
      }
    },
    /** Each of its tasks ended once and was published once, whatever happened to the first source. */
    async expectEachOnce(how: { clockOffsetMs: number; clockSkewMs: number }): Promise<void> {
      await poll(how);
      await poll({ ...how, clockOffsetMs: how.clockOffsetMs + 60_000 });
      const events = stack.eventBridge.events.filter(({ detail }) => detail.catalog === 'AWS');
      const published = events.map(({ detail }) => `${detail.taskId} ${detail.taskStatus}`).sort();
      expect(published).toEqual([...started].map(taskId => `${taskId} COMPLETE`).sort());
    },
  };
}
