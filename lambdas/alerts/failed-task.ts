/** A failed task as the formatter reads it from the queue. */
import * as v from 'valibot';
import { TASK_FAILED } from '../event-names';
import { taskEventSchema } from '../task-event';
import { field } from './text';

/**
 * A category is any text here: a newer poller may have more of them, and their failures must raise alerts too. Unknown
 * fields are ignored.
 */
const detailSchema = v.object({
  ...taskEventSchema.entries,
  reasonCategory: v.optional(v.pipe(v.string(), v.minLength(1))),
});

const envelopeSchema = v.object({
  'detail-type': v.literal(TASK_FAILED),
  time: v.optional(v.string()),
  detail: detailSchema,
});

export type FailedTask = v.InferOutput<typeof detailSchema> & {
  /** When EventBridge accepted the event. That can be long after the failure was first seen. */
  readonly publishedAt?: string | undefined;
};

/**
 * Reads a failed task out of an EventBridge event, as text.
 * @throws SyntaxError or v.ValiError when the text is not such an event
 */
export function parseFailedTask(eventBridgeEvent: string): FailedTask {
  const { time, detail } = v.parse(envelopeSchema, JSON.parse(eventBridgeEvent));
  return { ...detail, publishedAt: time };
}

/** Tasks of one family that failed with the same reason code, or all without one. */
export interface Kind {
  readonly taskType: string;
  readonly reasonCode: string | undefined;
  /** At least one, in order of arrival. */
  readonly tasks: readonly [FailedTask, ...FailedTask[]];
}

/** Most frequent kind first; equally frequent kinds in order of arrival. */
export function kindsOf(tasks: readonly FailedTask[]): Kind[] {
  const byKind = new Map<string, [FailedTask, ...FailedTask[]]>();
  for (const task of tasks) {
    const key = JSON.stringify([task.taskType, task.reasonCode]);
    const known = byKind.get(key);
    if (known) known.push(task);
    else byKind.set(key, [task]);
  }
  return [...byKind.values()]
    .map(ofKind => ({ taskType: ofKind[0].taskType, reasonCode: ofKind[0].reasonCode, tasks: ofKind }))
    .sort((a, b) => b.tasks.length - a.tasks.length);
}

/** How many reasons there are among kinds. */
export const reasonsIn = (kinds: readonly Kind[]) => new Set(kinds.map(kind => kind.reasonCode)).size;

export const reasonName = (reasonCode: string | undefined) => reasonCode ?? 'no reason given';

export const catalogs = (tasks: readonly FailedTask[]) =>
  field([...new Set(tasks.map(task => field(task.catalog)))].join(', '));

/** The event does not say which of the two it is. */
export const noMessage = 'none, or left out by includeMessage';
