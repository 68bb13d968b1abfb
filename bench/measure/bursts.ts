import { addEnded, median } from '../report/cells';
import { functionNodeVersion } from './function-node';
import { type Measured, MINUTE_MS, type Ours, type Peer, startOurs, startPeer } from './side-by-side';

/** Many tasks that end within one poll, for this poller and for the peer. */
export interface Bursts {
  readonly tasks: number;
  /** Of the Node.js that runs both. */
  readonly nodeMajor: number;
  /** CPU time of this poller over that of the peer: the median of rounds in which both took the same tasks. */
  readonly cpuRatio: number;
  /** Medians. */
  readonly oursCpuMs: number;
  readonly peerCpuMs: number;
}

const HISTORY = 1_000;
const TASKS = 1_000;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 15;
const MOST_POLLS = 10;

/** @throws Error when one of the pollers does not publish every task once */
export async function measureBursts(directory: string, stackName: string, peerBundle: string): Promise<Bursts> {
  const ours = await startOurs(directory, stackName);
  const peer = await startPeer(peerBundle, ours.stack);
  try {
    // Without a history, each run would be the peer's first, which publishes nothing.
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
      await peer.forget(ended);
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
    if (polls.length === MOST_POLLS) throw new Error(`${expected.length} events took more than ${MOST_POLLS} polls`);
    clock.advance(MINUTE_MS);
    polls.push(await poller.poll());
  }
  const events = polls.flatMap(poll => poll.events).sort();
  if (events.join() !== [...expected].sort().join()) throw new Error('A burst was not published as it ended');
  return polls.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}
