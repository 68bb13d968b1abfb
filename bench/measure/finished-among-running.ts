import { MINUTE_MS, startOurs } from './side-by-side';

/** Many tasks finish at once while many others run: measured until a poll is complete. */
export interface FinishedAmongRunning {
  readonly running: number;
  readonly finished: number;
  readonly polls: number;
  readonly listCalls: number;
}

const RUNNING = 1_500;
const FINISHED = 1_000;
/** Newer finished tasks, which come first in the list of finished tasks. */
const NEWER = 1_000;
const MAX_POLLS = 10;

/** @throws Error when a task is not published exactly once */
export async function measureFinishedAmongRunning(directory: string, stackName: string): Promise<FinishedAmongRunning> {
  const { store, clock, poll, close } = await startOurs(directory, stackName);
  try {
    const oldest = clock.now() - 300 * MINUTE_MS;
    const tasks = Array.from({ length: RUNNING }, (_, index) => store.add({ startTimeMs: oldest + index * 1_000 }));
    store.addHistory({ count: NEWER, newestAt: clock.now() - MINUTE_MS, spacingMs: 1_000 });
    await poll();
    const finished = tasks.slice(0, FINISHED);
    for (const { taskId } of finished) store.set(taskId, { status: 'COMPLETE' });
    const events: string[] = [];
    let polls = 0;
    let listCalls = 0;
    let outcome: unknown;
    while (outcome !== 'complete') {
      if (polls === MAX_POLLS) throw new Error(`${FINISHED} events took more than ${MAX_POLLS} polls`);
      clock.advance(MINUTE_MS);
      const measured = await poll();
      events.push(...measured.events);
      listCalls += measured.listCalls;
      outcome = measured.result.outcome;
      polls += 1;
    }
    const expected = finished.map(({ taskId }) => `${taskId} COMPLETE`);
    if (events.sort().join() !== expected.sort().join()) throw new Error('A task was not published exactly once');
    return { running: RUNNING, finished: FINISHED, polls, listCalls };
  } finally {
    await close();
  }
}
