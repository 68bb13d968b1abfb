/** Has the deployed function audit, and polls until the audit is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochMs } from '../../../lambdas/poller/core/task';
import type { LeasedCheckpoint } from '../../../lambdas/poller/edges/table-reader';
import type { Mode, Summary } from '../../../lambdas/poller/run';
import { CommandFailure, type Context } from '../../lib/context';
import { counted } from '../../lib/words';

export interface Audited {
  readonly requestedAt: EpochMs;
  readonly auditedAt: EpochMs;
  readonly runs: number;
  readonly pages: number;
  readonly tasks: number;
  readonly listCalls: number;
  readonly published: number;
  /** Finished tasks that the polls had overlooked. */
  readonly drift: number;
  /** The schedule's own polls may have done a part of it, and what they found is not in these numbers. */
  readonly othersTookPart: boolean;
}

export interface Auditing {
  readonly invoke: (mode: Mode) => Promise<Summary>;
  readonly checkpoint: () => Promise<LeasedCheckpoint | undefined>;
  readonly timeoutMs: number;
  /** After another run was found at work. */
  readonly pauseMs: number;
  readonly context: Pick<Context, 'now' | 'progress' | 'signal'>;
}

/** @throws CommandFailure when it takes too long */
export async function audit({ invoke, checkpoint, timeoutMs, pauseMs, context }: Auditing): Promise<Audited> {
  const { now, progress, signal } = context;
  const giveUpAt = now() + timeoutMs;
  const sums = { runs: 0, pages: 0, tasks: 0, listCalls: 0, published: 0, drift: 0, othersTookPart: false };
  const requestedBefore = (await checkpoint())?.auditRequestedAt ?? Number.NEGATIVE_INFINITY;
  let requestedAt: EpochMs | undefined;
  let lastRun: string | undefined;
  // An invocation that failed early may have left no request: then the next one asks.
  for (let mode: Mode = 'audit'; ; mode = requestedAt === undefined ? 'audit' : 'poll') {
    const before = await checkpoint();
    if (lastRun !== undefined && before?.leaseOwner !== lastRun) sums.othersTookPart = true;
    const summary = await invoke(mode);
    if (summary.outcome === 'skipped') sums.othersTookPart = true;
    else {
      lastRun = summary.runId;
      sums.runs += 1;
      for (const name of ['pages', 'tasks', 'listCalls', 'published', 'drift'] as const) sums[name] += summary[name];
    }
    // By the function's clock, not ours. The first invocation sets it, whichever run holds the lease.
    const after = await checkpoint();
    if ((after?.auditRequestedAt ?? Number.NEGATIVE_INFINITY) > requestedBefore)
      requestedAt ??= after?.auditRequestedAt;
    const auditedAt = after?.auditedAt;
    // A release without `auditRequestMet` compared the request with Partner Central's time.
    const met = after?.auditRequestMet ?? auditedAt;
    if (requestedAt !== undefined && auditedAt !== undefined && met !== undefined && met >= requestedAt) {
      if (after?.leaseOwner !== lastRun) sums.othersTookPart = true;
      return { requestedAt, auditedAt, ...sums };
    }
    progress(`${counted(sums.runs, 'run')}, ${counted(sums.tasks, 'task')} looked at, ${sums.drift} overlooked ones`);
    if (now() >= giveUpAt)
      throw new CommandFailure(
        `The audit is not over after ${counted(sums.runs, 'run')} and ${counted(sums.tasks, 'task')}; it goes on by itself ` +
          'with the polls of the schedule; the alarm "audit" goes off if it finds anything.',
      );
    if (summary.outcome !== 'complete') await sleep(pauseMs, undefined, { signal });
  }
}

export function auditInText(source: string, { drift, othersTookPart, published, ...sums }: Audited): string[] {
  return [
    `${source} was audited, in ${counted(sums.runs, 'run')}: ${counted(sums.tasks, 'task')} listed on ` +
      `${counted(sums.pages, 'page')}, by ${counted(sums.listCalls, 'List call')}.`,
    drift === 0
      ? 'Nothing had been overlooked: the table knew every finished task that it should.'
      : `${counted(drift, 'finished task')} had been overlooked by the polls. ${drift === 1 ? 'Its event is' : 'Their events are'} ` +
        'published now, and the alarm "audit" goes off; its section of docs/runbook.md says what may be behind it.',
    ...(published > drift
      ? [`${counted(published - drift, 'event')} published for tasks that had just ended, as in any poll.`]
      : []),
    ...(othersTookPart
      ? [
          "The schedule's own polls may have done a part of it; what they found is not in these numbers, but in their log lines.",
        ]
      : []),
  ];
}
