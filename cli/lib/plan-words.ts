/** Why a run publishes an event, or does not, in words. */
import { TASK_STALLED } from '../../lambdas/event-names';
import type { Checkpoint, Gap } from '../../lambdas/poller/core/checkpoint';
import { type EpochMs, isTerminal, NO_STATUS } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import type { TaskEvent, TaskStalledEvent } from '../../lambdas/task-event';
import { counted } from './words';

export interface Reason {
  readonly why: 'ended' | 'first-seen-ended' | 'outcome-changed' | 'refused-before' | 'stalled';
  readonly because: string;
}

/** To the second, as people read it and every AWS tool takes it. */
export const moment = (at: EpochMs) => `${new Date(at).toISOString().slice(0, 19)}Z`;

/**
 * @param before the row as it is in the table
 * @param checkpoint as it was or would be after the run; absent when the run didn't get that far
 */
export function reasonFor(
  detailType: string,
  event: TaskEvent | TaskStalledEvent,
  before: TaskRow | null | undefined,
  checkpoint: Checkpoint | undefined,
): Reason {
  if (detailType === TASK_STALLED) {
    const { startTime, stalledAfterMinutes } = event as TaskStalledEvent;
    const limit = counted(stalledAfterMinutes, 'minute');
    return {
      why: 'stalled',
      because: `it has been running since ${moment(Date.parse(startTime))}, for longer than ${limit}`,
    };
  }
  if (!before) return firstSeenEnded(event.startTime, checkpoint);
  if (before.status === event.taskStatus && !before.settled) return refusedBefore(before);
  if (isTerminal(before.status)) {
    return { why: 'outcome-changed', because: `its outcome changed from ${before.status} to ${event.taskStatus}` };
  }
  const seen = `when it was last written, at ${moment(before.lastSeenAt)}`;
  const was =
    before.status === 'IN_PROGRESS' ? 'running' : before.status === NO_STATUS ? 'without a status' : before.status;
  return { why: 'ended', because: `it was ${was} ${seen}, and has ended` };
}

function firstSeenEnded(startTime: string | undefined, checkpoint: Checkpoint | undefined): Reason {
  const why = 'first-seen-ended';
  if (startTime === undefined)
    return { why, because: 'it had ended when first seen, and without a start time it counts as new' };
  const floor = checkpoint && floorBelow(Date.parse(startTime), checkpoint);
  const place = floor === undefined ? '' : `, ${moment(floor)}`;
  return {
    why,
    because: `it had ended when first seen, and started at ${moment(Date.parse(startTime))}, not before the emission floor${place}`,
  };
}

/** The floor that makes it eligible: the source's own, or the lower one of a gap. */
function floorBelow(startTime: EpochMs, { emissionFloor, emitSince, gaps }: Checkpoint): EpochMs | undefined {
  const floors = [emissionFloor, ...gaps.map(({ news }) => news.emissionFloor), emitSince];
  return floors.find(floor => startTime >= floor);
}

function refusedBefore({ publishAttempts = 0, lastError, nextCheckAt }: TaskRow): Reason {
  if (publishAttempts === 0) return { why: 'refused-before', because: 'it has ended, and nothing was published yet' };
  const due = nextCheckAt === undefined || nextCheckAt === 0 ? 'now' : `since ${moment(nextCheckAt)}`;
  return { why: 'refused-before', because: `${refusals(publishAttempts, lastError)}, and it is due again ${due}` };
}

const refusals = (attempts: number, lastError = 'no reason given') =>
  `EventBridge refused it ${attempts === 1 ? 'once' : attempts === 2 ? 'twice' : `${attempts} times`} (${lastError})`;

/** For an event that waits for its next attempt. */
export const putOffUntil = ({ publishAttempts = 1, lastError, nextCheckAt = 0 }: TaskRow) =>
  `${refusals(publishAttempts, lastError)}, and it is due again at ${moment(nextCheckAt)}`;

/** A part of the list that is still to be swept. */
export function gapInWords({ floor, reached, driftBefore, restarts }: Gap): string {
  const from = reached === undefined ? 'the newest task' : moment(reached);
  const what = driftBefore === undefined ? 'what started' : 'an audit of what started';
  return `${what} between ${moment(floor)} and ${from}${restarts ? ', again from the top, for its place was lost' : ''}`;
}
