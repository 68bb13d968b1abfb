/** Measures lost events when EventBridge throttles one entry in ten, once: HTTP 200, FailedEntryCount 1. */
import type { EntryError, WireEntry } from '../../local/services/event-bridge';
import { addEnded, type Bench, type Cell, tally } from '../report/cells';
import { type Measured, MINUTE_MS } from './side-by-side';

/** More than the pollers need: an event missing after these stays missing. */
const POLLS = 4;

export async function measureThrottledEntries(
  { ours, peer, history }: Omit<Bench, 'reportProgress'>,
  finished = 1_000,
): Promise<Cell[]> {
  const running = ours.store.inProgressIds().length;
  const expected = addEnded(ours, finished);
  const cells: Cell[] = [];
  for (const [name, poller] of [['ours', ours] as const, ['peer', peer] as const]) {
    poller.eventBridge.entryFault = everyTenthOnce();
    const polls: Measured[] = [];
    while (polls.length < POLLS) {
      ours.clock.advance(MINUTE_MS);
      polls.push(await poller.poll());
    }
    poller.eventBridge.entryFault = undefined;
    cells.push({ history, running, finished, poller: name, ...tally(polls, expected) });
  }
  return cells;
}

function everyTenthOnce() {
  const seen = new Set<unknown>();
  return ({ Detail }: WireEntry): EntryError | undefined => {
    const { taskId } = JSON.parse(Detail ?? '{}');
    if (seen.has(taskId)) return undefined;
    seen.add(taskId);
    return seen.size % 10 === 0 ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' } : undefined;
  };
}
