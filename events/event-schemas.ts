/** The whole events, as a rule's target gets them: EventBridge's envelope around the details of lambdas/task-event.ts. */
import * as v from 'valibot';
import { TASK_COMPLETED, TASK_FAILED, TASK_STALLED } from '../lambdas/event-names';
import { taskEventSchema, taskStalledEventSchema } from '../lambdas/task-event';

/** Of EventBridge's own making, but for the source and the resources. */
const envelope = {
  version: v.pipe(v.string(), v.description("Version of EventBridge's envelope.")),
  id: v.pipe(
    v.string(),
    v.description('Of this publication. One outcome may come under several: look at detail.eventId.'),
  ),
  source: v.pipe(v.string(), v.description('As configured by eventSource.')),
  account: v.pipe(v.string(), v.description('AWS account of the poller.')),
  time: v.pipe(v.string(), v.isoTimestamp(), v.description('When EventBridge took the event, to the second.')),
  region: v.pipe(v.string(), v.description('AWS region of the poller.')),
  resources: v.pipe(v.array(v.string()), v.description('The ARN of the task, where it is known.')),
  'replay-name': v.optional(
    v.pipe(v.string(), v.description('Present when EventBridge replays the event out of an archive.')),
  ),
};

const endingOf = <const S extends 'COMPLETE' | 'FAILED'>(status: S) =>
  v.object({
    ...taskEventSchema.entries,
    taskStatus: v.pipe(v.literal(status), v.description<S, string>('How the task ended.')),
  });

/** By detail type. The description is that of the JSON Schema and of the TypeScript type. */
export const eventSchemas = {
  [TASK_COMPLETED]: v.pipe(
    v.object({
      ...envelope,
      'detail-type': v.literal(TASK_COMPLETED),
      detail: endingOf('COMPLETE'),
    }),
    v.description('A Partner Central task completed.'),
  ),
  [TASK_FAILED]: v.pipe(
    v.object({
      ...envelope,
      'detail-type': v.literal(TASK_FAILED),
      detail: endingOf('FAILED'),
    }),
    v.description('A Partner Central task failed.'),
  ),
  [TASK_STALLED]: v.pipe(
    v.object({ ...envelope, 'detail-type': v.literal(TASK_STALLED), detail: taskStalledEventSchema }),
    v.description('A Partner Central task has been running for too long. Only where taskStalledEvents is on.'),
  ),
};

/** Fields that are not known here pass: newer pollers add some. */
export const taskEvent = v.variant('detail-type', [
  eventSchemas[TASK_COMPLETED],
  eventSchemas[TASK_FAILED],
  eventSchemas[TASK_STALLED],
]);

/** The versions that this release can read. */
export const schemaVersions: readonly string[] = [taskEventSchema.entries.schemaVersion.pipe[0].literal];
