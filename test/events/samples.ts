/** Random events as the poller builds them and EventBridge delivers them. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type EventEntry, type EventFrame, entryOf } from '../../lambdas/poller/core/build-event';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { knownReasonCodes } from '../../lambdas/reason-codes';
import type { DeliveredEvent } from '../../local/services/event-bridge';

export const frame: EventFrame = {
  catalog: 'Sandbox',
  taskFamily: 'OpportunityFromEngagement',
  runId: 'run-1',
  includeMessage: true,
  eventSource: 'partnercentral.task-poller',
  eventBusName: 'bus',
  stalledAfterMinutes: 60,
};

/** An ended task, or a stalled one if it is not settled. */
export const row = (more: Partial<TaskRow> = {}): TaskRow => ({
  taskId: 'task-dpf02ig3g2uui',
  taskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui',
  status: 'FAILED',
  settled: true,
  publishedStatuses: new Set(),
  startTime: Date.parse('2026-11-22T18:00:00.123Z'),
  firstSeenAt: 0,
  lastSeenAt: 0,
  firstTerminalAt: Date.parse('2026-11-22T18:02:00Z'),
  stalledAt: Date.parse('2026-11-22T19:00:31Z'),
  ...more,
});

/** The event that a target gets for an entry. */
export const delivered = ({ Source, DetailType, Resources, Detail }: EventEntry): DeliveredEvent => ({
  version: '0',
  id: randomUUID(),
  'detail-type': DetailType,
  source: Source,
  account: '111122223333',
  time: '2026-11-22T18:02:01Z',
  region: 'us-east-1',
  resources: Resources,
  detail: JSON.parse(Detail),
});

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const instant = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map(Number);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const present = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

const rows = fc
  .record({
    status: fc.constantFrom('COMPLETE', 'FAILED', 'IN_PROGRESS', 'PAUSED'),
    taskId: text,
    taskArn: maybe(text),
    startTime: maybe(instant),
    previousStatus: maybe(text),
    reasonCode: maybe(fc.oneof(fc.constantFrom(...knownReasonCodes), text)),
    message: maybe(text),
    messageTruncated: maybe(fc.constant(true as const)),
    opportunityId: maybe(text),
    resourceSnapshotJobId: maybe(text),
    engagementId: maybe(text),
    engagementInvitationId: maybe(text),
    contextId: maybe(text),
    detectedAfter: maybe(instant),
    firstTerminalAt: instant,
    stalledAt: instant,
  })
  .map(({ startTime, ...task }) => {
    const settled = ['COMPLETE', 'FAILED'].includes(task.status);
    // A task without a start time never counts as stalled.
    return row({ ...present({ ...task, startTime: settled ? startTime : (startTime ?? 0) }), settled });
  });

const frames = fc
  .record({
    catalog: fc.constantFrom('AWS', 'Sandbox'),
    taskFamily: fc.constantFrom(...taskFamilyNames),
    runId: fc.uuid(),
    includeMessage: fc.boolean(),
    stalledAfterMinutes: fc.integer({ min: 1, max: 43_200 }),
    replay: maybe(fc.record({ replayId: fc.uuid(), replayAlerts: maybe(fc.constant(true as const)) }).map(present)),
  })
  .map(({ replay, ...more }): EventFrame => ({ ...frame, ...more, ...(replay && { replay }) }));

/** Any event that the poller may publish. */
export const anyEvent = fc
  .tuple(rows, frames, maybe(text))
  .map(([task, its, replayName]) =>
    Object.assign(delivered(entryOf(task, its)), replayName && { 'replay-name': replayName }),
  );
