import { setTimeout as sleepFor } from 'node:timers/promises';
import type { EpochMs } from './core/task';
import { TransientFailure } from './errors';

/** Up to where a part of the run may go: counted from the beginning of the run, whoever used it. */
export interface Allowance {
  readonly until: EpochMs;
  readonly listCalls: number;
  readonly events: number;
}

export interface BudgetLimits {
  readonly now: () => EpochMs;
  /** When the function will be stopped from outside. */
  readonly deadline: EpochMs;
  readonly listCalls: number;
  readonly listCallsPerSecond: number;
  readonly events: number;
  /** Resolves after so many milliseconds, or rejects when the signal goes off. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

/** No new work in the last five seconds; with a very short time to live, in its last quarter. */
const RESERVE_MS = 5_000;

export type Budget = ReturnType<typeof openBudget>;

/**
 * What one run may still use of time, List calls and events, and the pace of its List calls.
 * `signal` aborts what is in flight half-way through the reserve, so that there is time left to write the checkpoint.
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

    /** The given part of what is left now; at least one List call and one event of it, where any are left. */
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

    /** Called before each attempt at a List call, retries of the SDK included: they draw on the same quota. */
    async paceListCall(): Promise<void> {
      // A logical call begins within its allowance; only its retries can come here with nothing left.
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

    /** For the last two writes of the run, which come when `signal` may have gone off: each ends before the deadline. */
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

/** Full jitter: somewhere between nothing and twice as long as before, up to five seconds. */
export const jitteredPauseMs = (attempt: number) => Math.random() * Math.min(5_000, 100 * 2 ** Math.min(attempt, 10));
