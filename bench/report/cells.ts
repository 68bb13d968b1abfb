/** The cells of the benchmark: cost and results of polls, by history, running tasks and finished tasks. */
import { type Measured, MINUTE_MS, type Ours, type Peer } from '../measure/side-by-side';

export type PollerName = 'ours' | 'peer';

export interface Cell {
  readonly history: number;
  readonly running: number;
  readonly finished: number;
  readonly poller: PollerName;
  /** Number of polls; 1 for a quiet cell, whose polls are all equal. */
  readonly polls: number;
  readonly measured: Measured;
  /** Outcomes with an event, outcomes without one, and wrong or repeated events. */
  readonly right: number;
  readonly missing: number;
  readonly extra: number;
}

export const runningCounts = [0, 20, 1_500];
/** 1,000 before 10: with 20 running tasks, the 1,000 are added ones, and the 20 remain for the 10. */
const finishedCounts = [0, 1_000, 10];

/** From 100,000 tasks, a poll of the peer takes seconds: measure a quiet one only once. */
const peerTakesSeconds = (history: number) => history >= 100_000;
/** From 1,000,000 tasks, it takes a minute: measure the typical case only. */
const peerTakesLong = (history: number) => history >= 1_000_000;
export const TYPICAL_RUNNING = 20;

/** This poller looks up at most 200 ended tasks a poll. A later poll publishes the rest. */
const MAX_POLLS = 10;
const QUIET_POLLS = 5;

export interface Bench {
  readonly ours: Ours;
  readonly peer: Peer;
  readonly history: number;
  readonly reportProgress: (what: string) => void;
}

/**
 * Both pollers learn the history first. At the start of each cell, every running task is known and older than the
 * lookback. At its end, the added tasks are removed.
 */
export async function measureCells({ ours, peer, history, reportProgress }: Bench): Promise<Cell[]> {
  const { store, clock } = ours;
  const onlyTypical = peerTakesLong(history);
  const cells: Cell[] = [];
  store.addHistory({ count: history, newestAt: clock.now() - 24 * 60 * MINUTE_MS, spacingMs: MINUTE_MS });
  const peerLearned = await learnHistory({ ours, peer, history, reportProgress });

  for (const running of runningCounts) {
    const withPeer = peerLearned && (!onlyTypical || running === TYPICAL_RUNNING);
    for (const finished of finishedCounts) {
      await haveRunning(running, withPeer);
      const expected = finished <= running ? endRunning(ours, finished) : addEnded(ours, finished);
      const conditions = { history, running, finished };
      reportProgress(`${history} tasks, ${running} running, ${finished} finished`);
      cells.push({ ...conditions, ...(await pollOurs(ours, expected)), poller: 'ours' });
      if (withPeer)
        cells.push({ ...conditions, ...(await pollPeer(peer, expected, peerTakesSeconds(history))), poller: 'peer' });
      const ended = expected.map(outcome => outcome.split(' ')[0] as string);
      for (const taskId of ended) store.remove(taskId);
      await peer.deleteRows(ended);
    }
  }
  const conditionsFirst = (a: Cell, b: Cell) => a.running - b.running || a.finished - b.finished;
  return cells.sort(conditionsFirst);

  async function haveRunning(count: number, withPeer: boolean) {
    const lacking = count - store.inProgressIds().length;
    if (lacking === 0) return;
    for (let at = 0; at < lacking; at += 1) store.add({ startTimeMs: clock.now() - at });
    await pollUntilComplete(ours);
    if (withPeer) await peer.poll();
    await leaveLookback(ours);
  }
}

/** @returns false when the peer did not finish within Lambda's maximum timeout */
async function learnHistory({ ours, peer, history, reportProgress }: Bench): Promise<boolean> {
  await pollUntilComplete(ours);
  const startedAt = performance.now();
  try {
    const first = await peer.poll();
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    reportProgress(`${history} tasks: the peer's first run took ${seconds} s here and ${first.writeUnits} write units`);
  } catch (error) {
    if ((error as Error).name !== 'TimedOut') throw error;
    reportProgress(`${history} tasks: the peer's first run did not finish within Lambda's 15 minutes`);
    return false;
  }
  // Measure warm processes that have made nothing but quiet polls.
  await ours.restart();
  await peer.restart();
  await ours.poll();
  return true;
}

const outcomeOf = (at: number) => (at % 12 === 11 ? 'FAILED' : 'COMPLETE');
export const sampleFailure = {
  status: 'FAILED',
  reasonCode: 'EngagementConflict',
  message: 'The engagement was changed.',
} as const;

/** Ends known running tasks. @returns the expected events */
function endRunning({ store }: Ours, count: number): string[] {
  const taskIds = store.inProgressIds().slice(0, count);
  return taskIds.map((taskId, at) => {
    const { status } = store.end(taskId, outcomeOf(at) === 'FAILED' ? sampleFailure : 'COMPLETE');
    return `${taskId} ${status}`;
  });
}

/** Adds tasks that started and ended since the last poll. @returns the expected events */
export function addEnded({ store, clock }: Ours, count: number): string[] {
  clock.advance(MINUTE_MS);
  return Array.from({ length: count }, (_, at) => {
    const { taskId, status } = store.add({ startTimeMs: clock.now() - at, status: outcomeOf(at) });
    return `${taskId} ${status}`;
  });
}

/** Polls until every expected event is published. Repeats quiet polls for the median of the CPU time. */
async function pollOurs(ours: Ours, expected: readonly string[]) {
  const polls: Measured[] = [];
  const most = expected.length === 0 ? QUIET_POLLS : MAX_POLLS;
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

/** Adds up the polls. Of equal quiet polls it takes the last one with the median CPU time. */
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

/** Polls until the poller is complete and has no gaps. */
export async function pollUntilComplete(ours: Ours, most = 50): Promise<void> {
  for (let polls = 0; polls < most; polls += 1) {
    const { outcome, gaps } = (await ours.poll()).result;
    if (outcome === 'complete' && gaps === 0) return;
    ours.clock.advance(MINUTE_MS);
  }
  throw new Error(`The poller was not complete after ${most} polls`);
}

/** The head lists tasks since the poll before the last one. This poll raises the watermark. */
export async function leaveLookback(ours: Ours): Promise<void> {
  ours.clock.advance(10 * MINUTE_MS);
  await ours.poll();
}
