/** How things stand with one source, read from its table. */
import { isAuditOverdue, isAuditRequestMet } from '../../lambdas/poller/core/audits';
import { isStalled } from '../../lambdas/poller/core/stalled';
import { isTerminal } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { LONGEST_LEASE_MS } from '../../lambdas/poller/edges/snapshot-table';
import type { LeasedCheckpoint } from '../../lambdas/poller/edges/table-reader';
import { REPORTED_OFFSET_MS } from '../../lambdas/poller/service-clock';
import type { DeployedSource } from './deployment';
import type { TableReader } from './table';

const MINUTE_MS = 60_000;

/** As the alarm "not finishing" sees it: five minutes, or three polls if that is longer. */
export const lateAfterMs = ({ settings }: Pick<DeployedSource, 'settings'>) =>
  Math.max(5, 3 * settings.pollEveryMinutes) * MINUTE_MS;

export const isLate = (source: DeployedSource, lastSuccessAt: number | undefined, now: number) =>
  lastSuccessAt === undefined || now - lastSuccessAt > lateAfterMs(source);

export type SourceStatus = Awaited<ReturnType<typeof readStatus>>;

export async function readStatus(source: DeployedSource, table: TableReader, now: number) {
  const [checkpoint, rows] = await Promise.all([table.checkpoint(), table.unsettledRows()]);
  rows.sort((a, b) => (a.startTime ?? 0) - (b.startTime ?? 0));
  const missing = rows.filter(row => row.missing);
  const unpublished = rows.filter(row => !row.missing && isTerminal(row.status));
  const running = rows.filter(row => !row.missing && !isTerminal(row.status));
  return {
    source,
    checkpoint,
    lease: checkpoint && heldLease(checkpoint, now),
    late: isLate(source, checkpoint?.lastSuccessAt, now),
    audit: {
      requestedAt: checkpoint?.auditRequestedAt,
      finishedAt: checkpoint?.auditedAt,
      waits: checkpoint?.auditRequestedAt !== undefined && !isAuditRequestMet(checkpoint),
      atWork: checkpoint?.gaps?.some(({ driftBefore }) => driftBefore !== undefined) ?? false,
      overdue:
        checkpoint !== undefined &&
        isAuditOverdue({ emissionFloor: 0, initialised: true, gaps: [], ...checkpoint }, now),
    },
    clockOffsetSeconds: clockOffsetSeconds(checkpoint?.clockOffsetMs),
    /** Oldest first, all three. */
    running: running.map(row => ({ row, stalled: isStalledIn(source, checkpoint?.emitSince, row, now) })),
    unpublished,
    missing,
  };
}

/** How far Partner Central's clock was ahead of the function's in the last poll, if it is worth a line. */
export const clockOffsetSeconds = (offsetMs = 0) =>
  Math.abs(offsetMs) > REPORTED_OFFSET_MS ? Math.round(offsetMs / 1_000) : undefined;

/** The same in words. */
export const clockInWords = (seconds: number) =>
  `the function's clock was ${Math.abs(seconds)} seconds ${seconds > 0 ? 'behind' : 'ahead of'} Partner Central's; the poller uses Partner Central's`;

/** Whether a task of this source has been running for too long. */
export const isStalledIn = (source: DeployedSource, emitSince: number | undefined, row: TaskRow, now: number) =>
  isStalled(row, { now, stalledAfterMs: source.settings.stalledAfterMinutes * MINUTE_MS, emitSince: emitSince ?? 0 });

/** No run lasts longer than Lambda's longest: a lease that claims to is left by a clock that jumped, and free. */
function heldLease({ leaseOwner: owner, leaseExpiresAtMs: expiresAt }: LeasedCheckpoint, now: number) {
  const isHeld = expiresAt > now && expiresAt < now + LONGEST_LEASE_MS;
  return owner !== undefined && isHeld ? { owner, expiresAt } : undefined;
}
