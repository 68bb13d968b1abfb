import * as v from 'valibot';
import { schemaVersions, taskEvent } from './event-schemas';
import type { TaskEvent } from './task-events';

/** What is wrong with one field. */
export interface Problem {
  /** Path of the field, such as `detail.taskStatus`; `event` for the whole event. */
  readonly field: string;
  /** The value as JSON, at most 100 characters; `nothing` if the field is missing. */
  readonly got: string;
  readonly allowed: string;
}

/** The value is not an event of the task poller, or has a version that this release can't read. */
export class NotATaskEvent extends Error {
  override readonly name = 'NotATaskEvent';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ field, got, allowed }) => `\n  - ${field}: got ${got}, allowed: ${allowed}`);
    super(`This is not a task event that this release can read:${lines.join('')}`);
    this.problems = problems;
  }
}

/**
 * Validates an event of the task poller and returns it with its type.
 * @param event the whole EventBridge event, as the Lambda target of a rule gets it; from a queue, `JSON.parse(record.body)`
 * @returns the same object, including fields that this release doesn't know
 * @throws NotATaskEvent naming every problem; retries don't help, so send the event to a dead-letter queue
 */
export function parseTaskEvent(event: unknown): TaskEvent {
  const unreadable = envelopeProblem(event) ?? versionProblem(event);
  if (unreadable) throw new NotATaskEvent([unreadable]);
  const { success, issues } = v.safeParse(taskEvent, event);
  if (!success) throw new NotATaskEvent(issues.map(problemOf));
  return event as TaskEvent;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function envelopeProblem(event: unknown): Problem | undefined {
  if (isObject(event) && 'detail-type' in event) return undefined;
  const allowed =
    "an EventBridge event as a rule's target gets it; from a queue, JSON.parse(record.body) of each of event.Records";
  return { field: 'event', got: preview(event), allowed };
}

/** Reported alone: in another version, other fields may differ rightly. */
function versionProblem(event: unknown): Problem | undefined {
  const { detail, 'detail-type': detailType } = event as Record<string, unknown>;
  const isOurs = taskEvent.options.some(option => option.entries['detail-type'].literal === detailType);
  if (!isOurs || !isObject(detail) || typeof detail.schemaVersion !== 'string') return undefined;
  if (schemaVersions.includes(detail.schemaVersion)) return undefined;
  const known = schemaVersions.map(version => JSON.stringify(version)).join(' or ');
  return {
    field: 'detail.schemaVersion',
    got: preview(detail.schemaVersion),
    allowed: `${known}; update partner-central-task-poller to read newer versions. Until then, match only detail.schemaVersion [${known}] in the rule: for some time, each event is also published in the old version`,
  };
}

type Issue = v.InferIssue<typeof taskEvent>;

const problemOf = (issue: Issue): Problem => ({
  field: v.getDotPath(issue) ?? 'event',
  got: preview(issue.input),
  allowed: allowedOf(issue),
});

function allowedOf({ type, expected, input }: Issue): string {
  if (input === undefined) return 'a value; the field is required';
  if (type === 'min_length') return 'a non-empty string';
  if (type === 'regex') return `a string that matches ${expected}`;
  if (type === 'iso_timestamp') return 'an instant such as 2026-11-22T18:00:00.000Z';
  if (type === 'integer') return 'a whole number';
  return String(expected)
    .replace(/^\((.*)\)$/, '$1')
    .replaceAll(' | ', ' or ');
}

function preview(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
