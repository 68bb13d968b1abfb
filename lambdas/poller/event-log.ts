import { reasonCategory } from '../reason-categories';
import { detailTypeOf } from './core/build-event';
import type { PendingEvent } from './core/pending-event';
import { isTerminal } from './core/task';
import type { Run } from './run-state';

interface Given extends Pick<Run, 'count' | 'logger' | 'now'> {
  readonly settings: Pick<Run['settings'], 'shadow'>;
}

/**
 * Counts and logs an event that was published or refused.
 * @param code why EventBridge refused it; absent when it was published
 */
export function logEvent({ count, logger, settings, now }: Given, event: PendingEvent, code?: string): void {
  const { taskId, status } = event.row;
  const isFinished = event.what === 'ended';
  if (isFinished && event.isDrift) {
    count('drift');
    logger.warn('The audit found a finished task that the polls had missed', { taskId });
  }
  if (code !== undefined) {
    count(isFinished ? 'rejected' : 'refusedStalledEvents');
    const attempts = isFinished ? event.attempts + 1 : undefined;
    logger.error('EventBridge refused the event; it is kept and tried again', { taskId, code, attempts });
    return;
  }
  count(isFinished ? (status === 'FAILED' ? 'failed' : 'completed') : 'stalledEvents');
  if (!settings.shadow) logger.info('Published', publishedLine(event, now()));
}

/** Ids and codes only: the API's message may name a customer. */
function publishedLine({ what, row }: PendingEvent, now: number) {
  const { taskId, status: taskStatus, reasonCode, previousStatus, detectedAfter, settled } = row;
  // The lag is known only for a task that was seen running: of any other, nobody knows when it finished.
  const wasSeenRunning = what === 'ended' && previousStatus !== undefined && !isTerminal(previousStatus);
  return {
    detailType: detailTypeOf({ settled, status: taskStatus }),
    taskId,
    taskStatus,
    ...(reasonCode !== undefined && { reasonCode, reasonCategory: reasonCategory(reasonCode) }),
    ...(wasSeenRunning && detectedAfter !== undefined && { lagSeconds: (now - detectedAfter) / 1_000 }),
  };
}
