import { randomUUID } from 'node:crypto';
import { openBudget } from './budget';
import { isAuditOverdue } from './core/audits';
import type { Checkpoint } from './core/checkpoint';
import { type ExtraCalls, extraCallsOfToday } from './core/extra-calls';
import { nextPollInMs } from './core/follow-up';
import { gotSmaller } from './core/gaps';
import type { EpochMs } from './core/task';
import { LeaseLost, PermanentFailure, RequestRefused, TransientFailure } from './errors';
import { type OpenedRun, openRun } from './open-run';
import { workOnBacklog, workOnOldest } from './phases/backlog';
import { sweepHead } from './phases/head';
import { learnRunning } from './phases/learn';
import { recheck } from './phases/recheck';
import { countUnsettled, reportStalled } from './phases/report-stalled';
import type { Candidate } from './ports';
import type { Phase, Run, Services } from './run-state';
import { REPORTED_OFFSET_MS } from './service-clock';
import { type Outcomes, openTally } from './tally';

/**
 * `poll` and `audit` come from the schedules. `nudge`: somebody knows that a task was started. `follow`: another poll in
 * the same invocation, while a task is young.
 */
export type Mode = 'poll' | 'audit' | 'nudge' | 'follow';

export interface PollRequest {
  readonly mode: Mode;
  /** When Lambda stops the function. */
  readonly deadline: EpochMs;
  /** Poll only if no run has taken the lease since the run with this id. */
  readonly after?: string | undefined;
}

/** What a poll did, and whether it should be followed by another one in the same invocation. */
export interface Polled {
  readonly summary: Summary;
  /** In how many milliseconds to poll again; absent when the schedule is soon enough. */
  readonly nextInMs?: number | undefined;
}

/** What one invocation did: its log line and its return value. */
export interface Summary extends Outcomes {
  /**
   * `complete`: everything new and everything due was checked. `partial`: not all of it; the next run does the rest.
   * `skipped`: another run holds the lease, or this one was not needed. An open backlog alone does not make a run partial.
   */
  readonly outcome: 'complete' | 'partial' | 'skipped';
  readonly mode: Mode;
  readonly published: number;
  /** Tasks that are still watched; absent when the run did not get to look. */
  readonly unsettled?: number;
  /** Of these, tasks that have been running for longer than `stalledAfterMinutes`. */
  readonly stalled?: number;
  /** Of these, tasks whose event EventBridge refuses, or whose look-up Partner Central refuses. */
  readonly setAside?: number;
  /** Parts of the list that are still to be swept. */
  readonly gaps: number;
  /** The run made no progress in the backlog. */
  readonly backlogUnchanged?: true;
  /** No audit has finished for more than two periods. */
  readonly auditOverdue?: true;
  /** Shadow mode: nothing is published. */
  readonly shadow?: true;
  /** How far Partner Central's clock is ahead of ours; absent up to 30 seconds. */
  readonly clockOffsetSeconds?: number;
  /** Attempts, the SDK's retries included. */
  readonly listCalls: number;
  readonly milliseconds: number;
  readonly runId: string;
}

/** A lease expires this long after its run must have ended. */
const LEASE_OUTLIVES_RUN_MS = 5_000;

/** The head gets at most this part of a run, so that recheck and backlog get theirs however much is new. */
const HEAD_PART = 2 / 3;

/**
 * One poll of one source:
 *
 *   take the lease, learn what runs (first run), sweep the head, recheck, work on the backlog, write the checkpoint
 *
 * Any phase may run out of time, List calls or events. What it leaves is in the rows and the gaps; the next run does it.
 *
 * @throws PermanentFailure when a person has to put something right
 */
export async function poll(services: Services, { mode, deadline, after }: PollRequest): Promise<Polled> {
  const { settings, table, now, sleep, logger } = services;
  const startedAt = now();
  // Not the request id: an event that is delivered twice has the same one, and both runs would hold the lease.
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
  const isExtra = mode === 'nudge' || mode === 'follow';
  const reservedCalls = isExtra ? settings.maxListCallsPerRun : 0;
  const { count, outcomes } = openTally();
  let opened: OpenedRun | undefined;
  const summary = (outcome: Summary['outcome'], state: State = { gaps: 0 }): Summary => ({
    outcome,
    mode,
    ...(settings.shadow && { shadow: true }),
    ...outcomes(),
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
        after,
        reservedCalls,
      });
      if (stored === undefined) return { summary: summary('skipped') };
      const extraCalls = extraCallsOfToday(stored, startedAt, reservedCalls);
      const mayBeExtra = (calls: ExtraCalls) =>
        calls.made + settings.maxListCallsPerRun <= settings.maxExtraListCallsPerDay;
      if (isExtra && !mayBeExtra(extraCalls)) {
        await table.release(runId, budget.lastSignals().release);
        return { summary: summary('skipped') };
      }
      opened = openRun({ services, runId, startedAt, budget, count, stored, emitSince });
      const { checkpoint, whole, youngestStart, ...state } = await runPhases(opened);
      const made = { ...extraCalls, made: extraCalls.made + (isExtra ? budget.used.listCalls : 0) };
      const last = { ...lastCheckpoint(opened.run, checkpoint, whole), extraCalls: made };
      const { pollRequested } = await table.finish(runId, last, budget.lastSignals().finish);
      const { clock } = opened.run;
      const polled = { summary: summary(whole ? 'complete' : 'partial', { ...state, ...clockState(opened.run) }) };
      // After a failure, or if work is left, the schedule is soon enough.
      if (!whole || !mayBeExtra(made)) return polled;
      const nextInMs = nextPollInMs({
        startedAt,
        now: now(),
        pollRequested,
        youngestAgeMs: youngestStart === undefined ? undefined : clock.now() - youngestStart,
        followMs: settings.followMinutes * 60_000,
      });
      return { ...polled, nextInMs };
    } catch (error) {
      // Even if taking the lease failed: we may hold it, and only the answer was lost.
      if (!(error instanceof LeaseLost)) {
        const recordFailedAt = opened?.run.publisher.recordFailed() ? opened.run.startedAt : undefined;
        await table.release(runId, budget.lastSignals().release, recordFailedAt).catch(ignoreReleaseFailure);
      }
      throw error;
    }
  } catch (error) {
    if (error instanceof TransientFailure || error instanceof LeaseLost) {
      logger.warn('The run ended early; the next one goes on', { error });
      return { summary: summary('partial') };
    }
    if (!(error instanceof RequestRefused)) throw error;
    const details = error.errorList === undefined ? '' : ` ${JSON.stringify(error.errorList)}`;
    throw new PermanentFailure(`${error.message}${details}. ${error.advice}`, { cause: error });
  } finally {
    budget.close();
    logger.removeKeys(['runId']);
  }
}

/** The first error says more. If the lease is not given back, it expires. */
const ignoreReleaseFailure = () => undefined;

/** What a summary says about the state after the run. */
type State = Pick<
  Summary,
  'unsettled' | 'stalled' | 'setAside' | 'gaps' | 'backlogUnchanged' | 'auditOverdue' | 'clockOffsetSeconds'
>;

interface Phased extends State {
  readonly checkpoint: Checkpoint;
  readonly whole: boolean;
  /** Of the running tasks, in Partner Central's time. */
  readonly youngestStart: EpochMs | undefined;
}

/** The checkpoint to be written, with what the run has learned about table and clock. */
function lastCheckpoint({ publisher, startedAt, clock }: Run, checkpoint: Checkpoint, whole: boolean): Checkpoint {
  return {
    ...checkpoint,
    ...(whole && { lastSuccessAt: startedAt }),
    ...(publisher.recordFailed() && { recordFailedAt: startedAt }),
    ...(clock.isMeasured() && { clockOffsetMs: clock.offsetMs() }),
  };
}

/** Warns when the clocks differ by more than 30 seconds. */
function clockState({ clock, logger }: Run): Pick<Summary, 'clockOffsetSeconds'> {
  if (Math.abs(clock.offsetMs()) <= REPORTED_OFFSET_MS) return {};
  const clockOffsetSeconds = Math.round(clock.offsetMs() / 1_000);
  logger.warn("Partner Central's clock and ours differ; its clock was used", { clockOffsetSeconds });
  return { clockOffsetSeconds };
}

/**
 * Runs the phases one after the other, each on the checkpoint that the last one returned. A transient failure ends them.
 * @returns the checkpoint to be written, whether head and recheck were whole and nothing failed, and the state after it
 * @throws PermanentFailure
 */
async function runPhases(opened: OpenedRun): Promise<Phased> {
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
  let eventsBeforeBacklog = Number.POSITIVE_INFINITY; // unless the run gets there
  let headWhole = false;
  let recheckWhole = false;
  let backlogSound = false;
  try {
    // After a run without a page of the backlog, the oldest gap comes first, unless it is the one that fails.
    const oldest = gapsBefore.at(-1);
    const oldestFirst = checkpoint.backlogWaited === true && oldest?.failures === undefined;
    if (oldest !== undefined) checkpoint = { ...checkpoint, backlogWaited: true };
    const oldestSound = !oldestFirst || keep(await workOnOldest(run, checkpoint));

    if (!checkpoint.initialised) keep(await learnRunning(run, opened, checkpoint, budget.part(HEAD_PART)));
    headWhole = keep(await sweepHead(run, checkpoint, budget.part(HEAD_PART)));

    candidates = await run.rows.candidates();
    const allowance = checkpoint.gaps.length > 0 ? budget.part(1 / 2) : budget.whole;
    recheckWhole = keep(await recheck(run, checkpoint, candidates, auditBegins, allowance));
    if (recheckWhole) keep(await reportStalled(run, checkpoint, candidates, allowance));

    eventsBeforeBacklog = budget.used.events;
    backlogSound = keep(await workOnBacklog(run, checkpoint, oldestSound));
    await run.publisher.quarantineAbandoned(run.rows.isDone);
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
    ...(candidates && countUnsettled(run, checkpoint, candidates)),
    youngestStart: run.rows.youngestStart(candidates ?? []),
    gaps: gaps.length,
    ...(isUnchanged && { backlogUnchanged: true }),
    ...(auditOverdue && { auditOverdue }),
  };
}
