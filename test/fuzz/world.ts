/**
 * What really happens to tasks, kept apart from what the poller believes, and what it therefore must and may tell.
 * Everything that the random tests judge by is on this page. `slackMs`: where the poller's clock is wrong, it knows
 * Partner Central's time to a second or two.
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
  /** Partner Central doesn't say when it started. */
  readonly isUndated: boolean;
  /** Oldest first. */
  readonly phases: readonly Phase[];
  readonly isListed: boolean;
  /** The poller has noted in its table that the task is to be watched. */
  readonly wasNoted: boolean;
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

/**
 * An outcome that nobody may miss: the task is there, it has ended, and it is no history. One that started before the
 * time to be told about is only watched until it ends: that it ended otherwise later on, no sweep will show.
 */
export function mustBeTold(life: Life, emitSince: number, slackMs: number): string | undefined {
  const { isListed, isUndated, wasNoted, startTimeMs, phases } = life;
  const outcomes = phases.filter(({ status }) => isTerminal(status));
  const isDatedWithin = !isUndated && startTimeMs >= emitSince + slackMs;
  const isWithinReach = isDatedWithin || (wasNoted && outcomes.length === 1);
  const now = phases.at(-1)?.status as string;
  return isListed && isTerminal(now) && isWithinReach ? now : undefined;
}

/** History is what had started and ended before anybody was to be told, and stays as it ended. */
export function isHistory(life: Life, emitSince: number, slackMs: number): boolean {
  const { phases, isUndated, startTimeMs } = life;
  const wentOn = phases.some(({ since, status }, at) => {
    const until = phases[at + 1]?.since ?? Number.POSITIVE_INFINITY;
    return isTerminal(status) ? at > 0 && since >= emitSince - slackMs : until >= emitSince - slackMs;
  });
  // Of one without a start time nobody can tell that it is old, if it is listed late.
  const began = isUndated ? (phases[0]?.since ?? 0) : startTimeMs;
  return began < emitSince - slackMs && !wentOn;
}

/** The event is true if the task took on that status, for that reason, between the two moments that it names. */
export function isTrue(told: Told, life: Life, slackMs: number): boolean {
  if (told.detectedAfter === undefined && !life.isUndated) return false;
  const after = Date.parse(told.detectedAfter ?? '1970-01-01T00:00:00Z') - slackMs;
  const before = Date.parse(told.detectedBefore) + slackMs;
  return life.phases.some(
    ({ status, reasonCode, since }) =>
      status === told.taskStatus && reasonCode === told.reasonCode && since >= after && since <= before,
  );
}

export interface ToldStalled {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly detectedBefore: string;
}

const STALLED_AFTER_MS = 60 * 60_000;

/** The news that a task stalls is true if the task is none of history, and had that status, too late, at that moment. */
export function isStalledTruly(told: ToldStalled, life: Life, emitSince: number, slackMs: number): boolean {
  const { taskStatus, detectedBefore } = told;
  const at = Date.parse(detectedBefore);
  const hadIt = life.phases.some(({ status, since }, index) => {
    const until = life.phases[index + 1]?.since ?? Number.POSITIVE_INFINITY;
    return status === taskStatus && since <= at + slackMs && until > at - slackMs;
  });
  const isLate = at + slackMs >= life.startTimeMs + STALLED_AFTER_MS;
  return life.startTimeMs >= emitSince - slackMs && isLate && hadIt && !isTerminal(taskStatus);
}

/**
 * What stalls to the end of a story, and began to when somebody wanted to know, nobody may miss. A task that has ended
 * counts as running again when it says so itself: a status that nobody knows is no reason to watch it anew.
 */
export function mustBeToldStalled(life: Life, emitSince: number, tellSince: number, slackMs: number): boolean {
  const { isListed, isUndated, wasNoted, startTimeMs, phases } = life;
  if (isUndated) return false;
  const now = phases.at(-1)?.status ?? '';
  const isWatched = now === 'IN_PROGRESS' || !phases.some(({ status }) => isTerminal(status));
  return (
    isListed &&
    wasNoted &&
    isWatched &&
    startTimeMs >= emitSince + slackMs &&
    startTimeMs + STALLED_AFTER_MS >= tellSince + slackMs
  );
}

/** By run, the events that it told in vain: a later run told them once more, so this one can't have recorded them. */
export function toldInVain(all: readonly Pick<Told, 'eventId' | 'runId'>[]): Map<string, Set<string>> {
  const lastRun = new Map(all.map(({ eventId, runId }) => [eventId, runId]));
  const inVain = new Map<string, Set<string>>();
  for (const { eventId, runId } of all) {
    if (lastRun.get(eventId) !== runId) inVain.set(runId, (inVain.get(runId) ?? new Set()).add(eventId));
  }
  return inVain;
}
