import type { Checkpoint } from '../../lambdas/poller/core/checkpoint';
import { type EpochMs, withoutAbsent } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import type { LeasedCheckpoint } from '../../lambdas/poller/edges/table-reader';
import type { Candidate, SnapshotTable } from '../../lambdas/poller/ports';

/** What lies under an overlay: it is read, and nothing else. */
export interface Underlying extends Pick<SnapshotTable, 'readRows' | 'unsettled'> {
  readonly checkpoint: () => Promise<LeasedCheckpoint | undefined>;
}

export const emptyTable: Underlying = {
  checkpoint: async () => undefined,
  readRows: async () => ({ rows: new Map(), damaged: [] }),
  unsettled: async () => [],
};

/** What a run did to an overlay. */
export interface Overlaid {
  /** There has been no run yet. */
  isFirst?: boolean;
  /** Until when another run has the lease. */
  leaseHeldUntil?: EpochMs;
  /** As the run would have left it; absent when it didn't get that far. */
  checkpoint?: Checkpoint;
  /** By task id, as the table has them; null where a row was asked for and there is none. */
  readonly before: Map<string, TaskRow | null>;
  /** By task id, as they would have been written. */
  readonly written: Map<string, TaskRow>;
  /** Unsettled, as the index has them. */
  readonly candidates: Candidate[];
}

/** A snapshot table whose writes stay in memory, the lease too: a run on it leaves no trace. */
export function overlayOn(under: Underlying): { table: SnapshotTable; overlaid: Overlaid } {
  const overlaid: Overlaid = { before: new Map(), written: new Map(), candidates: [] };
  const { before, written, candidates } = overlaid;

  const table: SnapshotTable = {
    async requestAudit() {
      throw new Error("An audit changes the table: an overlay can't have one");
    },
    async takeLease({ now, emitSince }) {
      const kept = await under.checkpoint();
      overlaid.isFirst = kept?.watermark === undefined;
      const { leaseOwner: _, leaseExpiresAtMs = 0, ...stored } = kept ?? {};
      if (leaseExpiresAtMs > now) overlaid.leaseHeldUntil = leaseExpiresAtMs;
      return { emitSince, ...stored };
    },
    async finish(_owner, checkpoint) {
      overlaid.checkpoint = checkpoint;
      return { pollRequested: false };
    },
    async release() {},
    async readRows(taskIds, budget) {
      const unread = taskIds.filter(taskId => !before.has(taskId));
      const { rows, damaged } = await under.readRows(unread, budget);
      for (const taskId of unread) before.set(taskId, rows.get(taskId) ?? null);
      const found = taskIds.flatMap((taskId): [string, TaskRow][] => {
        const row = written.get(taskId) ?? before.get(taskId);
        return row ? [[taskId, row]] : [];
      });
      return { rows: new Map(found), damaged };
    },
    async writeRows(rows) {
      for (const row of rows) written.set(row.taskId, row);
      return { cut: [], lost: [] };
    },
    async unsettled(budget) {
      candidates.push(...(await under.unsettled(budget)));
      const untouched = candidates.filter(({ taskId }) => !written.has(taskId));
      return [...untouched, ...[...written.values()].filter(({ settled }) => !settled).map(asCandidate)];
    },
  };
  return { table, overlaid };
}

const asCandidate = ({ taskId, status, startTime, stalledAt, missing, lastError, ...row }: TaskRow): Candidate =>
  withoutAbsent({
    taskId,
    status,
    startTime,
    stalledAt,
    missing,
    lastError,
    nextCheckAt: row.nextCheckAt ?? 0,
    inDoubt: (row.fruitlessChecks ?? 0) > 0,
  });
