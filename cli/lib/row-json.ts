import { withoutAbsent } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { reasonCategory } from '../../lambdas/reason-categories';
import { formatSource } from '../../lambdas/source-id';
import type { DeployedSource } from './deployment';
import { iso } from './words';

/** A row for programs: times in ISO 8601, absent fields left out. Fields are only ever added. */
export function rowAsJson({ id }: Pick<DeployedSource, 'id'>, row: TaskRow) {
  const { publishedStatuses, unknownAttributes: _, nextCheckAt, taskId, status, ...rest } = row;
  return withoutAbsent({
    source: formatSource(id),
    taskId,
    status,
    ...rest,
    reasonCategory: row.reasonCode === undefined ? undefined : reasonCategory(row.reasonCode),
    publishedStatuses: [...publishedStatuses].sort(),
    startTime: iso(row.startTime),
    firstSeenAt: iso(row.firstSeenAt),
    lastSeenAt: iso(row.lastSeenAt),
    firstTerminalAt: iso(row.firstTerminalAt),
    detectedAfter: iso(row.detectedAfter),
    firstMissedAt: iso(row.firstMissedAt),
    stalledAt: iso(row.stalledAt),
    expiresAt: iso(row.expiresAt),
    // Absent where it is looked at in every poll.
    nextCheckAt: nextCheckAt ? iso(nextCheckAt) : undefined,
  });
}
