import { leaveLookback, median, pollUntilComplete, TYPICAL_RUNNING } from '../report/cells';
import type { Ours } from './side-by-side';

/** A quiet poll of this poller with 20 tasks running. */
export interface QuietPoll {
  readonly history: number;
  readonly listCalls: number;
  /** Median of many. */
  readonly cpuMs: number;
}

const WARM_UP_ROUNDS = 15;
const ROUNDS = 61;

/**
 * Measures quiet polls of several histories alternately, so that other load on the machine affects all of them equally.
 * @param all with at least TYPICAL_RUNNING running tasks; the surplus is ended first
 */
export async function measureQuietPolls(all: readonly { history: number; ours: Ours }[]): Promise<QuietPoll[]> {
  for (const { ours } of all) await prepare(ours);
  const measured = all.map(({ history, ours }) => ({
    history,
    ours,
    listCalls: [] as number[],
    cpuMs: [] as number[],
  }));
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
    for (const { ours, listCalls, cpuMs } of measured) {
      const poll = await ours.poll();
      if (round < WARM_UP_ROUNDS) continue;
      listCalls.push(poll.listCalls);
      cpuMs.push(poll.cpuMs);
    }
  }
  return measured.map(({ history, listCalls, cpuMs }) => ({
    history,
    listCalls: Math.max(...listCalls),
    cpuMs: median(cpuMs),
  }));
}

async function prepare(ours: Ours): Promise<void> {
  const { store } = ours;
  const ended = store.inProgressIds().slice(TYPICAL_RUNNING);
  for (const taskId of ended) store.end(taskId, 'COMPLETE');
  await pollUntilComplete(ours);
  for (const taskId of ended) store.remove(taskId);
  await leaveLookback(ours);
  await ours.restart();
}
