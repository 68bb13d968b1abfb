import { setTimeout as sleepFor } from 'node:timers/promises';
import { REQUESTED_POLL_SPACING_MS } from './core/follow-up';
import type { EpochMs } from './core/task';
import { TransientFailure } from './errors';
import type { PollRequests } from './ports';
import { type Mode, type Polled, poll, type Summary } from './run';
import type { Services } from './run-state';

/** What an invocation can be asked for. */
export const invocationModes = ['poll', 'audit', 'nudge'] as const satisfies readonly Mode[];
export type InvocationMode = (typeof invocationModes)[number];

export interface InvocationServices extends Services {
  readonly table: Services['table'] & PollRequests;
}

/** A follow begins only if it has this much time. One page takes a second or two. */
const SHORTEST_POLL_MS = 10_000;
/** Several invocations may ask at the same moment. Whoever loses every time leaves it to the schedule. */
const NUDGE_ATTEMPTS = 5;

/**
 * The polls of one invocation: the one it was asked for, and those that follow it. Each is a poll of its own with a
 * lease of its own. As soon as another invocation has polled, following is left to that one.
 *
 * @throws PermanentFailure when a person has to put something right
 */
export async function* pollAndFollow(
  services: InvocationServices,
  mode: InvocationMode,
  deadline: EpochMs,
): AsyncGenerator<Summary> {
  const { now } = services;
  let polled = mode === 'nudge' ? await pollOnNudge(services, deadline) : await poll(services, { mode, deadline });
  while (polled !== undefined) {
    const { summary, nextInMs } = polled;
    yield summary;
    // Whoever asks for an audit waits for the answer.
    if (nextInMs === undefined || mode === 'audit' || now() + nextInMs + SHORTEST_POLL_MS > deadline) return;
    await sleep(services, nextInMs);
    polled = await pollAfter(summary.runId, services, 'follow', deadline);
  }
}

/** @returns undefined if another run has taken the lease since */
async function pollAfter(
  after: string | undefined,
  services: InvocationServices,
  mode: 'follow' | 'nudge',
  deadline: EpochMs,
): Promise<Polled | undefined> {
  const polled = await poll(services, { mode, deadline, after });
  return polled.summary.outcome === 'skipped' ? undefined : polled;
}

/**
 * Polls now, unless a poll began after the nudge came. While another one is at work, that one is asked to poll again. A
 * poll begins at least three seconds after the last one: of all nudges that come meanwhile, one waits and polls for all.
 * @returns undefined when another invocation does it, or the schedule
 */
async function pollOnNudge(services: InvocationServices, deadline: EpochMs): Promise<Polled | undefined> {
  const { table, now, logger } = services;
  const receivedAt = now();
  for (let attempt = 0; attempt < NUDGE_ATTEMPTS; attempt += 1) {
    const turn = await takeTurn(table, now, receivedAt, deadline).catch((error: unknown) => {
      if (!(error instanceof TransientFailure)) throw error;
      logger.warn('A nudge failed; the next scheduled poll does its work', { error });
      return 'leave it' as const;
    });
    if (turn === 'leave it') return undefined;
    if (turn === 'again') continue;
    if (turn.inMs > 0) await sleep(services, turn.inMs);
    const polled = await pollAfter(turn.after, services, 'nudge', deadline);
    if (polled !== undefined) return polled;
  }
  return undefined;
}

/** @returns when to poll, and after which run; `again` if the lease has changed meanwhile */
async function takeTurn(
  table: PollRequests,
  now: () => EpochMs,
  receivedAt: EpochMs,
  deadline: EpochMs,
): Promise<'leave it' | 'again' | { readonly inMs: number; readonly after: string | undefined }> {
  const signal = AbortSignal.timeout(Math.max(1, Math.round(deadline - now())));
  const lease = await table.readLease(now(), signal);
  if (lease.pollRequested || lease.takenAt >= receivedAt) return 'leave it';
  const inMs = Math.min(lease.takenAt + REQUESTED_POLL_SPACING_MS - now(), REQUESTED_POLL_SPACING_MS);
  if (lease.isHeld || inMs > 0) {
    if (!(await table.requestPoll(lease, now(), signal))) return 'again';
    if (lease.isHeld) return 'leave it';
  }
  return { inMs, after: lease.owner };
}

const sleep = ({ sleep: given = sleepFor }: Pick<Services, 'sleep'>, ms: number) =>
  given(ms, new AbortController().signal);
