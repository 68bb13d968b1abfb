/** A failed task, as the formatter reads it from the queue. */
import * as v from 'valibot';
import { TASK_FAILED } from '../event-names';
import { taskEventSchema } from '../task-event';
import type { Deal, UnnamedDeal } from './deals';
import { field, plainAscii, utc } from './text';

/**
 * Accepts any category: a newer poller may add one, and its failures still need an alert. Unknown fields are ignored.
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
  /** When EventBridge accepted the event. This can be long after the failure was first seen. */
  readonly publishedAt?: string | undefined;
  /** Only with `describeDeals`. */
  readonly deal?: Deal | UnnamedDeal | undefined;
};

/**
 * Reads a failed task out of an EventBridge event, as text.
 * @throws SyntaxError or v.ValiError when the text is not such an event
 */
export function parseFailedTask(eventBridgeEvent: string): FailedTask {
  const { time, detail } = v.parse(envelopeSchema, JSON.parse(eventBridgeEvent));
  return { ...detail, publishedAt: time };
}

/** One delivery: a replay has the `eventId` of what it repeats. */
export const deliveryId = ({ eventId, replayId = '' }: FailedTask) => `${eventId} ${replayId}`;

/** What the subject of a message that repeats begins with. */
export const REPEAT = 'Repeat: ';

/**
 * The first sentences of a message that repeats: by which replay, and when the tasks were first seen to fail.
 * @param tasks all of one replay, or all new
 * @returns undefined for new ones
 */
export function repeatNote(tasks: readonly FailedTask[]): string | undefined {
  const replayId = tasks[0]?.replayId;
  if (replayId === undefined) return undefined;
  const seen = tasks.map(task => utc(task.detectedBefore)).sort();
  const [from, to] = [seen[0], seen.at(-1)];
  const when = from === to ? `at ${from}` : `from ${from} to ${to}`;
  const isAlone = tasks.length === 1;
  return `This is a repeat, and no new failure: replay ${plainAscii(replayId).slice(0, 60)} published ${isAlone ? 'it' : 'them'} again. ${isAlone ? 'It was' : 'They were'} first seen ${when}.`;
}

/** Tasks of one family with the same reason code, or all without a reason code. */
export interface FailureGroup {
  readonly taskType: string;
  readonly reasonCode: string | undefined;
  /** At least one, in the order of arrival. */
  readonly tasks: readonly [FailedTask, ...FailedTask[]];
}

/** Largest group first; groups of the same size in the order of arrival. */
export function groupByReason(tasks: readonly FailedTask[]): FailureGroup[] {
  const byReason = new Map<string, [FailedTask, ...FailedTask[]]>();
  for (const task of tasks) {
    const key = JSON.stringify([task.taskType, task.reasonCode]);
    const known = byReason.get(key);
    if (known) known.push(task);
    else byReason.set(key, [task]);
  }
  return [...byReason.values()]
    .map(group => ({ taskType: group[0].taskType, reasonCode: group[0].reasonCode, tasks: group }))
    .sort((a, b) => b.tasks.length - a.tasks.length);
}

/** Number of different reason codes. */
export const countReasons = (groups: readonly FailureGroup[]) => new Set(groups.map(group => group.reasonCode)).size;

export const reasonName = (reasonCode: string | undefined) => reasonCode ?? 'no reason given';

/** With the names of the sources that have one: `AWS (acme)`. */
export const catalogNames = (tasks: readonly FailedTask[]) => field([...new Set(tasks.map(catalogName))].join(', '));

const catalogName = ({ catalog, sourceName }: FailedTask) =>
  field(sourceName === undefined ? catalog : `${catalog} (${sourceName})`);

/** The event doesn't show which of the two is the case. */
export const noMessage = 'none, or left out by includeMessage';
