import { addEnded, median } from '../report/cells';
import { functionNodeVersion } from './function-node';
import { type Measured, MINUTE_MS, type Ours, type Peer, startOurs, startPeer } from './side-by-side';

/** Many tasks that finish before one poll, for this poller and for the peer. */
export interface Bursts {
  readonly tasks: number;
  /** Major version of the Node.js that runs both. */
  readonly nodeMajor: number;
  /** CPU time of this poller divided by the peer's: median of rounds with the same tasks for both. */
  readonly cpuRatio: number;
  /** Medians. */
  readonly oursCpuMs: number;
  readonly peerCpuMs: number;
}

const HISTORY = 1_000;
const TASKS = 1_000;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 15;
const MAX_POLLS = 10;

/** @throws Error when one of the pollers does not publish every task once */
export async function measureBursts(directory: string, stackName: string, peerBundle: string): Promise<Bursts> {
  const ours = await startOurs(directory, stackName);
  const peer = await startPeer(peerBundle, ours.stack);
  try {
    // Without rows, each run of the peer would be its first, which publishes nothing.
    ours.store.addHistory({ count: HISTORY, newestAt: ours.clock.now() - 60 * MINUTE_MS, spacingMs: MINUTE_MS });
    for (const poller of [ours, peer]) await poller.poll();
    const rounds: { oursCpuMs: number; peerCpuMs: number }[] = [];
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
      const expected = addEnded(ours, TASKS);
      const measured = {
        oursCpuMs: await cpuUntilPublished(ours, expected, ours),
        peerCpuMs: await cpuUntilPublished(peer, expected, ours),
      };
      if (round >= WARM_UP_ROUNDS) rounds.push(measured);
      const ended = expected.map(outcome => outcome.split(' ')[0] as string);
      for (const taskId of ended) ours.store.remove(taskId);
      await peer.deleteRows(ended);
    }
    return {
      tasks: TASKS,
      nodeMajor: Number.parseInt(functionNodeVersion(), 10),
      cpuRatio: median(rounds.map(({ oursCpuMs, peerCpuMs }) => oursCpuMs / peerCpuMs)),
      oursCpuMs: median(rounds.map(({ oursCpuMs }) => oursCpuMs)),
      peerCpuMs: median(rounds.map(({ peerCpuMs }) => peerCpuMs)),
    };
  } finally {
    await peer.close();
    await ours.close();
  }
}

async function cpuUntilPublished(poller: Ours | Peer, expected: readonly string[], { clock }: Ours): Promise<number> {
  const polls: Measured[] = [];
  while (polls.flatMap(({ events }) => events).length < expected.length) {
    if (polls.length === MAX_POLLS) throw new Error(`${expected.length} events took more than ${MAX_POLLS} polls`);
    clock.advance(MINUTE_MS);
    polls.push(await poller.poll());
  }
  const events = polls.flatMap(poll => poll.events).sort();
  if (events.join() !== [...expected].sort().join()) throw new Error('The events of a burst differ from its tasks');
  return polls.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}
