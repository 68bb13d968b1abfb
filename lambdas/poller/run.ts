import { randomUUID } from 'node:crypto';
import { type Budget, openBudget } from './budget';
import {
  type Checkpoint,
  gotSmaller,
  isAuditOverdue,
  type OpeningTerms,
  openRun,
  type StoredCheckpoint,
} from './core/checkpoint';
import type { EpochMs } from './core/task';
import { refuseNewerFormat } from './edges/row-item';
import { LeaseLost, PermanentFailure, RequestRefused, TransientFailure } from './errors';
import { workOnBacklog, workOnOldest } from './phases/backlog';
import { sweepHead } from './phases/head';
import { learnRunning, type Opening } from './phases/learn';
import { recheck } from './phases/recheck';
import { reportStalled, unsettledOnes } from './phases/report-stalled';
import type { Candidate } from './ports';
import { openPublisher } from './publisher';
import { noteEvent, record, tryRecord } from './record';
import {
  type Anomalies,
  type Counts,
  noCounts,
  type Outcomes,
  type Phase,
  type Run,
  type Services,
  told,
} from './run-state';
import { openServiceClock, REPORTED_OFFSET_MS, type ServiceClock } from './service-clock';

export type Mode = 'poll' | 'audit';

/** What one invocation did; its log line and its return value. */
export interface Summary extends Outcomes, Anomalies {
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
  let opened: Opened | undefined;
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
      opened = open({ ...services, runId, clock, budget, counts, stored, emitSince });
      const { run } = opened;
      const { checkpoint, whole, ...state } = await work(opened);
      const success = whole && { lastSuccessAt: run.startedAt };
      await table.finish(runId, lastWords(run, { ...checkpoint, ...success }), budget.lastSignals().finish);
      return summary(whole ? 'complete' : 'partial', { ...state, ...clockState(run) });
    } catch (error) {
      // Also where taking it failed: it may be ours, and only the answer was lost.
      if (!(error instanceof LeaseLost)) {
        const recordFailedAt = opened?.run.publisher.recordFailed() ? opened.run.startedAt : undefined;
        await table.release(runId, budget.lastSignals().release, recordFailedAt).catch(ignoreOnTheWayOut);
      }
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

interface Opened extends Opening {
  readonly run: Run;
  readonly checkpoint: Checkpoint;
  readonly auditBegins: boolean;
}

interface Beginning extends Services {
  readonly runId: string;
  readonly clock: ServiceClock;
  readonly budget: Budget;
  readonly counts: Counts;
  readonly stored: StoredCheckpoint;
  readonly emitSince: EpochMs | undefined;
}

function open({ stored, emitSince, ...given }: Beginning): Opened {
  refuseNewerFormat('The checkpoint', stored.formatVersion);
  const { settings, runId, eventBusName, clock, partnerCentral } = given;
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
  const run: Run = {
    ...given,
    rowRetentionMs: Math.max(terms().retentionMs, stored.retentionMs ?? 0),
    lastEmitSince: stored.emitSince ?? -Infinity,
    now: clock.now,
    get startedAt() {
      return clock.startedAt();
    },
    publisher: openPublisher({
      bus: given.bus,
      budget: given.budget,
      frame,
      now: clock.now,
      record: rows => record(run, rows),
      tryRecord: rows => tryRecord(run, rows),
      recordsAreInDoubt: checkpoint.recordFailedAt !== undefined,
      onDone: (event, code) => noteEvent(run, event, code),
    }),
    handled: new Set(),
    written: new Map(),
  };
  return {
    run,
    checkpoint,
    auditBegins,
    stored,
    emitSinceIsOurs: emitSince === undefined || emitSince > stored.emitSince,
    reopen: changed => openRun(changed, terms()).checkpoint,
  };
}

/** The checkpoint with what the run has learnt of table and clock. */
function lastWords({ publisher, startedAt, clock }: Run, checkpoint: Checkpoint): Checkpoint {
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

/**
 * The phases, one after the other, each from where the last one left the checkpoint. What fails for now ends them: the
 * next run goes on.
 * @returns the checkpoint to be written, whether head and recheck were whole and nothing failed, and how things stand
 * @throws PermanentFailure
 */
async function work(opened: Opened): Promise<State & { checkpoint: Checkpoint; whole: boolean }> {
  const { run, auditBegins } = opened;
  const { budget } = run;
  let { checkpoint } = opened;
  const keep = (phase: Phase): boolean => {
    checkpoint = phase.checkpoint;
    if (phase.failure !== undefined) throw phase.failure;
    return phase.whole;
  };
  const gapsBefore = checkpoint.gaps;
  let candidates: Candidate[] | undefined;
  let eventsBeforeBacklog = Number.POSITIVE_INFINITY; // it may never come to that
  let headWhole = false;
  let recheckWhole = false;
  let backlogSound = false;
  try {
    // After a run that got nothing of the backlog, the oldest gap comes first, unless it is the one that fails.
    const oldest = gapsBefore.at(-1);
    const oldestFirst = checkpoint.backlogWaited === true && oldest?.failures === undefined;
    if (oldest !== undefined) checkpoint = { ...checkpoint, backlogWaited: true };
    const oldestSound = !oldestFirst || keep(await workOnOldest(run, checkpoint));

    if (!checkpoint.initialised) keep(await learnRunning(run, opened, checkpoint, budget.part(HEAD_PART)));
    headWhole = keep(await sweepHead(run, checkpoint, budget.part(HEAD_PART)));

    candidates = await run.table.unsettled(budget);
    const allowance = checkpoint.gaps.length > 0 ? budget.part(1 / 2) : budget.whole;
    recheckWhole = keep(await recheck(run, checkpoint, candidates, auditBegins, allowance));
    if (recheckWhole) keep(await reportStalled(run, checkpoint, candidates, allowance));

    eventsBeforeBacklog = budget.used.events;
    backlogSound = keep(await workOnBacklog(run, checkpoint, oldestSound));
    await run.publisher.quarantineAbandoned(taskId => run.handled.has(taskId));
  } catch (error) {
    if (!(error instanceof TransientFailure)) throw error;
    run.logger.warn('The run ended early; the next one goes on', { error });
  }
  const { gaps, initialised } = checkpoint;
  const isSound = backlogSound && run.publisher.abandonedFor() === undefined;
  const auditOverdue = isAuditOverdue(checkpoint, run.startedAt);
  if (auditOverdue) run.logger.warn('No audit has finished for more than two periods', { gaps: gaps.length });
  const publishedOfBacklog = budget.used.events > eventsBeforeBacklog;
  const isUnchanged = gapsBefore.length > 0 && !publishedOfBacklog && !gotSmaller(gapsBefore, gaps);
  return {
    checkpoint,
    whole: headWhole && recheckWhole && isSound && initialised,
    ...(candidates && unsettledOnes(run, checkpoint, candidates)),
    gaps: gaps.length,
    ...(isUnchanged && { backlogUnchanged: true }),
    ...(auditOverdue && { auditOverdue }),
  };
}
