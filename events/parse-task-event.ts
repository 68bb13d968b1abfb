import * as v from 'valibot';
import { schemaVersions, taskEvent } from './event-schemas';
import type { TaskEvent } from './task-events';

/** What is wrong with one field. */
export interface Problem {
  /** Path of the field, such as `detail.taskStatus`; `event` is the whole. */
  readonly field: string;
  /** The value as JSON, shortened; `nothing` where there is none. */
  readonly got: string;
  readonly allowed: string;
}

/** What was given is no event of the task poller, or one that this release can't read. */
export class NotATaskEvent extends Error {
  override readonly name = 'NotATaskEvent';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ field, got, allowed }) => `\n  - ${field}: got ${got}, allowed: ${allowed}`);
    super(`This is not a task event that can be read:${lines.join('')}`);
    this.problems = problems;
  }
}

/**
 * Tells which event of the task poller this is, and that it has the shape it should have.
 * @param event the whole EventBridge event, as the Lambda target of a rule gets it; from a queue, `JSON.parse(record.body)`
 * @returns the same object, fields that this release doesn't know included
 * @throws NotATaskEvent naming every problem; trying again won't help, so let it go to a dead-letter queue
 */
export function parseTaskEvent(event: unknown): TaskEvent {
  const unreadable = isNoEvent(event) ?? hasUnknownVersion(event);
  if (unreadable) throw new NotATaskEvent([unreadable]);
  const { success, issues } = v.safeParse(taskEvent, event);
  if (!success) throw new NotATaskEvent(issues.map(problemOf));
  return event as TaskEvent;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isNoEvent(event: unknown): Problem | undefined {
  if (isObject(event) && 'detail-type' in event) return undefined;
  const allowed =
    "an EventBridge event as a rule's target gets it; from a queue, JSON.parse(record.body) of each of event.Records";
  return { field: 'event', got: shown(event), allowed };
}

/** Alone, because what else differs in another version is no problem of its own. */
function hasUnknownVersion(event: unknown): Problem | undefined {
  const { detail, 'detail-type': detailType } = event as Record<string, unknown>;
  const isOurs = taskEvent.options.some(option => option.entries['detail-type'].literal === detailType);
  if (!isOurs || !isObject(detail) || typeof detail.schemaVersion !== 'string') return undefined;
  if (schemaVersions.includes(detail.schemaVersion)) return undefined;
  const known = schemaVersions.map(version => JSON.stringify(version)).join(' or ');
  return {
    field: 'detail.schemaVersion',
    got: shown(detail.schemaVersion),
    allowed: `${known}; update partner-central-task-poller to read newer ones, and until then let the rule match detail.schemaVersion [${known}] only: for a time, each event comes in the old version, too`,
  };
}

type Issue = v.InferIssue<typeof taskEvent>;

const problemOf = (issue: Issue): Problem => ({
  field: v.getDotPath(issue) ?? 'event',
  got: shown(issue.input),
  allowed: allowedOf(issue),
});

function allowedOf({ type, expected, input }: Issue): string {
  if (input === undefined) return 'a value, for it is required';
  if (type === 'min_length') return 'a text that is not empty';
  if (type === 'regex') return `a text like ${expected}`;
  if (type === 'iso_timestamp') return 'an instant such as 2026-11-22T18:00:00.000Z';
  if (type === 'integer') return 'a whole number';
  return String(expected)
    .replace(/^\((.*)\)$/, '$1')
    .replaceAll(' | ', ' or ');
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
