import { setTimeout as sleepFor } from 'node:timers/promises';
import type { EpochMs } from './core/task';
import { TransientFailure } from './errors';

/** Limits of a part of the run, counted from the beginning of the run, whichever part used it. */
export interface Allowance {
  readonly until: EpochMs;
  readonly listCalls: number;
  readonly events: number;
}

export interface BudgetLimits {
  readonly now: () => EpochMs;
  /** When Lambda stops the function. */
  readonly deadline: EpochMs;
  readonly listCalls: number;
  readonly listCallsPerSecond: number;
  readonly events: number;
  /** Resolves after `ms` milliseconds, or rejects when the signal is aborted. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

/** No new work in the last five seconds; with a very short time to live, in its last quarter. */
const RESERVE_MS = 5_000;

export type Budget = ReturnType<typeof openBudget>;

/**
 * The time, List calls and events that one run has left, and the pace of its List calls.
 * `signal` aborts requests in flight half-way through the reserve, which leaves time to write the checkpoint.
 */
export function openBudget({ now, deadline, listCalls, listCallsPerSecond, events, sleep = realSleep }: BudgetLimits) {
  const startedAt = now();
  const reserveMs = Math.max(0, Math.min(RESERVE_MS, (deadline - startedAt) / 4));
  const whole: Allowance = { until: deadline - reserveMs, listCalls, events };
  const used = { listCalls: 0, events: 0 };
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), Math.max(0, deadline - reserveMs / 2 - startedAt));
  timer.unref();
  let nextListCallAt = 0;

  return {
    used,
    whole,
    signal: abort.signal,

    /** A fraction of what is left now; at least one List call and one event, if any are left. */
    part(fraction: number, of: Allowance = whole): Allowance {
      const share = (limit: number, spent: number) => spent + Math.ceil(Math.max(0, limit - spent) * fraction);
      return {
        until: now() + Math.max(0, of.until - now()) * fraction,
        listCalls: share(of.listCalls, used.listCalls),
        events: share(of.events, used.events),
      };
    },

    hasTime: (allowance: Allowance) => now() < allowance.until,
    mayList: (allowance: Allowance) => now() < allowance.until && used.listCalls < allowance.listCalls,
    eventsLeft: (allowance: Allowance) => Math.max(0, allowance.events - used.events),

    /** Called before each attempt at a List call, the SDK's retries included: they count towards the same quota. */
    async paceListCall(): Promise<void> {
      // A call starts within its allowance; only its retries can find nothing left.
      if (used.listCalls >= whole.listCalls) throw new TransientFailure('No List calls are left in this run');
      used.listCalls += 1;
      const wait = nextListCallAt - now();
      nextListCallAt = Math.max(now(), nextListCallAt) + 1_000 / listCallsPerSecond;
      if (wait > 0) await sleep(wait, abort.signal);
    },

    /** @returns false at once when there is no time left for the pause */
    async pause(ms: number, allowance: Allowance): Promise<boolean> {
      if (now() + ms >= allowance.until) return false;
      await sleep(ms, abort.signal);
      return true;
    },

    /** For the last two writes of the run, when `signal` may be aborted already: each ends before the deadline. */
    lastSignals() {
      const end = (beforeDeadlineMs: number) =>
        AbortSignal.timeout(Math.max(1, Math.round(deadline - beforeDeadlineMs - now())));
      return { finish: end(reserveMs / 4), release: end(reserveMs / 8) };
    },

    close: () => clearTimeout(timer),
  };
}

const realSleep = (ms: number, signal: AbortSignal) =>
  sleepFor(ms, undefined, { signal }).catch((error: unknown) => {
    throw new TransientFailure('The time of the run is over', { cause: error });
  });

/** Full jitter: between 0 and a limit that doubles with each attempt, up to five seconds. */
export const jitteredPauseMs = (attempt: number) => Math.random() * Math.min(5_000, 100 * 2 ** Math.min(attempt, 10));
