import type { Allowance } from '../budget';
import type { Checkpoint } from '../core/checkpoint';
import { type Decision, diff, type EmissionRules } from '../core/diff';
import { type EpochMs, IN_PROGRESS, isTerminal, type ListedTask } from '../core/task';
import { miss, putOff, type TaskRow } from '../core/task-row';
import { RequestRefused } from '../errors';
import { pagesOf } from '../pager';
import type { Candidate } from '../ports';
import { applyDecisions, type Decided, processTasks, readRows } from '../process-tasks';
import { outcomeOf, type Phase, type Run, rulesFor } from '../run-state';

/** Partner Central takes up to ten identifiers in one request. */
const IDS_PER_LOOK_UP = 10;
/** Of List calls in one run, so that rows which never settle can't use up the quota. */
const MAX_LOOK_UPS = 20;
/** More than ten, so that one page has them all, unless Partner Central decides otherwise. */
const LOOK_UP_PAGE_SIZE = 100;

/** What is IN_PROGRESS. A listing that is not whole proves nothing about what it lacks: that may well be running too. */
export async function listRunning(run: Run, allowance: Allowance) {
  return follow(run, { of: 'running', pageSize: run.settings.backlogPageSize }, allowance);
}

/**
 * Looks again at the unsettled rows that are due and were not seen in this run.
 * @param candidates the longest due first
 * @param everyOne whether those that are not due are looked at as well
 */
export async function recheck(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  everyOne: boolean,
  allowance: Allowance,
): Promise<Phase> {
  const looked = await outcomeOf(lookAgain(run, checkpoint, candidates, everyOne, allowance));
  if (!('value' in looked)) return { checkpoint, whole: false, failure: looked.failure };
  const whole = looked.value;
  // Where an event waits for its row, that row still says that the task runs: this recheck is no proof of it.
  const isProof = whole && run.publisher.waiting() === 0;
  return { checkpoint: isProof ? { ...checkpoint, recheckedAt: run.startedAt } : checkpoint, whole };
}

/** @returns whether all of them were looked at */
async function lookAgain(
  run: Run,
  checkpoint: Checkpoint,
  candidates: readonly Candidate[],
  everyOne: boolean,
  allowance: Allowance,
): Promise<boolean> {
  const now = run.now();
  const due = candidates
    .filter(({ taskId, nextCheckAt }) => !run.handled.has(taskId) && (everyOne || nextCheckAt <= now))
    .map(({ taskId }) => taskId);
  if (due.length === 0) return true;
  const lookUps = { left: MAX_LOOK_UPS };
  if (due.length <= IDS_PER_LOOK_UP) return lookUp(run, checkpoint, due, lookUps, allowance, 'not');

  // Half of it at the most: where the listing doesn't get to its end, looking up by id still finds some that ended.
  const running = await listRunning(run, run.budget.part(1 / 2, allowance));
  // The filter may be older than what it lets through, and the row older than both: what counts is how a task is listed.
  const changed = candidates.flatMap(({ taskId, status, inDoubt }) => {
    const listed = running.tasks.get(taskId);
    return listed && (inDoubt || listed.status !== status || isTerminal(status)) ? [listed] : [];
  });
  const allDealtWith = await processTasks(run, changed, rulesFor(run, checkpoint, running), allowance);

  const gone = due.filter(taskId => !running.tasks.has(taskId));
  const putOffRunning = running.whole ? 'longer' : 'a minute';
  let whole = running.whole && allDealtWith;
  for (let from = 0; from < gone.length && lookUps.left > 0; from += IDS_PER_LOOK_UP) {
    const some = gone.slice(from, from + IDS_PER_LOOK_UP);
    whole = (await lookUp(run, checkpoint, some, lookUps, allowance, putOffRunning)) && whole;
  }
  return whole && gone.length <= MAX_LOOK_UPS * IDS_PER_LOOK_UP;
}

/**
 * Whether a task that turns out to be running waits for its next look-up. Where there are many, they are looked for in
 * the list of what is running, and one that isn't in it would use a look-up in every run; where that list breaks off,
 * they take turns.
 */
type PutOff = 'not' | 'a minute' | 'longer';

/** Looks up to ten tasks up by id. @returns whether all of them were looked at */
async function lookUp(
  run: Run,
  checkpoint: Checkpoint,
  taskIds: readonly string[],
  lookUps: { left: number },
  allowance: Allowance,
  putOffRunning: PutOff,
): Promise<boolean> {
  if (lookUps.left === 0) return false;
  lookUps.left -= 1;
  let found: Listed;
  try {
    found = await follow(run, { of: taskIds, pageSize: LOOK_UP_PAGE_SIZE }, allowance);
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    if (taskIds.length > 1) {
      // One id is what the whole request is refused for: halve until it stands alone.
      const middle = Math.ceil(taskIds.length / 2);
      const first = await lookUp(run, checkpoint, taskIds.slice(0, middle), lookUps, allowance, putOffRunning);
      return (await lookUp(run, checkpoint, taskIds.slice(middle), lookUps, allowance, putOffRunning)) && first;
    }
    await markRefused(run, taskIds, error, allowance);
    return true;
  }
  const rules = rulesFor(run, checkpoint, found);
  const rows = await readRows(run, taskIds);
  const decided = taskIds.flatMap((taskId): Decided[] => {
    const row = rows.get(taskId);
    if (row === undefined) return []; // the index is behind: the row is gone
    const listed = found.tasks.get(taskId);
    if (listed !== undefined) return [{ taskId, decision: afterLookUp(row, listed, rules, putOffRunning) }];
    return found.whole ? [{ taskId, decision: notFound(run, row, rules) }] : [];
  });
  return (await applyDecisions(run, decided, allowance)) && found.whole;
}

/** What the diff decides, and for a row that stays unsettled when it is looked at next. */
function afterLookUp(row: TaskRow, listed: ListedTask, rules: EmissionRules, putOffRunning: PutOff) {
  const decision = diff(row, listed, rules);
  const next = decision.what === 'nothing' ? row : decision.row;
  const isFine = listed.status === IN_PROGRESS ? putOffRunning === 'not' : isTerminal(listed.status);
  if (next.settled || isFine) return decision;
  const wasFruitless = row.status === listed.status && putOffRunning !== 'a minute';
  const before = wasFruitless ? (row.fruitlessChecks ?? 0) : 0;
  const looked = { ...answered(next), fruitlessChecks: before };
  return { ...decision, what: 'record' as const, row: putOff(looked, rules.answeredAt) };
}

/** That it was refused once says nothing any more. */
const answered = ({ lastError: _, ...row }: TaskRow): TaskRow => row;

/** An ending that waits to be published needs no list any more: the row has what there is to tell. */
function notFound(run: Run, row: TaskRow, rules: EmissionRules): Decision {
  if (row.settled) return { what: 'nothing' };
  if (isTerminal(row.status)) return diff(row, row, rules);
  const next = miss(answered(row), rules.answeredAt);
  if (next.missing && !row.missing) {
    run.counts.missing += 1;
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
  run.counts.refusedLookUps += 1;
  run.logger.error('Partner Central refuses to look this task up', { taskIds, code, reason, errorList });
  const rows = await readRows(run, taskIds);
  const decided = [...rows.values()]
    .filter(row => !row.settled)
    .map((row): Decided => ({ taskId: row.taskId, decision: { what: 'record', row: putOff(row, run.now(), code) } }));
  await applyDecisions(run, decided, allowance);
}

interface Listed {
  readonly tasks: Map<string, ListedTask>;
  /** Whether it was followed to its end. */
  readonly whole: boolean;
  /** Before the first request, and after the last answer. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
}

/**
 * Follows a listing from page to page.
 * @throws RequestRefused only for the first page; TransientFailure, PermanentFailure
 */
async function follow(
  run: Run,
  listing: { of: 'running' | readonly string[]; pageSize: number },
  allowance: Allowance,
): Promise<Listed> {
  const tasks = new Map<string, ListedTask>();
  // By the first answer: before that, a run may not know the service's time.
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
