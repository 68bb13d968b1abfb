import { randomUUID } from 'node:crypto';
import { type Allowance, type Budget, openBudget } from './budget';
import {
  addGap,
  afterHead,
  type Checkpoint,
  dropCursor,
  failed,
  type Gap,
  gotSmaller,
  headRange,
  isAuditOverdue,
  type OpeningTerms,
  openRun,
  type StoredCheckpoint,
} from './core/checkpoint';
import { isStalled, isToBeTold, type StallRules, type Watched } from './core/stalled';
import { type EpochMs, isTerminal, withoutAbsent } from './core/task';
import { dealWith, readRows } from './deal-with';
import { refuseNewerFormat } from './edges/row-item';
import { LeaseLost, PermanentFailure, RequestRefused, TransientFailure } from './errors';
import type { Candidate } from './ports';
import { openPublisher } from './publisher';
import { listRunning, recheck } from './recheck';
import { noteEvent, record, tryRecord } from './record';
import {
  type Counts,
  noCounts,
  type Oddities,
  type Outcomes,
  type Run,
  replaceGap,
  rulesFor,
  type Services,
  told,
} from './run-state';
import { openServiceClock, REPORTED_OFFSET_MS, type ServiceClock } from './service-clock';
import { noteRestart, type Swept, sweep } from './sweep';

export type Mode = 'poll' | 'audit';

/** What one invocation did; its log line and its return value. */
export interface Summary extends Outcomes, Oddities {
  /**
   * `complete`: everything new and everything due was looked at. `partial`: not all of it; the next run goes on.
   * `skipped`: another run is at work. A backlog that is still open is not partial.
   */
  readonly outcome: 'complete' | 'partial' | 'skipped';
  readonly mode: Mode;
  readonly published: number;
  /** Tasks still to be watched; absent when it wasn't looked at. */
  readonly unsettled?: number;
  /** Of these, what has been running for longer than `stalledAfterMinutes`. */
  readonly stalled?: number;
  /** Of these, what EventBridge refuses to take or Partner Central to look up. */
  readonly setAside?: number;
  /** Parts of the list still to be swept. */
  readonly gaps: number;
  /** The backlog is as it was before this run. */
  readonly backlogUnchanged?: true;
  /** No audit has finished for more than two periods. */
  readonly auditOverdue?: true;
  /** Nothing is really published. */
  readonly shadow?: true;
  /** How far Partner Central's clock is ahead of ours; absent up to 30 seconds. */
  readonly clockOffsetSeconds?: number;
  /** Attempts, the SDK's retries included. */
  readonly listCalls: number;
  readonly milliseconds: number;
  readonly runId: string;
}

/** A lease ends by itself this long after the run must have ended. */
const LEASE_OUTLIVES_RUN_MS = 5_000;

/** What recheck and backlog are sure to have of a run, however much is new. */
const HEAD_PART = 2 / 3;

/** What looking back for tasks that were listed late takes of each run, in pages. */
const LOOK_BACK_PAGES = 2;

/**
 * One poll of one source.
 *
 *   take the lease - learn what runs (first run) - sweep the head - recheck - work on the backlog - write the checkpoint
 *
 * Every step may be cut short by time, List calls or the event budget; what it leaves is in the rows and the gaps, and
 * the next run goes on there.
 *
 * @param deadline when the function will be stopped from outside
 * @throws PermanentFailure when a person has to put something right
 */
export async function poll(services: Services, mode: Mode, deadline: EpochMs): Promise<Summary> {
  const { settings, table, now, sleep, logger } = services;
  const startedAt = now();
  // Not the request id: that one is the same when an event is delivered twice, and both would hold the lease.
  const runId = randomUUID();
  logger.appendKeys({ runId });
  const budget = openBudget({
    now,
    sleep,
    deadline,
    listCalls: settings.maxListCallsPerRun,
    listCallsPerSecond: settings.maxListCallsPerSecond,
    events: settings.maxEventsPerRun,
  });
  const counts = noCounts();
  let run: (Run & Opened) | undefined;
  const summary = (outcome: Summary['outcome'], state: State = { gaps: 0 }): Summary => ({
    outcome,
    mode,
    ...(settings.shadow && { shadow: true }),
    ...told(counts),
    published: counts.completed + counts.failed + counts.stalledEvents,
    ...state,
    listCalls: budget.used.listCalls,
    milliseconds: now() - startedAt,
    runId,
  });

  try {
    if (mode === 'audit') await table.requestAudit(startedAt, budget.signal);
    const emitSince = settings.emitSince === undefined ? undefined : Date.parse(settings.emitSince);
    try {
      const stored = await table.takeLease({
        owner: runId,
        now: startedAt,
        expiresAt: deadline + LEASE_OUTLIVES_RUN_MS,
        emitSince: Math.min(emitSince ?? startedAt, startedAt),
        signal: budget.signal,
      });
      if (stored === undefined) return summary('skipped');
      const clock = openServiceClock(now, startedAt, stored.clockOffsetMs);
      run = begin({ ...services, runId, clock, budget, counts, stored, emitSince });
      const { whole, ...state } = await work(run);
      if (whole) run.checkpoint = { ...run.checkpoint, lastSuccessAt: run.startedAt };
      await table.finish(runId, lastWords(run), budget.lastSignals().finish);
      return summary(whole ? 'complete' : 'partial', { ...state, ...clockState(run) });
    } catch (error) {
      // Also where taking it failed: it may be ours, and only the answer was lost.
      if (!(error instanceof LeaseLost))
        await table
          .release(runId, budget.lastSignals().release, run?.publisher.recordFailed() ? run.startedAt : undefined)
          .catch(ignoreOnTheWayOut);
      throw error;
    }
  } catch (error) {
    if (error instanceof TransientFailure || error instanceof LeaseLost) {
      logger.warn('The run ended early; the next one goes on', { error });
      return summary('partial');
    }
    if (!(error instanceof RequestRefused)) throw error;
    const details = error.errorList === undefined ? '' : ` ${JSON.stringify(error.errorList)}`;
    throw new PermanentFailure(`${error.message}${details}. ${error.advice}`, { cause: error });
  } finally {
    budget.close();
    logger.removeKeys(['runId']);
  }
}

/** The error that made us give the lease back tells more; if this fails too, the lease ends by itself. */
const ignoreOnTheWayOut = () => undefined;

/** How things stand at the end of a run. */
type State = Pick<
  Summary,
  'unsettled' | 'stalled' | 'setAside' | 'gaps' | 'backlogUnchanged' | 'auditOverdue' | 'clockOffsetSeconds'
>;

interface Opened {
  readonly auditBegins: boolean;
  readonly stored: StoredCheckpoint;
  /** None is configured, or one that is still to come: the lease took the time of our own clock. */
  readonly emitSinceIsOurs: boolean;
  /** The checkpoint as it would be opened now, with `emitSince` as given. */
  readonly reopen: (stored: StoredCheckpoint) => Checkpoint;
}

interface Beginning extends Services {
  readonly runId: string;
  readonly clock: ServiceClock;
  readonly budget: Budget;
  readonly counts: Counts;
  readonly stored: StoredCheckpoint;
  readonly emitSince: EpochMs | undefined;
}

function begin({ stored, emitSince, ...run }: Beginning): Run & Opened {
  refuseNewerFormat('The checkpoint', stored.formatVersion);
  const { settings, runId, eventBusName, clock, partnerCentral } = run;
  const terms = (): OpeningTerms => ({
    now: clock.startedAt(),
    retentionMs: settings.retentionDays * 86_400_000,
    lookbackMs: settings.lookbackMinutes * 60_000,
    filters: partnerCentral.filters,
    pollEveryMs: settings.pollEveryMinutes * 60_000,
    auditEveryMs: settings.auditEveryHours * 3_600_000,
    tellStalled: settings.taskStalledEvents,
    ...(emitSince !== undefined && { emitSince }),
  });
  const { checkpoint, auditBegins } = openRun(stored, terms());
  const { catalog, taskFamily, includeMessage, eventSource, stalledAfterMinutes } = settings;
  const frame = { catalog, taskFamily, runId, includeMessage, eventSource, eventBusName, stalledAfterMinutes };
  const opened: Run & Opened = {
    ...run,
    rowRetentionMs: Math.max(terms().retentionMs, stored.retentionMs ?? 0),
    get rowsExpireSince() {
      return Math.max(stored.emitSince ?? -Infinity, opened.checkpoint.emitSince);
    },
    now: clock.now,
    get startedAt() {
      return clock.startedAt();
    },
    publisher: openPublisher({
      bus: run.bus,
      budget: run.budget,
      frame,
      now: clock.now,
      record: rows => record(opened, rows),
      tryRecord: rows => tryRecord(opened, rows),
      recordsAreInDoubt: () => opened.checkpoint.recordFailedAt !== undefined,
      onDone: (event, code) => noteEvent(opened, event, code),
    }),
    checkpoint,
    auditBegins,
    stored,
    emitSinceIsOurs: emitSince === undefined || emitSince > stored.emitSince,
    reopen: changed => openRun(changed, terms()).checkpoint,
    handled: new Set(),
    written: new Map(),
  };
  return opened;
}

/** The checkpoint with what the run has learnt of table and clock. */
function lastWords({ checkpoint, publisher, startedAt, clock }: Run): Checkpoint {
  return {
    ...checkpoint,
    ...(publisher.recordFailed() && { recordFailedAt: startedAt }),
    ...(clock.isMeasured() && { clockOffsetMs: clock.offsetMs() }),
  };
}

/** Says so when the two clocks differ by more than anybody would expect. */
function clockState({ clock, logger }: Run): Pick<Summary, 'clockOffsetSeconds'> {
  if (Math.abs(clock.offsetMs()) <= REPORTED_OFFSET_MS) return {};
  const clockOffsetSeconds = Math.round(clock.offsetMs() / 1_000);
  logger.warn("Partner Central's clock and ours differ; its clock was used", { clockOffsetSeconds });
  return { clockOffsetSeconds };
}

/** @returns whether head and recheck were whole and nothing failed, and how things stand */
async function work(run: Run & Opened): Promise<State & { whole: boolean }> {
  const gapsBefore = run.checkpoint.gaps;
  let candidates: Candidate[] | undefined;
  let eventsBeforeBacklog = Number.POSITIVE_INFINITY; // it may never come to that
  let headWhole = false;
  let recheckWhole = false;
  let backlogSound = false;
  try {
    const { budget } = run;
    const oldest = gapsBefore.at(-1);
    const backlogFirst = run.checkpoint.backlogWaited === true && oldest?.failures === undefined;
    if (oldest !== undefined) run.checkpoint = { ...run.checkpoint, backlogWaited: true };
    const oldestSound = !backlogFirst || (await workOnOldest(run));
    if (!run.checkpoint.initialised) await learnRunning(run, budget.part(HEAD_PART));
    headWhole = await sweepHead(run, budget.part(HEAD_PART));

    candidates = await run.table.unsettled(budget);
    const backlogIsOpen = run.checkpoint.gaps.length > 0;
    const allowance = backlogIsOpen ? budget.part(1 / 2) : budget.whole;
    recheckWhole = await recheck(run, candidates, run.auditBegins, allowance);
    if (recheckWhole) {
      run.checkpoint = { ...run.checkpoint, recheckedAt: run.startedAt };
      await tellStalled(run, candidates, allowance);
    }

    eventsBeforeBacklog = budget.used.events;
    backlogSound = (await workOnBacklog(run, oldestSound)) && oldestSound;
    await run.publisher.setGivenUpAside(taskId => run.handled.has(taskId));
  } catch (error) {
    if (!(error instanceof TransientFailure)) throw error;
    run.logger.warn('The run ended early; the next one goes on', { error });
  }
  const { gaps, initialised } = run.checkpoint;
  const whole = headWhole && recheckWhole && backlogSound && run.publisher.gaveUpFor() === undefined && initialised;
  const auditOverdue = isAuditOverdue(run.checkpoint, run.startedAt);
  if (auditOverdue) run.logger.warn('No audit has finished for more than two periods', { gaps: gaps.length });
  const toldOfBacklog = run.budget.used.events > eventsBeforeBacklog;
  const isUnchanged = gapsBefore.length > 0 && !toldOfBacklog && !gotSmaller(gapsBefore, gaps);
  return {
    whole,
    ...(candidates && unsettledOnes(run, candidates)),
    gaps: gaps.length,
    ...(isUnchanged && { backlogUnchanged: true }),
    ...(auditOverdue && { auditOverdue }),
  };
}

function stallRules({ settings, checkpoint, startedAt }: Run): StallRules {
  // The checkpoint has the earliest moment that was ever asked for; a later one, configured since, is asked for now.
  const configured = settings.emitSince === undefined ? -Infinity : Date.parse(settings.emitSince);
  const emitSince = Math.max(checkpoint.emitSince, configured);
  return { now: startedAt, stalledAfterMs: settings.stalledAfterMinutes * 60_000, emitSince };
}

/** What the index had when it was asked, with what this run has changed since. */
function unsettledOnes(run: Run, candidates: readonly Candidate[]): Pick<State, 'unsettled' | 'stalled' | 'setAside'> {
  const unsettled = new Map<string, Watched>(candidates.map(candidate => [candidate.taskId, candidate]));
  for (const [taskId, watched] of run.written) {
    if (watched === undefined) unsettled.delete(taskId);
    else unsettled.set(taskId, watched);
  }
  const tasks = [...unsettled.values()];
  const rules = stallRules(run);
  const stalled = tasks.filter(task => isStalled(task, rules)).length;
  const setAside = tasks.filter(({ lastError }) => lastError !== undefined).length;
  return { unsettled: tasks.length, ...(stalled > 0 && { stalled }), ...(setAside > 0 && { setAside }) };
}

/**
 * Tells that tasks stall, where that is wanted. Only after a whole recheck, and of tasks that were a part of it: the
 * others may have ended long ago.
 */
async function tellStalled(run: Run, candidates: readonly Candidate[], allowance: Allowance): Promise<void> {
  const { tellStalledSince } = run.checkpoint;
  if (tellStalledSince === undefined) return;
  const rules = stallRules(run);
  const isOne = (task: Watched) => isToBeTold(task, rules, tellStalledSince);
  const toBeTold = candidates.filter(task => task.nextCheckAt <= run.startedAt && isOne(task));
  const some = toBeTold.slice(0, run.budget.eventsLeft(allowance));
  const rows = await readRows(
    run,
    some.map(({ taskId }) => taskId),
  );
  const running = [...rows.values()].filter(row => !row.settled && !row.misses && isOne(row));
  const stalled = running.map(row => ({ what: 'stalled' as const, row: { ...row, stalledAt: run.now() } }));
  await run.publisher.publish(stalled, allowance);
}

/** Learns what is running. No history is read, so that it costs the same whatever went before. */
async function learnRunning(run: Run & Opened, allowance: Allowance): Promise<void> {
  const running = await listRunning(run, allowance).finally(() => correctEmitSince(run));
  // What is listed as ended after all is for the head: it can tell news from history.
  const tasks = [...running.tasks.values()].filter(({ status }) => !isTerminal(status));
  const whole = await dealWith(run, tasks, rulesFor(run, running), allowance);
  // A task whose row was refused is not known: its end would be overlooked.
  const allKnown = tasks.every(({ taskId }) => run.handled.has(taskId));
  if (whole && running.whole && allKnown) run.checkpoint = { ...run.checkpoint, initialised: true };
}

/** The lease was taken before Partner Central had told its time, and with it `emitSince` was set by our own clock. */
function correctEmitSince(run: Run & Opened): void {
  const { emissionFloor: _, ...stored } = run.stored; // before a first head it is nothing but `emitSince`
  const { clockOffsetMs, watermark, emitSince } = stored;
  if (clockOffsetMs !== undefined || watermark !== undefined || !run.emitSinceIsOurs || !run.clock.isMeasured()) return;
  run.checkpoint = run.reopen({ ...stored, emitSince: emitSince + run.clock.offsetMs() });
}

/**
 * Sweeps from now down to the start of the last head. What a cut leaves becomes a gap, and the watermark moves all the
 * same, for gap and watermark are written together. A head that finished no page changes neither.
 * @returns whether it was whole
 */
async function sweepHead(run: Run, allowance: Allowance): Promise<boolean> {
  const { settings, checkpoint } = run;
  const { emissionFloor, undatedAreHistory } = checkpoint;
  const range = headRange(checkpoint, settings.lookbackMinutes * 60_000);
  const mark = undatedAreHistory && { undatedAreHistory };
  const gap: Gap = { madeAt: run.startedAt, floor: range.floor, news: { emissionFloor }, ...mark };
  // The first head has no earlier one above which it could stop.
  const isFirst = checkpoint.watermark === undefined;
  const limits = isFirst ? {} : { alsoDownTo: range.lookBackTo };
  const head = await sweep(run, gap, settings.headPageSize, allowance, limits);
  if (head.pages > 0) {
    const { checkpoint: now, startedAt } = run;
    const swept = head.finished
      ? afterHead(now, range, startedAt, head.reachedAlso)
      : { ...now, gaps: addGap(now.gaps, head.gap), lookedBackAt: isFirst ? startedAt : now.lookedBackAt };
    run.checkpoint = withoutAbsent({ ...swept, watermark: startedAt });
  }
  if (head.failure) throw head.failure.error;
  return head.finished;
}

/** A page of the oldest gap. @returns whether it was sound */
async function workOnOldest(run: Run): Promise<boolean> {
  const oldest = run.checkpoint.gaps.at(-1);
  return oldest === undefined || workOnGap(run, oldest, run.budget.part(1 / 2), 1);
}

/**
 * Newest gap first, for what is new matters most; but a page of the oldest before that, so that it gets done as well,
 * unless it is the one that fails.
 * @returns false when something failed; the other gaps were worked on all the same
 */
async function workOnBacklog(run: Run, oldestSound: boolean): Promise<boolean> {
  const { gaps } = run.checkpoint;
  let sound = oldestSound;
  if (sound && gaps.length > 1 && gaps.at(-1)?.failures === undefined) sound = await workOnOldest(run);
  const rest = sound ? run.checkpoint.gaps : run.checkpoint.gaps.slice(0, -1);
  // Looking back comes last: what the others leave to be done is news.
  const inTurn = [...rest.filter(({ lookBack }) => !lookBack), ...rest.filter(({ lookBack }) => lookBack)];
  for (const gap of inTurn) {
    // On its way back to a lost place, a few pages would never get it there.
    const maxPages = gap.lookBack && gap.restarts === undefined ? LOOK_BACK_PAGES : undefined;
    sound = (await workOnGap(run, gap, run.budget.whole, maxPages)) && sound;
  }
  return sound;
}

/**
 * @returns false when a page could not be listed
 * @throws TransientFailure for everything else, above all a record that failed: nothing may be published after it
 */
async function workOnGap(run: Run, gap: Gap, allowance: Allowance, maxPages?: number): Promise<boolean> {
  const { gap: start, pageSize } = pageSizeOf(run, gap);
  const { failure, pages, finished, ...swept } = await sweep(run, start, pageSize, allowance, { maxPages });
  const left = failure && isOwnFault(run, failure) ? noteFailure(run, swept.gap, failure.error) : swept.gap;
  const { backlogWaited, ...checkpoint } = run.checkpoint;
  run.checkpoint = {
    ...(finished && gap.driftBefore !== undefined ? audited(checkpoint, gap, run.startedAt) : checkpoint),
    ...(pages === 0 && backlogWaited && { backlogWaited }),
    gaps: replaceGap(checkpoint.gaps, gap, finished ? undefined : left),
  };
  // It may also have hung until the run was over.
  if (failure && (!isOwnFault(run, failure) || run.budget.signal.aborted)) throw failure.error;
  return failure === undefined;
}

/** Whether a page can't be listed, where others perhaps can. */
function isOwnFault({ budget }: Run, { at, error }: NonNullable<Swept['failure']>): boolean {
  const callsAreLeft = budget.used.listCalls < budget.whole.listCalls;
  return error instanceof TransientFailure && at === 'listing' && !error.throttled && callsAreLeft;
}

function noteFailure(run: Run, gap: Gap, error: unknown): Gap {
  run.logger.warn('A part of the backlog failed; the next run tries it again', { error, floor: gap.floor });
  const next = failed(gap);
  if (next.cursor === undefined && gap.cursor !== undefined) run.counts.lostCursors += 1;
  return noteRestart(run, next);
}

/** A whole audit that met no record which fails shows that the table takes what is published. */
function audited(checkpoint: Checkpoint, audit: Gap, startedAt: EpochMs): Checkpoint {
  const { recordFailedAt, ...rest } = checkpoint;
  const stillFails = recordFailedAt !== undefined && recordFailedAt >= audit.madeAt;
  return {
    ...rest,
    ...(stillFails && { recordFailedAt }),
    auditedAt: startedAt,
    ...(checkpoint.auditRequestedAt !== undefined && { auditRequestMet: checkpoint.auditRequestedAt }),
  };
}

/** A cursor goes on with the page size it was made with. One that belongs to other filters or sizes is dropped. */
function pageSizeOf(run: Run, gap: Gap): { gap: Gap; pageSize: number } {
  const { headPageSize, backlogPageSize } = run.settings;
  if (gap.cursor === undefined) return { gap, pageSize: backlogPageSize };
  const { fingerprint } = gap.cursor;
  const pageSize = [backlogPageSize, headPageSize].find(size => run.partnerCentral.fingerprint(size) === fingerprint);
  if (pageSize !== undefined) return { gap, pageSize };
  return { gap: dropCursor(gap, 'of another request'), pageSize: backlogPageSize };
}
