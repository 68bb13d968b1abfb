import { type EpochMs, type ListedTask, NO_STATUS, withoutAbsent } from './task';

/**
 * What the table knows of one task. A row is settled when its terminal status has been published, or needs no
 * publishing; an unsettled row is looked at again until it settles.
 */
export interface TaskRow extends ListedTask {
  readonly settled: boolean;
  /** Terminal statuses that are done with: published, or waived because they were there before we watched. */
  readonly publishedStatuses: ReadonlySet<string>;
  readonly previousStatus?: string;
  /** The message here is only the beginning of what the API said. */
  readonly messageTruncated?: true;
  readonly firstSeenAt: EpochMs;
  /** When the row was last written because the task was seen. A task that just keeps running is not written again. */
  readonly lastSeenAt: EpochMs;
  /** When the present terminal status was first seen, and the moment it was known not to be there yet. */
  readonly firstTerminalAt?: EpochMs;
  readonly detectedAfter?: EpochMs;
  readonly publishAttempts?: number;
  readonly lastError?: string;
  /** Look-ups in a row that didn't list the task, and the first of them. */
  readonly misses?: number;
  readonly firstMissedAt?: EpochMs;
  /** Looked for in vain often and long enough to be counted. */
  readonly missing?: true;
  /** Checks in a row that brought nothing; the pause before the next one doubles with each. */
  readonly fruitlessChecks?: number;
  /** When it was told that the task stalls; kept for good, so that it is told once a task. */
  readonly stalledAt?: EpochMs;
  /** Unsettled rows only. */
  readonly nextCheckAt?: EpochMs;
  /** Settled rows with a start time only; DynamoDB deletes the row some time after this. */
  readonly expiresAt?: EpochMs;
  /** Attributes of a newer release, kept so that rolling back and forth loses nothing. */
  readonly unknownAttributes?: Readonly<Record<string, unknown>>;
}

/** `nextCheckAt` of a task that is simply running: due in every run, whatever our clock does. */
export const EVERY_RUN: EpochMs = 0;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A row outlives the emission floor by this, so that a deletion never makes a published task look new. */
export const ROW_OUTLIVES_RETENTION_MS = 7 * DAY_MS;

/** How long to wait after `fruitless` checks in a row: 1 minute, doubling to a day. */
export const pauseAfter = (fruitless: number) => Math.min(DAY_MS, MINUTE_MS * 2 ** Math.min(fruitless - 1, 20));

const MISSING_AFTER_MISSES = 3;
const MISSING_AFTER_MS = 15 * MINUTE_MS;

/** The row of a task that goes on, with all doubts about it cleared. */
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
 * The row of a task whose terminal status is done with. Without a start time it never expires: nothing tells its age.
 * @param seen just before the request was sent, and just after its answer came
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
  // For another reason it has ended anew since, unseen: this outcome is no older than the sighting.
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
    // Running at the first poll, it started before `emitSince`. An earlier `emitSince`, set later, would publish it again.
    expiresAt:
      startTime === undefined || startTime < rowsExpireSince
        ? undefined
        : Math.max(startTime, at) + retentionMs + ROW_OUTLIVES_RETENTION_MS,
    unknownAttributes: known?.unknownAttributes,
  });
}

/** Puts the next check off; the longer nothing comes of it, the further. */
export function putOff(row: TaskRow, now: EpochMs, lastError?: string): TaskRow {
  const fruitlessChecks = (row.fruitlessChecks ?? 0) + 1;
  return { ...row, fruitlessChecks, nextCheckAt: now + pauseAfter(fruitlessChecks), ...(lastError && { lastError }) };
}

/** A look-up didn't list the task. Missing is only what three runs over a quarter of an hour didn't find. */
export function miss(row: TaskRow, now: EpochMs): TaskRow {
  const misses = (row.misses ?? 0) + 1;
  const firstMissedAt = row.firstMissedAt ?? now;
  const missing = misses >= MISSING_AFTER_MISSES && now - firstMissedAt >= MISSING_AFTER_MS;
  return { ...putOff(row, now), misses, firstMissedAt, ...(missing && { missing }) };
}

/** The row as it is before its event is published: the task is due. */
export function unpublished(row: TaskRow, now: EpochMs): TaskRow {
  if (!row.settled) {
    const { stalledAt: _, ...running } = row;
    return running;
  }
  const { expiresAt: _, publishedStatuses, ...rest } = row;
  const others = new Set([...publishedStatuses].filter(status => status !== row.status));
  return { ...rest, settled: false, publishedStatuses: others, nextCheckAt: now };
}

/** EventBridge won't take the event: the row stays unsettled and is tried again, ever more slowly. */
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
