/**
 * The contract with consumers: the detail of `TaskCompleted`, `TaskFailed` and `TaskStalled` events. JSON Schemas
 * (docs/schemas), types and parser (events) are made from the schemas below. Fields are only added. A breaking change is a
 * new `schemaVersion` beside the old one (docs/events.md).
 */
import * as v from 'valibot';

export const reasonCategories = [
  'access',
  'validation',
  'conflict',
  'throttling',
  'quota',
  'not-found',
  'not-permitted',
  'submission',
  'internal',
  'unknown',
] as const;
export type ReasonCategory = (typeof reasonCategories)[number];

const text = v.pipe(v.string(), v.minLength(1));
const described = (description: string) => v.pipe(text, v.description(description));
const instant = (description: string) => v.pipe(v.string(), v.isoTimestamp(), v.description(description));

const schemaVersion = v.pipe(
  v.literal('1'),
  v.description('Version of this shape. Fields are only added within a version.'),
);
const eventId = (hashedFields: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/),
    v.description(`Deduplication key, the same in every delivery: SHA-256 of ${hashedFields}.`),
  );
/** Identifies the task. */
const identity = {
  runId: described('The poll that saw the change; find its log line by this id. In a replay, the replayId.'),
  catalog: described('Partner Central catalog: AWS or Sandbox.'),
  taskType: described('Task family, for example OpportunityFromEngagement.'),
  sourceName: v.optional(described('Name of the source, if it has one: which account the task is in.')),
  taskId: described('Task identifier, for example task-dpf02ig3g2uui.'),
  taskArn: v.optional(described('ARN of the task. Its account field is empty.')),
  replayId: v.optional(
    described('Present when an operator replayed the event; identifies the replay. eventId does not change.'),
  ),
  replayAlerts: v.optional(
    v.pipe(v.literal(true), v.description('Present when the replay also sends alerts to people.')),
  ),
};
const belongings = {
  opportunityId: v.optional(described('Opportunity that the task worked on or created.')),
  resourceSnapshotJobId: v.optional(described('Resource snapshot job that belongs to the task.')),
  engagementId: v.optional(described('Engagement that the task worked on or created.')),
  engagementInvitationId: v.optional(described('Invitation that the task accepted or sent.')),
  contextId: v.optional(described('Context within the engagement.')),
};

export const taskEventSchema = v.object({
  schemaVersion,
  eventId: eventId('catalog, task family, task id and status'),
  ...identity,
  taskStatus: v.pipe(v.picklist(['COMPLETE', 'FAILED']), v.description('How the task ended.')),
  previousStatus: v.optional(
    described('The status recorded before this one. Absent for a task that was first seen when it had finished.'),
  ),
  startTime: v.optional(instant('When the task started, to the millisecond.')),
  reasonCode: v.optional(described('Reason code from the API. The list is open: expect unknown codes.')),
  reasonCategory: v.optional(
    v.pipe(
      v.picklist(reasonCategories),
      v.description('Category of the reason code; unknown for a code that the poller does not know.'),
    ),
  ),
  message: v.optional(described('Message from the API. Cut when it does not fit an event.')),
  messageTruncated: v.optional(v.pipe(v.literal(true), v.description('Present when message was cut.'))),
  ...belongings,
  detectedAfter: v.optional(instant('The last moment at which the task was known not to have this status.')),
  detectedBefore: instant('The moment at which this status was first seen. The change happened in between.'),
});

export type TaskEvent = v.InferOutput<typeof taskEventSchema>;

/** A task that has been running for longer than `stalledAfterMinutes`. One event for each task, if `taskStalledEvents` is on. */
export const taskStalledEventSchema = v.object({
  schemaVersion,
  eventId: eventId('catalog, task family, task id and the word STALLED'),
  ...identity,
  taskStatus: described('The status that the task still has: IN_PROGRESS, or one that this release does not know.'),
  startTime: instant('When the task started, to the millisecond.'),
  ...belongings,
  stalledAfterMinutes: v.pipe(
    v.number(),
    v.integer(),
    v.description('How long a task may run before it counts as stalled, as configured when this was published.'),
  ),
  detectedBefore: instant('The moment at which the task was seen to be still running.'),
});

export type TaskStalledEvent = v.InferOutput<typeof taskStalledEventSchema>;

/** A task that somebody has just started. Published by whoever started it. */
export const taskStartedSchema = v.object({
  catalog: described('Partner Central catalog: AWS or Sandbox.'),
  taskType: described('Task family, for example OpportunityFromEngagement.'),
  taskId: described('Task identifier, for example task-dpf02ig3g2uui.'),
  sourceName: v.optional(
    described('Only this source looks at once. Without it, all sources of the catalog and family do.'),
  ),
});
