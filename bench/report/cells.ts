/** The cells of the benchmark: what polls cost and find, by history, running tasks and endings. */
import { type Measured, MINUTE_MS, type Ours, type Peer } from '../measure/side-by-side';

export type PollerName = 'ours' | 'peer';

export interface Cell {
  readonly history: number;
  readonly running: number;
  readonly endings: number;
  readonly poller: PollerName;
  /** Polls that were needed, all counted; of a quiet cell one, as the others are the same. */
  readonly polls: number;
  readonly measured: Measured;
  /** Outcomes with an event, without one, and events that nobody should have got (repeats included). */
  readonly right: number;
  readonly missing: number;
  readonly extra: number;
}

export const runningCounts = [0, 20, 1_500];
/** In this order, for with 20 running the thousand are others, and the 20 are still there for the ten. */
const endingCounts = [0, 1_000, 10];

/** A poll of the peer takes seconds through a hundred thousand tasks: one is enough where nothing ends. */
const peerTakesSeconds = (history: number) => history >= 100_000;
/** And a minute or so through a million: the typical case will do. */
const peerTakesLong = (history: number) => history >= 1_000_000;
export const TYPICAL_RUNNING = 20;

/** A poll that is cut short leaves the rest to the next: this poller looks up 200 ended tasks at the most. */
const MOST_POLLS = 10;
const QUIET_POLLS = 5;

export interface Bench {
  readonly ours: Ours;
  readonly peer: Peer;
  readonly history: number;
  readonly tell: (what: string) => void;
}

/**
 * Lets both learn the history, then measures. Each cell begins with every running task known and older than the
 * lookback, and ends with what it added gone.
 */
export async function measureCells({ ours, peer, history, tell }: Bench): Promise<Cell[]> {
  const { store, clock } = ours;
  const onlyTypical = peerTakesLong(history);
  const cells: Cell[] = [];
  store.addHistory({ count: history, newestAt: clock.now() - 24 * 60 * MINUTE_MS, spacingMs: MINUTE_MS });
  const learnt = await learnHistory({ ours, peer, history, tell });

  for (const running of runningCounts) {
    const withPeer = learnt && (!onlyTypical || running === TYPICAL_RUNNING);
    for (const endings of endingCounts) {
      await haveRunning(running, withPeer);
      const expected = endings <= running ? endRunning(ours, endings) : addEnded(ours, endings);
      const conditions = { history, running, endings };
      tell(`${history} tasks, ${running} running, ${endings} endings`);
      cells.push({ ...conditions, ...(await pollOurs(ours, expected)), poller: 'ours' });
      if (withPeer)
        cells.push({ ...conditions, ...(await pollPeer(peer, expected, peerTakesSeconds(history))), poller: 'peer' });
      const ended = expected.map(outcome => outcome.split(' ')[0] as string);
      for (const taskId of ended) store.remove(taskId);
      await peer.forget(ended);
    }
  }
  const conditionsFirst = (a: Cell, b: Cell) => a.running - b.running || a.endings - b.endings;
  return cells.sort(conditionsFirst);

  async function haveRunning(count: number, withPeer: boolean) {
    const lacking = count - store.inProgressIds().length;
    if (lacking === 0) return;
    for (let at = 0; at < lacking; at += 1) store.add({ startTimeMs: clock.now() - at });
    await untilWhole(ours);
    if (withPeer) await peer.poll();
    await leaveLookback(ours);
  }
}

/** @returns false when the peer did not get through it in the longest time that Lambda has */
async function learnHistory({ ours, peer, history, tell }: Bench): Promise<boolean> {
  await untilWhole(ours);
  const startedAt = performance.now();
  try {
    const first = await peer.poll();
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    tell(`${history} tasks: the peer's first run took ${seconds} s here and ${first.writeUnits} write units`);
  } catch (error) {
    if ((error as Error).name !== 'TimedOut') throw error;
    tell(`${history} tasks: the peer's first run did not finish within Lambda's 15 minutes`);
    return false;
  }
  // What is measured is a warm process that has never done more than a poll.
  await ours.restart();
  await peer.restart();
  await ours.poll();
  return true;
}

const outcomeOf = (at: number) => (at % 12 === 11 ? 'FAILED' : 'COMPLETE');
export const someFailure = {
  status: 'FAILED',
  reasonCode: 'EngagementConflict',
  message: 'The engagement was changed.',
} as const;

/** Ends tasks that are known to run. @returns the events to expect */
function endRunning({ store }: Ours, count: number): string[] {
  const ending = store.inProgressIds().slice(0, count);
  return ending.map((taskId, at) => {
    const { status } = store.end(taskId, outcomeOf(at) === 'FAILED' ? someFailure : 'COMPLETE');
    return `${taskId} ${status}`;
  });
}

/** Adds tasks that started since the last poll and have ended already. @returns the events to expect */
export function addEnded({ store, clock }: Ours, count: number): string[] {
  clock.advance(MINUTE_MS);
  return Array.from({ length: count }, (_, at) => {
    const { taskId, status } = store.add({ startTimeMs: clock.now() - at, status: outcomeOf(at) });
    return `${taskId} ${status}`;
  });
}

/** Until everything expected is published, where polls bring it; quiet ones again and again, for the median of the CPU time. */
async function pollOurs(ours: Ours, expected: readonly string[]) {
  const polls: Measured[] = [];
  const most = expected.length === 0 ? QUIET_POLLS : MOST_POLLS;
  do {
    ours.clock.advance(MINUTE_MS);
    polls.push(await ours.poll());
  } while (polls.length < most && (expected.length === 0 || missing(polls, expected) > 0));
  return tally(polls, expected);
}

async function pollPeer(peer: Peer, expected: readonly string[], once: boolean) {
  const polls: Measured[] = [];
  const times = expected.length === 0 && !once ? QUIET_POLLS : 1;
  while (polls.length < times) polls.push(await peer.poll());
  return tally(polls, expected);
}

/** Adds polls up; of quiet polls, which are all the same, it takes the last one with the median CPU time. */
export function tally(polls: readonly Measured[], expected: readonly string[]) {
  const events = polls.flatMap(poll => poll.events);
  const right = new Set(expected.filter(outcome => events.includes(outcome))).size;
  const result = { right, missing: expected.length - right, extra: events.length - right };
  const last = polls.at(-1) as Measured;
  if (expected.length === 0) {
    const cpuMs = median(polls.map(poll => poll.cpuMs));
    return { ...result, polls: 1, measured: { ...last, events, cpuMs } };
  }
  const sum = (of: (poll: Measured) => number) => polls.reduce((total, poll) => total + of(poll), 0);
  const measured: Measured = {
    listCalls: sum(poll => poll.listCalls),
    tableCalls: sum(poll => poll.tableCalls),
    readUnits: sum(poll => poll.readUnits),
    writeUnits: sum(poll => poll.writeUnits),
    putCalls: sum(poll => poll.putCalls),
    cpuMs: sum(poll => poll.cpuMs),
    logBytes: sum(poll => poll.logBytes),
    eventBytes: sum(poll => poll.eventBytes),
    peakRssBytes: last.peakRssBytes,
    idleRssBytes: last.idleRssBytes,
    events,
    result: last.result,
  };
  return { ...result, polls: polls.length, measured };
}

const missing = (polls: readonly Measured[], expected: readonly string[]) => {
  const events = new Set(polls.flatMap(poll => poll.events));
  return expected.filter(outcome => !events.has(outcome)).length;
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** Polls until nothing is left to do. */
export async function untilWhole(ours: Ours, most = 50): Promise<void> {
  for (let polls = 0; polls < most; polls += 1) {
    const { outcome, gaps } = (await ours.poll()).result;
    if (outcome === 'complete' && gaps === 0) return;
    ours.clock.advance(MINUTE_MS);
  }
  throw new Error(`The poller was not done after ${most} polls`);
}

/** What started before the last poll but one is no longer listed by the head: it takes a poll to raise the watermark. */
export async function leaveLookback(ours: Ours): Promise<void> {
  ours.clock.advance(10 * MINUTE_MS);
  await ours.poll();
}
