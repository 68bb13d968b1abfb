import { type EligibilityWindow, isEligible } from './eligibility-window';
import { type EpochMs, IN_PROGRESS, isTerminal, type ListedTask } from './task';
import { settle, type TaskRow, watch } from './task-row';

/** What a decision needs to know of the run. */
export interface EmissionRules {
  readonly news: EligibilityWindow;
  /** Nothing tells how old a task without a start time is. Before a whole head was swept, it may be any piece of history. */
  readonly undatedAreHistory: boolean;
  /** Rows of tasks that started before this never expire. */
  readonly rowsExpireSince: EpochMs;
  /** Start of the last run that looked at every unsettled row that was due. */
  readonly recheckedAt?: EpochMs;
  /** Just before the request was sent and just after its answer came: the status was seen somewhere in between. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
  readonly retentionMs: number;
}

export type Anomaly = 'reopened' | 'unknownStatus';

export type Decision = {
  readonly anomaly?: Anomaly;
} /** `mayBeEligibleElsewhere`: it is none by the floor at hand, and may be by that of another sweep. */ & (
  | { readonly what: 'nothing'; readonly mayBeEligibleElsewhere?: true }
  /** Write `row`; nothing is published. */
  | { readonly what: 'record'; readonly row: TaskRow }
  /** Publish the ending, and only then write `row`, which has it settled. `attempts`: how often this was refused before. */
  | { readonly what: 'publish'; readonly row: TaskRow; readonly attempts: number; readonly isNew: boolean }
);

const nothing = { what: 'nothing' } as const satisfies Decision;

/**
 * Decides what a listed task means, given what the table knows of it.
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
    // History is noted, so that the next sighting isn't news either.
    return rules.undatedAreHistory ? record(settledAt(undefined, listed, rules)) : publish(undefined, listed, rules);
  }
  return isEligible(listed.startTime, rules.news)
    ? publish(undefined, listed, rules)
    : { ...nothing, mayBeEligibleElsewhere: true };
}

function ended(known: TaskRow, listed: ListedTask, rules: EmissionRules): Decision {
  if (known.publishedStatuses.has(listed.status)) {
    return known.settled ? nothing : record(settledAt(known, listed, rules)); // it ran again and ended the same way
  }
  return isPutOff(known, listed, rules) ? nothing : publish(known, listed, rules);
}

/** EventBridge refused this very event before: keep to the pause, or each poll would try it again. */
function isPutOff(known: TaskRow, listed: ListedTask, rules: EmissionRules): boolean {
  return known.status === listed.status && !known.settled && (known.nextCheckAt ?? 0) > rules.answeredAt;
}

function goesOn(known: TaskRow, listed: ListedTask, rules: EmissionRules): Decision {
  if (known.settled) {
    return listed.status === IN_PROGRESS ? record(watch(known, listed, rules.askedAt), 'reopened') : nothing;
  }
  const same = known.status === listed.status;
  const clearsDoubt = listed.status === IN_PROGRESS && (known.fruitlessChecks ?? 0) > 0;
  if (same && !clearsDoubt) return nothing; // a task that just keeps running costs no write
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

/** A row written later than this before a recheck may not have shown in the index it started from. */
const INDEX_LAG_MS = 30_000;

/**
 * The last moment at which the task was known not to have ended. A running row isn't written at each sighting, so the
 * last whole recheck vouches for it, unless the row was no part of it: put off, or too new for the index.
 */
function knownNotEndedAt(known: TaskRow | undefined, listed: ListedTask, rules: EmissionRules): EpochMs | undefined {
  // A row that has the status already was written after it had ended: its sighting is no proof that it was running.
  if (!known || known.status === listed.status) return listed.startTime;
  if (known.settled || rules.recheckedAt === undefined) return known.lastSeenAt;
  const wasRechecked =
    (known.nextCheckAt ?? 0) <= rules.recheckedAt && known.lastSeenAt + INDEX_LAG_MS <= rules.recheckedAt;
  return wasRechecked ? rules.recheckedAt : known.lastSeenAt;
}
