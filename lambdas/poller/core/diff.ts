import { type EligibilityWindow, isEligible } from './eligibility-window';
import { type EpochMs, IN_PROGRESS, isTerminal, type ListedTask } from './task';
import { settle, type TaskRow, watch } from './task-row';

/** What a decision depends on, beside the row and the listed task. */
export interface EmissionRules {
  readonly news: EligibilityWindow;
  /** The age of a task without a start time is unknown. Before the first whole head it counts as history. */
  readonly undatedAreHistory: boolean;
  /** The rows of tasks that started before this never expire. */
  readonly rowsExpireSince: EpochMs;
  /** Start of the last run that checked every unsettled row that was due. */
  readonly recheckedAt?: EpochMs;
  /** Just before the request and just after its answer. The status was true at some moment in between. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
  readonly retentionMs: number;
}

export type Anomaly = 'reopened' | 'unknownStatus';

export type Decision = { readonly anomaly?: Anomaly } & (
  | Nothing
  /** Write `row`; publish nothing. */
  | { readonly what: 'record'; readonly row: TaskRow }
  /** Publish the outcome, and only then write `row`, which is settled. `attempts`: earlier refusals of this event. */
  | { readonly what: 'publish'; readonly row: TaskRow; readonly attempts: number; readonly isNew: boolean }
);

interface Nothing {
  readonly what: 'nothing';
  /** It started before this sweep's floor, and the floor of another sweep may be lower. */
  readonly mayBeEligibleElsewhere?: true;
}

const nothing = { what: 'nothing' } as const satisfies Decision;

/**
 * Decides what a listed task means, given its row.
 * Pure: the caller publishes first and records second, so that a crash between the two repeats an event and never
 * loses one.
 */
export function diff(known: TaskRow | undefined, listed: ListedTask, rules: EmissionRules): Decision {
  if (isTerminal(listed.status)) return known ? ended(known, listed, rules) : firstSeenEnded(listed, rules);
  const going = known ? goesOn(known, listed, rules) : record(watch(undefined, listed, rules.askedAt));
  return listed.status === IN_PROGRESS ? going : { ...going, anomaly: 'unknownStatus' };
}

const record = (row: TaskRow, anomaly?: Anomaly): Decision => ({ what: 'record', row, ...(anomaly && { anomaly }) });

function firstSeenEnded(listed: ListedTask, rules: EmissionRules): Decision {
  if (listed.startTime === undefined) {
    // History gets a row, so that it isn't published the next time either.
    return rules.undatedAreHistory ? record(settledAt(undefined, listed, rules)) : publish(undefined, listed, rules);
  }
  return isEligible(listed.startTime, rules.news)
    ? publish(undefined, listed, rules)
    : { ...nothing, mayBeEligibleElsewhere: true };
}

function ended(known: TaskRow, listed: ListedTask, rules: EmissionRules): Decision {
  if (known.publishedStatuses.has(listed.status)) {
    return known.settled ? nothing : record(settledAt(known, listed, rules)); // it ran again and finished the same way
  }
  return isPutOff(known, listed, rules) ? nothing : publish(known, listed, rules);
}

/** EventBridge has refused this event. Without the pause each poll would try it again. */
function isPutOff(known: TaskRow, listed: ListedTask, rules: EmissionRules): boolean {
  return known.status === listed.status && !known.settled && (known.nextCheckAt ?? 0) > rules.answeredAt;
}

function goesOn(known: TaskRow, listed: ListedTask, rules: EmissionRules): Decision {
  if (known.settled) {
    return listed.status === IN_PROGRESS ? record(watch(known, listed, rules.askedAt), 'reopened') : nothing;
  }
  const same = known.status === listed.status;
  const clearsDoubt = listed.status === IN_PROGRESS && (known.fruitlessChecks ?? 0) > 0;
  if (same && !clearsDoubt) return nothing; // a task that keeps running costs no write
  return record(watch(known, listed, rules.askedAt));
}

const settledAt = (known: TaskRow | undefined, listed: ListedTask, rules: EmissionRules) =>
  settle(known, listed, rules, rules);

function publish(known: TaskRow | undefined, listed: ListedTask, rules: EmissionRules): Decision {
  const settled = settledAt(known, listed, rules);
  const after = settled.detectedAfter ?? knownNotEndedAt(known, listed, rules);
  return {
    what: 'publish',
    attempts: known?.status === listed.status ? (known.publishAttempts ?? 0) : 0,
    isNew: known === undefined,
    row: {
      ...settled,
      ...(after !== undefined && { detectedAfter: Math.min(after, settled.firstTerminalAt ?? rules.answeredAt) }),
    },
  };
}

/** The index that a recheck starts from may lack rows that were written this shortly before it. */
const INDEX_LAG_MS = 30_000;

/**
 * The last moment at which the task is known to have been running. Its row isn't written each time it is seen, so the
 * last whole recheck counts, unless the row was not part of it: put off, or too new for the index.
 */
function knownNotEndedAt(known: TaskRow | undefined, listed: ListedTask, rules: EmissionRules): EpochMs | undefined {
  // A row that already has this status was written after the task had finished: it proves nothing.
  if (!known || known.status === listed.status) return listed.startTime;
  if (known.settled || rules.recheckedAt === undefined) return known.lastSeenAt;
  const wasRechecked =
    (known.nextCheckAt ?? 0) <= rules.recheckedAt && known.lastSeenAt + INDEX_LAG_MS <= rules.recheckedAt;
  return wasRechecked ? rules.recheckedAt : known.lastSeenAt;
}
