import { startOurs } from './side-by-side';

export interface Backfill {
  readonly tasks: number;
  readonly polls: number;
  readonly deadlineSeconds: number;
  readonly peakRssBytes: number;
  readonly right: number;
  readonly missing: number;
  readonly extra: number;
}

const DEADLINE_MS = 10_000;
const MAX_POLLS = 300;

/** Publishes a history after `emitSince` in polls of ten seconds, and compares the events with the tasks. */
export async function measureBackfill(directory: string, stackName: string, tasks: number): Promise<Backfill> {
  const newestAt = Date.now() - 3_600_000;
  const spacingMs = 1_000;
  const ours = await startOurs(directory, stackName, {
    emitSince: new Date(newestAt - tasks * spacingMs).toISOString(),
    maxEventsPerRun: 10_000, // the deadline, not the budget, ends a poll
  });
  try {
    ours.store.addHistory({ count: tasks, newestAt, spacingMs });
    const expected = new Set(ours.store.tasks().map(({ taskId, status }) => `${taskId} ${status}`));
    const seen = new Map<string, number>();
    let [polls, peakRssBytes, done] = [0, 0, false];
    while (!done && polls < MAX_POLLS) {
      const poll = await ours.poll({ timeoutMs: DEADLINE_MS });
      for (const event of poll.events) seen.set(event, (seen.get(event) ?? 0) + 1);
      polls += 1;
      peakRssBytes = Math.max(peakRssBytes, poll.peakRssBytes);
      done = poll.result.outcome === 'complete' && poll.result.gaps === 0;
    }
    const right = [...seen.keys()].filter(event => expected.has(event)).length;
    const all = [...seen.values()].reduce((sum, count) => sum + count, 0);
    return {
      tasks,
      polls,
      deadlineSeconds: DEADLINE_MS / 1_000,
      peakRssBytes,
      right,
      missing: tasks - right,
      extra: all - right,
    };
  } finally {
    await ours.close();
  }
}
