/**
 * The model: what really happened to tasks, and which events are required and allowed. The random tests use no other
 * criteria. `slackMs`: with a wrong clock, the poller knows Partner Central's time to a second or two.
 */

export const isTerminal = (status: string) => status === 'COMPLETE' || status === 'FAILED';

/** A status and when it began. It ends with the next phase. */
interface Phase {
  readonly since: number;
  readonly status: string;
  readonly reasonCode?: string | undefined;
}

export interface Life {
  readonly startTimeMs: number;
  /** Partner Central shows no start time. */
  readonly isUndated: boolean;
  /** Oldest first. */
  readonly phases: readonly Phase[];
  readonly isListed: boolean;
  /** The poller has recorded in its table that it watches the task. */
  readonly wasRecorded: boolean;
}

export interface PublishedOutcome {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly reasonCode?: string;
  readonly runId: string;
  readonly eventId: string;
  readonly detectedAfter?: string;
  readonly detectedBefore: string;
}

/**
 * The status that must have been published, if any: the task is listed, has ended, and is not history. A task from before
 * the emission floor is watched only until it ends, because no sweep shows a second outcome.
 */
export function requiredOutcome(life: Life, emitSince: number, slackMs: number): string | undefined {
  const { isListed, isUndated, wasRecorded, startTimeMs, phases } = life;
  const outcomes = phases.filter(({ status }) => isTerminal(status));
  const isDatedWithin = !isUndated && startTimeMs >= emitSince + slackMs;
  const isWithinReach = isDatedWithin || (wasRecorded && outcomes.length === 1);
  const now = phases.at(-1)?.status as string;
  return isListed && isTerminal(now) && isWithinReach ? now : undefined;
}

/** History started and ended before the emission floor, and has not changed since. */
export function isHistory(life: Life, emitSince: number, slackMs: number): boolean {
  const { phases, isUndated, startTimeMs } = life;
  const changedSince = phases.some(({ since, status }, at) => {
    const until = phases[at + 1]?.since ?? Number.POSITIVE_INFINITY;
    return isTerminal(status) ? at > 0 && since >= emitSince - slackMs : until >= emitSince - slackMs;
  });
  // If a task without a start time is listed late, its age is unknown.
  const began = isUndated ? (phases[0]?.since ?? 0) : startTimeMs;
  return began < emitSince - slackMs && !changedSince;
}

/** Whether the task got that status, for that reason, between the event's two moments. */
export function isTrue(event: PublishedOutcome, life: Life, slackMs: number): boolean {
  if (event.detectedAfter === undefined && !life.isUndated) return false;
  const after = Date.parse(event.detectedAfter ?? '1970-01-01T00:00:00Z') - slackMs;
  const before = Date.parse(event.detectedBefore) + slackMs;
  return life.phases.some(
    ({ status, reasonCode, since }) =>
      status === event.taskStatus && reasonCode === event.reasonCode && since >= after && since <= before,
  );
}

export interface PublishedStall {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly detectedBefore: string;
}

const STALLED_AFTER_MS = 60 * 60_000;

/** Whether the task, which is no history, had that status at that moment and was overdue. */
export function isStallTrue(event: PublishedStall, life: Life, emitSince: number, slackMs: number): boolean {
  const { taskStatus, detectedBefore } = event;
  const at = Date.parse(detectedBefore);
  const hadStatus = life.phases.some(({ status, since }, index) => {
    const until = life.phases[index + 1]?.since ?? Number.POSITIVE_INFINITY;
    return status === taskStatus && since <= at + slackMs && until > at - slackMs;
  });
  const isLate = at + slackMs >= life.startTimeMs + STALLED_AFTER_MS;
  return life.startTimeMs >= emitSince - slackMs && isLate && hadStatus && !isTerminal(taskStatus);
}

/**
 * Whether a stall must have been published: the task is stalled at the end of the scenario, since the setting is on. An
 * ended task counts as running again only if it is IN_PROGRESS: an unknown status is no reason to watch it again.
 */
export function mustReportStall(life: Life, emitSince: number, reportSince: number, slackMs: number): boolean {
  const { isListed, isUndated, wasRecorded, startTimeMs, phases } = life;
  if (isUndated) return false;
  const now = phases.at(-1)?.status ?? '';
  const isWatched = now === 'IN_PROGRESS' || !phases.some(({ status }) => isTerminal(status));
  return (
    isListed &&
    wasRecorded &&
    isWatched &&
    startTimeMs >= emitSince + slackMs &&
    startTimeMs + STALLED_AFTER_MS >= reportSince + slackMs
  );
}

/** By run, the events that a later run repeated. So this run can't have recorded them. */
export function unrecordedEvents(
  all: readonly Pick<PublishedOutcome, 'eventId' | 'runId'>[],
): Map<string, Set<string>> {
  const lastRun = new Map(all.map(({ eventId, runId }) => [eventId, runId]));
  const unrecorded = new Map<string, Set<string>>();
  for (const { eventId, runId } of all) {
    if (lastRun.get(eventId) !== runId) unrecorded.set(runId, (unrecorded.get(runId) ?? new Set()).add(eventId));
  }
  return unrecorded;
}
