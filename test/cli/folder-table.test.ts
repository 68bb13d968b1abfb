/** The file of the table of `watch`. Its contract as a table is in test/in-memory/contract.test.ts. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderTable } from '../../cli/commands/watch/folder-table';
import { CommandFailure } from '../../cli/lib/context';
import { openBudget } from '../../lambdas/poller/budget';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { DAY, MINUTE } from '../durations';

const source = 'Sandbox#OpportunityFromEngagement';
const now = Date.UTC(2026, 10, 23);
const { signal } = new AbortController();
const budget = openBudget({
  now: () => now,
  deadline: now + MINUTE,
  listCalls: 0,
  listCallsPerSecond: 1,
  events: 0,
});
afterAll(() => budget.close());

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'folder-table-'));
  file = join(folder, 'table.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const row = (taskId: string, more: Partial<TaskRow> = {}): TaskRow => ({
  taskId,
  status: 'COMPLETE',
  settled: true,
  publishedStatuses: new Set(['COMPLETE']),
  firstSeenAt: now,
  lastSeenAt: now,
  ...more,
});

/** Opens it, and removes only the lock, like a kill. */
async function within<T>(work: (table: ReturnType<typeof openFolderTable>['table']) => Promise<T>, at = now) {
  const opened = openFolderTable(folder, source, at);
  try {
    return await work(opened.table);
  } finally {
    opened.close();
  }
}
const idsIn = async (taskIds: readonly string[], at = now) =>
  within(async table => [...(await table.readRows(taskIds, budget)).rows.keys()], at);

test('after a kill at any byte of a write, it has all earlier rows, and only whole rows of that write', async () => {
  await within(table => table.writeRows([row('task-before')], budget));
  const before = readFileSync(file);
  await within(table => table.writeRows([row('task-1', { message: 'é\n"' }), row('task-2')], budget));
  const after = readFileSync(file);
  const seen = new Set<string>();
  for (let cut = before.length; cut <= after.length; cut += 1) {
    writeFileSync(file, after.subarray(0, cut));
    const ids = await idsIn(['task-before', 'task-1', 'task-2']);
    seen.add(ids.join());
    // The next write is not lost behind the incomplete line.
    if (cut % 50 === 0) {
      await within(table => table.writeRows([row('task-next')], budget));
      expect(await idsIn([...ids, 'task-next'])).toEqual([...ids, 'task-next']);
    }
  }
  expect([...seen]).toEqual(['task-before', 'task-before,task-1', 'task-before,task-1,task-2']);
});

test('after a kill during a rewrite of the file, it has the old file', async () => {
  await within(table => table.writeRows([row('task-1')], budget));
  writeFileSync(`${file}.new`, '{"half');
  expect(await idsIn(['task-1'])).toEqual(['task-1']);
  expect(readdirSync(folder)).toEqual(['table.jsonl']);
});

test('ends the lease of a killed process and keeps its requests', async () => {
  await within(async table => {
    await table.takeLease({ owner: 'killed', now, expiresAt: now + MINUTE, emitSince: now, signal });
    await table.requestAudit(now, signal);
  });
  const taken = await within(table =>
    table.takeLease({ owner: 'next', now: now + 1, expiresAt: now + MINUTE, emitSince: now + 1, signal }),
  );
  expect(taken).toMatchObject({ emitSince: now, auditRequestedAt: now });
});

test('deletes expired rows when it is opened', async () => {
  await within(table =>
    table.writeRows(
      [row('task-1', { expiresAt: now + DAY }), row('task-2', { expiresAt: now + 3 * DAY }), row('task-3')],
      budget,
    ),
  );
  expect(await idsIn(['task-1', 'task-2', 'task-3'], now + 2 * DAY)).toEqual(['task-2', 'task-3']);
});

test('the file does not grow with the number of writes', async () => {
  await within(async table => {
    for (let at = 0; at < 2_500; at += 1)
      await table.writeRows(
        Array.from({ length: 10 }, (_, task) => row(`task-${task}`, { lastSeenAt: now + at })),
        budget,
      );
    expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(11_000);
    const { rows } = await table.readRows(['task-3'], budget);
    expect(rows.get('task-3')).toMatchObject({ lastSeenAt: now + 2_499 });
  });
});

test('sources in one folder are separate', async () => {
  await within(table => table.writeRows([row('task-1')], budget));
  const other = openFolderTable(folder, 'AWS#OpportunityFromEngagement', now);
  expect((await other.table.readRows(['task-1'], budget)).rows.size).toBe(0);
  expect(other.checkpoint()).toBeUndefined();
  other.close();
});

test('fails when a line is damaged, and does not start with an empty table', async () => {
  await within(table => table.writeRows([row('task-1'), row('task-2')], budget));
  writeFileSync(file, readFileSync(file, 'utf8').replace('"task', '"ta"sk').replace('TASK#task-1', 'TASK#"task-1'));
  const damaged = readFileSync(file);
  expect(() => openFolderTable(folder, source, now)).toThrow(CommandFailure);
  expect(() => openFolderTable(folder, source, now)).toThrow(/table\.jsonl is damaged: .*Restore it, or move it away/);
  expect(readFileSync(file)).toEqual(damaged);
  expect(readdirSync(folder)).toEqual(['table.jsonl']); // unlocked
});

test('fails when the folder has the format of another release, with advice', () => {
  writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-000004\n');
  expect(() => openFolderTable(folder, source, now)).toThrow(
    /was written by an earlier release, in a form that this one does not read; it was last opened at .*--keep and, with --since, .*the same eventId\.$/,
  );
  expect(existsSync(file)).toBe(false);
});
