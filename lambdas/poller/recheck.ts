import type { Allowance } from './budget';
import { diff, type EmissionRules } from './core/diff';
import { IN_PROGRESS, isTerminal, type ListedTask } from './core/task';
import { miss, putOff, type TaskRow } from './core/task-row';
import { carryOut, type Decided, dealWith, readRows } from './deal-with';
import type { Page } from './edges/partner-central';
import type { Candidate } from './edges/snapshot-table';
import { RequestRefused } from './errors';
import { countPage, type Run, rulesFor } from './run-state';

/** Partner Central takes up to ten identifiers in one request. */
const IDS_PER_LOOK_UP = 10;
/** Of List calls in one run, so that rows which never settle can't use up the quota. */
const MAX_LOOK_UPS = 20;

/** All that is IN_PROGRESS, or undefined when the listing is not whole: what an incomplete one lacks may well be running. */
export async function listRunning(
  run: Run,
  allowance: Allowance,
): Promise<{ tasks: Map<string, ListedTask>; page: Page } | undefined> {
  const tasks = new Map<string, ListedTask>();
  const listing = { of: 'running', pageSize: run.settings.backlogPageSize } as const;
  const page = await listWhole(run, listing, allowance, task => tasks.set(task.taskId, task));
  return page && { tasks, page };
}

/**
 * Looks again at the unsettled rows that are due and were not seen in this run.
 * @returns whether all of them were looked at
 */
export async function recheck(
  run: Run,
  candidates: readonly Candidate[],
  everyOne: boolean,
  allowance: Allowance,
): Promise<boolean> {
  const now = run.now();
  const due = candidates.filter(
    ({ taskId, nextCheckAt }) => !run.handled.has(taskId) && (everyOne || nextCheckAt <= now),
  );
  if (due.length === 0) return true;
  const lookUps = { left: MAX_LOOK_UPS };
  if (due.length <= IDS_PER_LOOK_UP) return lookUp(run, idsOf(due), lookUps, allowance, false);

  const running = await listRunning(run, allowance);
  if (running === undefined) return false;
  const clearsDoubt = candidates.flatMap(({ taskId, inDoubt }) => (inDoubt ? (running.tasks.get(taskId) ?? []) : []));
  await dealWith(run, clearsDoubt, rulesFor(run, running.page, run.checkpoint.emissionFloor), allowance);

  const gone = idsOf(due).filter(taskId => !running.tasks.has(taskId));
  for (let from = 0; from < gone.length; from += IDS_PER_LOOK_UP) {
    if (!(await lookUp(run, gone.slice(from, from + IDS_PER_LOOK_UP), lookUps, allowance, true))) return false;
  }
  return true;
}

/** The longest due first. */
const idsOf = (due: readonly Candidate[]) => due.map(({ taskId }) => taskId);

/**
 * Looks up to ten tasks up by id.
 * @param putOffRunning whether one that turns out to be running waits for its next look-up: where there are many, they
 *   are looked for in the list of what is running, and one that isn't in it would otherwise use a look-up in every run
 */
async function lookUp(
  run: Run,
  taskIds: readonly string[],
  lookUps: { left: number },
  allowance: Allowance,
  putOffRunning: boolean,
): Promise<boolean> {
  if (lookUps.left === 0) return false;
  lookUps.left -= 1;
  const found = new Map<string, ListedTask>();
  let page: Page | undefined;
  try {
    const listing = { of: taskIds, pageSize: Math.max(IDS_PER_LOOK_UP, run.settings.headPageSize) };
    page = await listWhole(run, listing, allowance, task => found.set(task.taskId, task));
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    if (taskIds.length > 1) {
      // One id is what the whole request is refused for: halve until it stands alone.
      const middle = Math.ceil(taskIds.length / 2);
      const first = await lookUp(run, taskIds.slice(0, middle), lookUps, allowance, putOffRunning);
      return (await lookUp(run, taskIds.slice(middle), lookUps, allowance, putOffRunning)) && first;
    }
    await markRefused(run, taskIds, error, allowance);
    return true;
  }
  if (page === undefined) return false;

  const rules = rulesFor(run, page, run.checkpoint.emissionFloor);
  const rows = await readRows(run, taskIds, allowance);
  const decided = taskIds.flatMap((taskId): Decided[] => {
    const row = rows.get(taskId);
    if (row === undefined) return []; // the index is behind: the row is gone
    const listed = found.get(taskId);
    if (listed !== undefined) return [{ taskId, decision: afterLookUp(row, listed, rules, putOffRunning) }];
    return row.settled ? [] : [{ taskId, decision: { what: 'record', row: missed(run, row, page.answeredAt) } }];
  });
  return carryOut(run, decided, allowance);
}

/** What the diff decides, and for a row that stays unsettled when it is looked at next. */
function afterLookUp(row: TaskRow, listed: ListedTask, rules: EmissionRules, putOffRunning: boolean) {
  const decision = diff(row, listed, rules);
  const next = decision.what === 'nothing' ? row : decision.row;
  const isFine = listed.status === IN_PROGRESS ? !putOffRunning : isTerminal(listed.status);
  if (next.settled || isFine) return decision;
  const before = row.status === listed.status ? (row.fruitlessChecks ?? 0) : 0;
  return { ...decision, what: 'record' as const, row: putOff({ ...next, fruitlessChecks: before }, rules.answeredAt) };
}

function missed(run: Run, row: TaskRow, now: number): TaskRow {
  const next = miss(row, now);
  if (next.missing && !row.missing) {
    run.counts.missing += 1;
    run.logger.error('A task that was running is no longer listed', { taskId: row.taskId, lastSeenAt: row.lastSeenAt });
  }
  return next;
}

async function markRefused(
  run: Run,
  taskIds: readonly string[],
  error: RequestRefused,
  allowance: Allowance,
): Promise<void> {
  const { code, reason, errorList } = error;
  run.counts.refusedLookUps += 1;
  run.logger.error('Partner Central refuses to look this task up', { taskIds, code, reason, errorList });
  const rows = await readRows(run, taskIds, allowance);
  const decided = [...rows.values()]
    .filter(row => !row.settled)
    .map((row): Decided => ({ taskId: row.taskId, decision: { what: 'record', row: putOff(row, run.now(), code) } }));
  await carryOut(run, decided, allowance);
}

/**
 * Follows a listing to its end.
 * @returns its last page with `askedAt` of its first, or undefined when it could not be followed to the end
 * @throws RequestRefused only for the first page
 */
async function listWhole(
  run: Run,
  listing: { of: 'running' | readonly string[]; pageSize: number },
  allowance: Allowance,
  onTask: (task: ListedTask) => void,
): Promise<Page | undefined> {
  const seenTokens = new Set<string>();
  let token: string | undefined;
  let askedAt: number | undefined;
  for (;;) {
    if (!run.budget.mayList(allowance)) return undefined;
    let page: Page;
    try {
      page = await run.partnerCentral.list({ ...listing, ...(token !== undefined && { token }) }, run.budget);
    } catch (error) {
      if (!(error instanceof RequestRefused) || token === undefined) throw error;
      run.counts.lostCursors += 1;
      return undefined;
    }
    countPage(run, page);
    page.tasks.forEach(onTask);
    askedAt ??= page.askedAt;
    if (page.nextToken === undefined) return { ...page, askedAt };
    if (seenTokens.has(page.nextToken)) {
      run.counts.repeatedTokens += 1;
      return undefined;
    }
    seenTokens.add(page.nextToken);
    token = page.nextToken;
  }
}
