import type { Allowance } from '../budget';
import type { Checkpoint } from '../core/checkpoint';
import { type Decision, diff, type EmissionRules } from '../core/diff';
import { ORDER_TOLERANCE_MS } from '../core/sweep';
import { type EpochMs, IN_PROGRESS, isTerminal, type ListedTask } from '../core/task';
import { miss, putOff, type TaskRow } from '../core/task-row';
import { RequestRefused } from '../errors';
import { pagesOf } from '../pager';
import type { Candidate } from '../ports';
import { applyDecisions, type Decided, processTasks } from '../process-tasks';
import { attempt, type Phase, type Run, rulesFor } from '../run-state';

/** Partner Central takes up to ten identifiers in one request. */
const IDS_PER_LOOK_UP = 10;
/** List calls of one recheck for tasks that are not listed as running. Rows that never settle must not use up the quota. */
const MAX_LOOK_UPS = 20;
/** More than ten, so that one page shows them all, unless Partner Central makes its pages smaller. */
const LOOK_UP_PAGE_SIZE = 100;
/** Listing finished tasks may cost this many calls more than it has saved, since nobody knows how far down they are. */
const LISTING_STAKE = 5;

/** Lists the running tasks. If the listing is not whole, a task that it lacks may well be running. */
export async function listRunning(run: Run, allowance: Allowance) {
  return listAll(run, { of: 'running', pageSize: run.settings.backlogPageSize }, allowance);
}

/**
 * Checks the unsettled rows that are due and were not processed in this run.
 * @param candidates the longest due first
 * @param everyOne check those that are not due as well
 */
export async function recheck(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  everyOne: boolean,
  allowance: Allowance,
): Promise<Phase> {
  const checked = await attempt(check(run, checkpoint, candidates, everyOne, allowance));
  if (!('value' in checked)) return { checkpoint, whole: false, failure: checked.failure };
  const whole = checked.value;
  // If an event waits for its row, that row still says that its task runs. Then this recheck proves nothing.
  const isProof = whole && run.publisher.waiting() === 0;
  return { checkpoint: isProof ? { ...checkpoint, recheckedAt: run.startedAt } : checkpoint, whole };
}

/** @returns whether every one was checked */
async function check(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  everyOne: boolean,
  allowance: Allowance,
): Promise<boolean> {
  const now = run.now();
  const due = candidates.filter(
    ({ taskId, nextCheckAt }) => !run.rows.isDone(taskId) && (everyOne || nextCheckAt <= now),
  );
  const lookUps = { run, checkpoint, allowance, calls: { left: MAX_LOOK_UPS } };
  if (due.length <= IDS_PER_LOOK_UP) return lookUpAll({ ...lookUps, putOffRunning: 'not' }, due);

  // At most half of the allowance: if the listing is cut short, looking up by id still finds some that finished.
  const running = await listRunning(run, run.budget.part(1 / 2, allowance));
  // The index may lag, and the status filter too: what counts is the status that is listed.
  const changed = candidates.flatMap(({ taskId, status, inDoubt }) => {
    const listed = running.tasks.get(taskId);
    return listed && (inDoubt || listed.status !== status || isTerminal(status)) ? [listed] : [];
  });
  const allProcessed = await processTasks(run, changed, rulesFor(run, checkpoint, running), allowance);

  const gone = due.filter(({ taskId }) => !running.tasks.has(taskId));
  const byId: LookUps = { ...lookUps, putOffRunning: running.whole ? 'longer' : 'a minute' };
  const finished = await findFinished(byId, gone);
  const allLookedUp = await lookUpAll(byId, finished.left);
  return running.whole && allProcessed && finished.whole && allLookedUp;
}

/**
 * When a task that turns out to be running is looked up again. If many are due, they are searched in the list of running
 * tasks, and one that is not in it would cost a look-up in every run. If that list is cut short, they take turns.
 */
type PutOff = 'not' | 'a minute' | 'longer';

/** The look-ups of one recheck. */
interface LookUps {
  readonly run: Run;
  readonly checkpoint: Checkpoint;
  readonly allowance: Allowance;
  readonly putOffRunning: PutOff;
  readonly calls: { left: number };
}

/**
 * Searches tasks that are gone from the list of running ones in the list of finished ones, newest first. One page of it
 * may show a thousand of them, and a look-up by id shows ten. It stops when more calls are spent than saved.
 * @returns whether what was found could be processed, and what is left to be looked up by id
 */
async function findFinished(
  lookUps: LookUps,
  gone: readonly Candidate[],
): Promise<{ readonly whole: boolean; readonly left: readonly Candidate[] }> {
  const { run, checkpoint, allowance, calls } = lookUps;
  if (gone.length <= LISTING_STAKE * IDS_PER_LOOK_UP) return { whole: true, left: gone };
  const unseen = new Map(gone.map(candidate => [candidate.taskId, candidate]));
  const oldest = Math.min(...gone.map(({ startTime }) => startTime ?? Number.POSITIVE_INFINITY));
  const left = () => [...unseen.values()];
  let pages = 0;
  const listing = { of: 'finished', pageSize: run.settings.backlogPageSize } as const;
  for await (const step of pagesOf(run, listing, allowance)) {
    if ('end' in step) {
      const isFailure = typeof step.end === 'object' && !(step.end.failed instanceof RequestRefused);
      if (isFailure) throw step.end.failed;
      break;
    }
    const { page } = step;
    pages += 1;
    calls.left -= 1;
    const found = page.tasks.filter(({ taskId }) => unseen.has(taskId));
    for (const { taskId } of found) unseen.delete(taskId);
    const listed = new Map(found.map(task => [task.taskId, task]));
    if (!(await processFound(lookUps, listed, rulesFor(run, checkpoint, page)))) return { whole: false, left: left() };
    const saved = (gone.length - unseen.size) / IDS_PER_LOOK_UP;
    const isBelow = (page.tasks.at(-1)?.startTime ?? Number.POSITIVE_INFINITY) < oldest - ORDER_TOLERANCE_MS;
    if (isBelow || unseen.size <= IDS_PER_LOOK_UP || pages - saved >= LISTING_STAKE) break;
  }
  return { whole: true, left: left() };
}

/** Looks tasks up by id, ten at a time. @returns whether all of them were */
async function lookUpAll(lookUps: LookUps, candidates: readonly Candidate[]): Promise<boolean> {
  let whole = true;
  for (let from = 0; from < candidates.length; from += IDS_PER_LOOK_UP) {
    const some = candidates.slice(from, from + IDS_PER_LOOK_UP).map(({ taskId }) => taskId);
    whole = (await lookUp(lookUps, some)) && whole;
  }
  return whole;
}

/** Looks up to ten tasks up. @returns whether all of them were */
async function lookUp(lookUps: LookUps, taskIds: readonly string[]): Promise<boolean> {
  const { run, checkpoint, allowance, calls } = lookUps;
  if (calls.left <= 0) return false;
  calls.left -= 1;
  const listed = await attempt(listAll(run, { of: taskIds, pageSize: LOOK_UP_PAGE_SIZE }, allowance));
  if ('value' in listed) {
    const { tasks, whole } = listed.value;
    const found = new Map([...tasks].filter(([taskId]) => taskIds.includes(taskId)));
    return (await processFound(lookUps, found, rulesFor(run, checkpoint, listed.value), whole ? taskIds : [])) && whole;
  }
  if (!(listed.failure instanceof RequestRefused)) throw listed.failure;
  if (taskIds.length === 1) {
    await markRefused(run, taskIds, listed.failure, allowance);
    return true;
  }
  // The whole request is refused for one of them: halve it until that one stands alone.
  const middle = Math.ceil(taskIds.length / 2);
  const first = await lookUp(lookUps, taskIds.slice(0, middle));
  return (await lookUp(lookUps, taskIds.slice(middle))) && first;
}

/**
 * Processes what a listing showed.
 * @param askedFor ids that a whole look-up asked for: a task of these that it doesn't show is no longer listed
 * @returns false when time or the event budget ran out
 */
async function processFound(
  { run, allowance, putOffRunning }: LookUps,
  found: ReadonlyMap<string, ListedTask>,
  rules: EmissionRules,
  askedFor: readonly string[] = [],
): Promise<boolean> {
  const taskIds = [...new Set([...found.keys(), ...askedFor])];
  const rows = await run.rows.read(taskIds);
  const decided = taskIds.flatMap((taskId): Decided[] => {
    const row = rows.get(taskId);
    if (row === undefined) return []; // the index lags: the row has expired
    const listed = found.get(taskId);
    return [{ taskId, decision: listed ? afterLookUp(row, listed, rules, putOffRunning) : notFound(run, row, rules) }];
  });
  return applyDecisions(run, decided, allowance);
}

/** The decision of the diff. A row that stays unsettled is also put off where needed. */
function afterLookUp(row: TaskRow, listed: ListedTask, rules: EmissionRules, putOffRunning: PutOff) {
  const decision = diff(row, listed, rules);
  const next = decision.what === 'nothing' ? row : decision.row;
  const isFine = listed.status === IN_PROGRESS ? putOffRunning === 'not' : isTerminal(listed.status);
  if (next.settled || isFine) return decision;
  const wasFruitless = row.status === listed.status && putOffRunning !== 'a minute';
  const before = wasFruitless ? (row.fruitlessChecks ?? 0) : 0;
  const looked = { ...withoutRefusal(next), fruitlessChecks: before };
  return { ...decision, what: 'record' as const, row: putOff(looked, rules.answeredAt) };
}

/** The look-up was answered, so an earlier refusal is over. */
const withoutRefusal = ({ lastError: _, ...row }: TaskRow): TaskRow => row;

/** A finished task whose event is still to be published needs no list: its row has the outcome. */
function notFound(run: Run, row: TaskRow, rules: EmissionRules): Decision {
  if (row.settled) return { what: 'nothing' };
  if (isTerminal(row.status)) return diff(row, row, rules);
  const next = miss(withoutRefusal(row), rules.answeredAt);
  if (next.missing && !row.missing) {
    run.count('missing');
    run.logger.error('A task that was running is no longer listed', { taskId: row.taskId, lastSeenAt: row.lastSeenAt });
  }
  return { what: 'record', row: next };
}

async function markRefused(
  run: Run,
  taskIds: readonly string[],
  error: RequestRefused,
  allowance: Allowance,
): Promise<void> {
  const { code, reason, errorList } = error;
  run.count('refusedLookUps');
  run.logger.error('Partner Central refuses to look this task up', { taskIds, code, reason, errorList });
  const rows = await run.rows.read(taskIds);
  const decided = [...rows.values()]
    .filter(row => !row.settled)
    .map((row): Decided => ({ taskId: row.taskId, decision: { what: 'record', row: putOff(row, run.now(), code) } }));
  await applyDecisions(run, decided, allowance);
}

interface Listed {
  readonly tasks: ReadonlyMap<string, ListedTask>;
  /** The listing came to its end. */
  readonly whole: boolean;
  /** Before the first request, and after the last answer. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
}

/**
 * Collects a listing of any number of pages.
 * @throws RequestRefused only for the first page; TransientFailure, PermanentFailure
 */
async function listAll(
  run: Run,
  listing: { of: 'running' | readonly string[]; pageSize: number },
  allowance: Allowance,
): Promise<Listed> {
  const tasks = new Map<string, ListedTask>();
  // From the first answer: before it, the run may not know Partner Central's clock.
  let askedAt: EpochMs | undefined;
  let whole = false;
  for await (const step of pagesOf(run, listing, allowance)) {
    if ('page' in step) {
      askedAt ??= step.page.askedAt;
      for (const task of step.page.tasks) tasks.set(task.taskId, task);
    } else {
      if (typeof step.end === 'object') throw step.end.failed;
      whole = step.end === 'end of list';
    }
  }
  return { tasks, whole, askedAt: askedAt ?? run.now(), answeredAt: run.now() };
}
