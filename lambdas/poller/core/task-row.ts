import { type EpochMs, type ListedTask, NO_STATUS, withoutAbsent } from './task';

/**
 * The row of one task. It is settled when the task's terminal status was published, or is never to be published. An
 * unsettled row is checked again until it settles.
 */
export interface TaskRow extends ListedTask {
  readonly settled: boolean;
  /** Terminal statuses that are never to be published again: published, or older than the poller. */
  readonly publishedStatuses: ReadonlySet<string>;
  readonly previousStatus?: string;
  /** The message is only the beginning of the API's. */
  readonly messageTruncated?: true;
  readonly firstSeenAt: EpochMs;
  /** When the task was last seen by the run that wrote the row. A task that keeps running is not written again. */
  readonly lastSeenAt: EpochMs;
  /** When the present terminal status was first seen, and when the task was last known not to have it. */
  readonly firstTerminalAt?: EpochMs;
  readonly detectedAfter?: EpochMs;
  readonly publishAttempts?: number;
  readonly lastError?: string;
  /** Look-ups in a row that didn't show the task, and the time of the first. */
  readonly misses?: number;
  readonly firstMissedAt?: EpochMs;
  /** Enough look-ups over enough time did not show the task. It counts as no longer listed. */
  readonly missing?: true;
  /** Checks in a row without a result. The pause before the next check doubles with each. */
  readonly fruitlessChecks?: number;
  /** When the TaskStalled event was published. Kept for good: there is one for each task. */
  readonly stalledAt?: EpochMs;
  /** Unsettled rows only. */
  readonly nextCheckAt?: EpochMs;
  /** Settled rows with a start time only. DynamoDB deletes the row some time after this. */
  readonly expiresAt?: EpochMs;
  /** Attributes of a newer release, kept so that a rollback loses nothing. */
  readonly unknownAttributes?: Readonly<Record<string, unknown>>;
}

/** `nextCheckAt` of a running task: due in every run, whatever our clock says. */
export const EVERY_RUN: EpochMs = 0;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A row outlives the emission floor by this, so that a published task never looks new after its row has expired. */
export const ROW_OUTLIVES_RETENTION_MS = 7 * DAY_MS;

/** The pause after `fruitless` checks in a row: 1 minute, doubling up to a day. */
export const pauseAfter = (fruitless: number) => Math.min(DAY_MS, MINUTE_MS * 2 ** Math.min(fruitless - 1, 20));

const MISSING_AFTER_MISSES = 3;
const MISSING_AFTER_MS = 15 * MINUTE_MS;

/** The row of a task that is running, without misses, refusals and pauses. */
export function watch(known: TaskRow | undefined, listed: ListedTask, seenAt: EpochMs): TaskRow {
  return withoutAbsent({
    ...listed,
    startTime: listed.startTime ?? known?.startTime,
    settled: false,
    publishedStatuses: known?.publishedStatuses ?? new Set<string>(),
    previousStatus: statusBefore(known, listed),
    firstSeenAt: known?.firstSeenAt ?? seenAt,
    lastSeenAt: seenAt,
    stalledAt: known?.stalledAt,
    nextCheckAt: EVERY_RUN,
    unknownAttributes: known?.unknownAttributes,
  });
}

/**
 * The settled row of a finished task. Without a start time it never expires, since its age is unknown.
 * @param seen just before the request, and just after its answer
 */
export function settle(
  known: TaskRow | undefined,
  listed: ListedTask,
  seen: { readonly askedAt: EpochMs; readonly answeredAt: EpochMs },
  { retentionMs, rowsExpireSince }: { readonly retentionMs: number; readonly rowsExpireSince: EpochMs },
): TaskRow {
  const { askedAt, answeredAt: at } = seen;
  const startTime = listed.startTime ?? known?.startTime;
  const sameStatus = known?.status === listed.status;
  // With another reason code the task has finished again since, unseen. This outcome is first seen now.
  const sameOutcome = sameStatus && known.reasonCode === listed.reasonCode;
  return withoutAbsent({
    ...listed,
    startTime,
    settled: true,
    publishedStatuses: new Set([...(known?.publishedStatuses ?? []), listed.status]),
    previousStatus: statusBefore(known, listed),
    firstSeenAt: known?.firstSeenAt ?? askedAt,
    lastSeenAt: askedAt,
    firstTerminalAt: sameOutcome ? (known.firstTerminalAt ?? at) : at,
    detectedAfter: sameStatus ? known.detectedAfter : undefined,
    stalledAt: known?.stalledAt,
    // A task that ran at the first poll started before `emitSince`. Its row never expires, because an earlier `emitSince` would then publish it again.
    expiresAt:
      startTime === undefined || startTime < rowsExpireSince
        ? undefined
        : Math.max(startTime, at) + retentionMs + ROW_OUTLIVES_RETENTION_MS,
    unknownAttributes: known?.unknownAttributes,
  });
}

/** Puts the next check off, twice as long each time. */
export function putOff(row: TaskRow, now: EpochMs, lastError?: string): TaskRow {
  const fruitlessChecks = (row.fruitlessChecks ?? 0) + 1;
  return { ...row, fruitlessChecks, nextCheckAt: now + pauseAfter(fruitlessChecks), ...(lastError && { lastError }) };
}

/** The row after a look-up that didn't show the task. After three of them over 15 minutes the task is missing. */
export function miss(row: TaskRow, now: EpochMs): TaskRow {
  const misses = (row.misses ?? 0) + 1;
  const firstMissedAt = row.firstMissedAt ?? now;
  const missing = misses >= MISSING_AFTER_MISSES && now - firstMissedAt >= MISSING_AFTER_MS;
  return { ...putOff(row, now), misses, firstMissedAt, ...(missing && { missing }) };
}

/** The row before its event is published. It is due. */
export function unpublished(row: TaskRow, now: EpochMs): TaskRow {
  if (!row.settled) {
    const { stalledAt: _, ...running } = row;
    return running;
  }
  const { expiresAt: _, publishedStatuses, ...rest } = row;
  const others = new Set([...publishedStatuses].filter(status => status !== row.status));
  return { ...rest, settled: false, publishedStatuses: others, nextCheckAt: now };
}

/** The row after EventBridge refused its event. It stays unsettled, and the pauses between attempts grow. */
export function refused(settledRow: TaskRow, attemptsBefore: number, now: EpochMs, error: string): TaskRow {
  const publishAttempts = attemptsBefore + 1;
  return {
    ...unpublished(settledRow, now),
    publishAttempts,
    lastError: error,
    fruitlessChecks: publishAttempts,
    nextCheckAt: now + pauseAfter(publishAttempts),
  };
}

function statusBefore(known: TaskRow | undefined, listed: ListedTask): string | undefined {
  if (known?.status === listed.status) return known.previousStatus;
  return known?.status === NO_STATUS ? undefined : known?.status;
}
