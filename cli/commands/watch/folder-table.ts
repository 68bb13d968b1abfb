/** The snapshot table in a folder of this machine, for a poller of which nothing is deployed. */
import type { Checkpoint } from '../../../lambdas/poller/core/checkpoint';
import type { EpochMs } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { toAttributes, toCheckpoint } from '../../../lambdas/poller/edges/checkpoint-item';
import { CHECKPOINT_KEY, refuseNewerFormat, taskKey, toItem, toRow } from '../../../lambdas/poller/edges/row-item';
import { LONGEST_LEASE_MS } from '../../../lambdas/poller/edges/snapshot-table';
import { toCandidate } from '../../../lambdas/poller/edges/table-reader';
import { LeaseLost } from '../../../lambdas/poller/errors';
import type { SnapshotTable } from '../../../lambdas/poller/ports';
import { tableSchema } from '../../../lambdas/poller/table-schema';
import { lockFolder } from '../../lib/folder-lock';
import { type Item, openItemFile } from './item-file';

const { partitionKey, sortKey, index } = tableSchema;

/**
 * @param folder is made if it is not there
 * @throws CannotStart when another process uses the folder, CommandFailure when it can't be read
 */
export function openFolderTable(folder: string, source: string, now: EpochMs) {
  const unlock = lockFolder(folder);
  process.once('exit', unlock);
  const release = () => {
    process.off('exit', unlock);
    unlock();
  };
  try {
    const file = openItemFile(folder, now);
    const table = tableOn(file, source);
    return {
      table,
      checkpoint: table.stored,
      close() {
        file.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

function tableOn(file: ReturnType<typeof openItemFile>, source: string): SnapshotTable & { stored(): StoredOrNone } {
  const key = { [partitionKey]: source, [sortKey]: CHECKPOINT_KEY };
  const read = (): Item => file.get(key) ?? key;
  const write = (set: Item) => file.put([{ ...read(), ...set }]);

  // The folder is locked: a lease in it was left by a process that was killed.
  if (read().leaseOwner !== undefined) write({ leaseExpiresAtMs: 0 });

  function writeAs(owner: string, set: Item): void {
    if (read().leaseOwner !== owner) throw new LeaseLost('Another run has taken over the lease');
    write(set);
  }

  return {
    /** @returns undefined before the first poll */
    stored: () => (file.get(key) ? toCheckpoint(read()) : undefined),

    async requestAudit(now) {
      write({ auditRequestedAt: iso(now) });
    },

    async takeLease({ owner, now, expiresAt, emitSince }) {
      const { leaseOwner, leaseExpiresAtMs } = read();
      const until = Number(leaseExpiresAtMs);
      const isFree = leaseOwner === undefined || leaseOwner === owner || until < now || until > now + LONGEST_LEASE_MS;
      if (!isFree) return undefined;
      write({ emitSince: iso(emitSince), ...read(), leaseOwner: owner, leaseExpiresAtMs: expiresAt });
      return toCheckpoint(read());
    },

    async finish(owner, checkpoint: Checkpoint) {
      writeAs(owner, { ...toAttributes(checkpoint), leaseExpiresAtMs: 0 });
      return { pollRequested: false };
    },

    async release(owner, _signal, recordFailedAt) {
      writeAs(owner, {
        leaseExpiresAtMs: 0,
        ...(recordFailedAt !== undefined && { recordFailedAt: iso(recordFailedAt) }),
      });
    },

    async readRows(taskIds) {
      const rows = new Map<string, TaskRow>();
      const damaged: string[] = [];
      for (const taskId of taskIds) {
        const item = file.get(taskKey(source, taskId));
        if (!item) continue;
        refuseNewerFormat('A row', item.formatVersion);
        const result = toRow(item);
        rows.set(taskId, result.row);
        if (result.damaged) damaged.push(taskId);
      }
      return { rows, damaged };
    },

    async writeRows(rows) {
      file.put(rows.map(row => toItem(source, row, true)));
      return { cut: [], lost: [] };
    },

    async unsettled() {
      const items = [...file.all()].filter(item => item[index.partitionKey] === source);
      return items.map(toCandidate).sort((one, other) => one.nextCheckAt - other.nextCheckAt);
    },
  };
}

type StoredOrNone = ReturnType<typeof toCheckpoint> | undefined;

const iso = (at: EpochMs) => new Date(at).toISOString();
