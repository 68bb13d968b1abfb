/** Whole events, as the target of a rule gets them: EventBridge's envelope with a detail from lambdas/task-event.ts. */
import * as v from 'valibot';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED, TASK_STARTED } from '../lambdas/event-names';
import { taskEventSchema, taskStalledEventSchema, taskStartedSchema } from '../lambdas/task-event';

/** EventBridge sets these fields, except source and resources. */
const envelope = {
  version: v.pipe(v.string(), v.description("Version of EventBridge's envelope.")),
  id: v.pipe(
    v.string(),
    v.description('Id of this publication. Deduplicate by detail.eventId: an event may be published twice.'),
  ),
  source: v.pipe(v.string(), v.description('The configured eventSource.')),
  account: v.pipe(v.string(), v.description('AWS account of the poller.')),
  time: v.pipe(v.string(), v.isoTimestamp(), v.description('When EventBridge accepted the event, to the second.')),
  region: v.pipe(v.string(), v.description('AWS region of the poller.')),
  resources: v.pipe(v.array(v.string()), v.description('ARN of the task, if known.')),
  'replay-name': v.optional(
    v.pipe(v.string(), v.description('Present when EventBridge replays the event from an archive.')),
  ),
};

const finishedTaskDetail = <const S extends 'COMPLETE' | 'FAILED'>(status: S) =>
  v.object({
    ...taskEventSchema.entries,
    taskStatus: v.pipe(v.literal(status), v.description<S, string>('How the task ended.')),
  });

/** Schemas by detail type. The descriptions go into the JSON Schemas and the TypeScript types. */
export const eventSchemas = {
  [TASK_COMPLETED]: v.pipe(
    v.object({
      ...envelope,
      'detail-type': v.literal(TASK_COMPLETED),
      detail: finishedTaskDetail('COMPLETE'),
    }),
    v.description('A Partner Central task completed.'),
  ),
  [TASK_FAILED]: v.pipe(
    v.object({
      ...envelope,
      'detail-type': v.literal(TASK_FAILED),
      detail: finishedTaskDetail('FAILED'),
    }),
    v.description('A Partner Central task failed.'),
  ),
  [TASK_STALLED]: v.pipe(
    v.object({ ...envelope, 'detail-type': v.literal(TASK_STALLED), detail: taskStalledEventSchema }),
    v.description('A Partner Central task has been running for too long. Published only if taskStalledEvents is on.'),
  ),
};

/** The event that others publish for the poller. */
export const taskStartedEvent = v.pipe(
  v.object({
    ...envelope,
    source: v.pipe(v.string(), v.description('Whoever started the task.')),
    'detail-type': v.literal(TASK_STARTED),
    detail: taskStartedSchema,
  }),
  v.description(
    'A Partner Central task was started. Published by whoever started it, so that the poller looks at once.',
  ),
);

/** Accepts unknown fields, because newer pollers may add some. */
export const taskEvent = v.variant('detail-type', [
  eventSchemas[TASK_COMPLETED],
  eventSchemas[TASK_FAILED],
  eventSchemas[TASK_STALLED],
]);

/** The versions that this release can read. */
export const schemaVersions: readonly string[] = [taskEventSchema.entries.schemaVersion.pipe[0].literal];
