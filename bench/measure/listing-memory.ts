import { median } from '../report/cells';
import { MINUTE_MS, startOurs } from './side-by-side';

/** Memory of a poll that lists a whole history and publishes nothing. */
export interface ListingMemory {
  readonly tasks: number;
  /** Peak resident memory of the poll, above that of the loaded function: median of fresh processes. */
  readonly overIdleBytes: number;
  readonly idleBytes: number;
}

const ROUNDS = 5;
const PAGE_SIZE = 1_000;

/** @throws Error when a poll did not list all tasks */
export async function measureListingMemory(
  directory: string,
  stackName: string,
  tasks: number,
): Promise<ListingMemory> {
  const rounds: Omit<ListingMemory, 'tasks'>[] = [];
  while (rounds.length < ROUNDS) rounds.push(await listAll(directory, stackName, tasks));
  const medianOf = (name: keyof Omit<ListingMemory, 'tasks'>) => median(rounds.map(round => round[name]));
  return { tasks, overIdleBytes: medianOf('overIdleBytes'), idleBytes: medianOf('idleBytes') };
}

async function listAll(directory: string, stackName: string, tasks: number) {
  const ours = await startOurs(directory, stackName, { maxListCallsPerRun: tasks / PAGE_SIZE + 10 });
  try {
    const { store, stack, clock } = ours;
    store.addHistory({ count: tasks, newestAt: clock.now() - 60 * MINUTE_MS, spacingMs: 1_000 });
    await ours.poll();
    // A page out of order makes a poll sweep the whole list.
    let answers = 0;
    stack.partnerCentral.tamper = (_, output) => {
      answers += 1;
      return answers === 1 ? { ...output, TaskSummaries: (output.TaskSummaries as object[]).toReversed() } : output;
    };
    await ours.restart();
    const { peakRssBytes, idleRssBytes, result } = await ours.poll();
    if (Number(result.tasks) < tasks) throw new Error(`A poll listed ${result.tasks} of ${tasks} tasks`);
    return { overIdleBytes: peakRssBytes - idleRssBytes, idleBytes: idleRssBytes };
  } finally {
    await ours.close();
  }
}
