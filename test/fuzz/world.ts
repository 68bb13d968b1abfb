/**
 * What really happens to tasks, kept apart from what the poller believes, and what it therefore must and may tell.
 * Everything that the random tests judge by is on this page.
 */

export const isTerminal = (status: string) => status === 'COMPLETE' || status === 'FAILED';

/** One status that a task has had, from that moment until the next one. */
interface Phase {
  readonly since: number;
  readonly status: string;
  readonly reasonCode?: string | undefined;
}

export interface Life {
  readonly startTimeMs: number;
  /** Oldest first. */
  readonly phases: readonly Phase[];
  readonly isListed: boolean;
  /** The poller has written down that it goes on. */
  readonly wasSeenRunning: boolean;
}

export interface Told {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly reasonCode?: string;
  readonly runId: string;
  readonly eventId: string;
  readonly detectedAfter?: string;
  readonly detectedBefore: string;
}

/** An outcome that nobody may miss: the task is there, it has ended, and it is no history. */
export function mustBeTold(life: Life, emitSince: number): string | undefined {
  const now = life.phases.at(-1)?.status as string;
  return life.isListed && isTerminal(now) && (life.startTimeMs >= emitSince || life.wasSeenRunning) ? now : undefined;
}

/** History is what had started and ended before anybody was to be told, and stays ended. */
export function isHistory(life: Life, emitSince: number): boolean {
  const wentOn = life.phases.some(({ status }, at) => {
    const until = life.phases[at + 1]?.since ?? Number.POSITIVE_INFINITY;
    return !isTerminal(status) && until >= emitSince;
  });
  return life.startTimeMs < emitSince && !wentOn;
}

/** The event is true if the task took on that status, for that reason, between the two moments that it names. */
export function isTrue(told: Told, life: Life): boolean {
  const after = Date.parse(told.detectedAfter ?? '') || Number.NEGATIVE_INFINITY;
  const before = Date.parse(told.detectedBefore);
  return life.phases.some(
    ({ status, reasonCode, since }) =>
      status === told.taskStatus && reasonCode === told.reasonCode && since >= after && since <= before,
  );
}

/**
 * Who told something that had to be told again: by run, how many outcomes. A run is to blame for what it told and a later
 * one tells once more.
 */
export function toldAgain(all: readonly Told[]): Map<string, number> {
  const lastRun = new Map(all.map(({ eventId, runId }) => [eventId, runId]));
  const blamed = new Set(all.flatMap(told => (lastRun.get(told.eventId) === told.runId ? [] : [told])).map(blame));
  const counts = new Map<string, number>();
  for (const line of blamed) {
    const runId = line.slice(0, line.indexOf(' '));
    counts.set(runId, (counts.get(runId) ?? 0) + 1);
  }
  return counts;
}

const blame = ({ runId, eventId }: Told) => `${runId} ${eventId}`;
