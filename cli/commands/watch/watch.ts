/** The poller on this machine: the same engine, a table in a folder, and standard output for a bus. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEntry } from '../../../lambdas/poller/core/build-event';
import type { Checkpoint, StoredCheckpoint } from '../../../lambdas/poller/core/checkpoint';
import type { EpochMs } from '../../../lambdas/poller/core/task';
import { PermanentFailure, RequestRefused, TransientFailure } from '../../../lambdas/poller/errors';
import type { EventBus, PartnerCentral, SnapshotTable } from '../../../lambdas/poller/ports';
import { type Mode, poll, type Summary } from '../../../lambdas/poller/run';
import type { Settings } from '../../../lambdas/poller/settings';
import type { Context } from '../../lib/context';
import { NoCredentials } from '../../lib/credentials';
import { moment } from '../../lib/plan-words';
import { textLogger } from '../../lib/watch-logger';
import { counted } from '../../lib/words';

/** As long as the function has. */
const POLL_TIMEOUT_MS = 55_000;

export interface Watching {
  readonly settings: Settings;
  readonly partnerCentral: PartnerCentral;
  /** With credentials that are looked for once more: a session may be revoked before it expires. */
  readonly connectAnew: () => PartnerCentral;
  readonly table: SnapshotTable;
  /** Resolves when the text is written, and rejects when the reader is gone. */
  readonly write: (text: string) => Promise<void>;
  readonly everyMs: number;
  readonly once: boolean;
  /** As the last start left it: it says when an audit is due. */
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly context: Pick<Context, 'now' | 'note' | 'progress' | 'signal'>;
}

/** @returns the exit code */
export async function watch({ everyMs, once, checkpoint: kept, context, write, ...given }: Watching): Promise<number> {
  const { now, note, progress, signal } = context;
  const reader = { gone: false };
  let checkpoint: AuditTimes | undefined = kept;
  const services = {
    ...given,
    now,
    eventBusName: 'standard-output',
    logger: textLogger(line => reader.gone || note(line)),
    bus: busOn(write, reader, now),
    table: {
      ...given.table,
      finish(owner: string, finished: Checkpoint, deadline: AbortSignal) {
        checkpoint = finished;
        return given.table.finish(owner, finished, deadline);
      },
    },
  };
  for (let first = true; ; first = false) {
    const startedAt = now();
    const mode: Mode = checkpoint && isAuditTime(checkpoint, startedAt) ? 'audit' : 'poll';
    const look = () => poll(services, { mode, deadline: now() + POLL_TIMEOUT_MS });
    const { summary } = await look().catch((error: unknown) => {
      if (!mayBeRevoked(error) || signal.aborted) throw error;
      services.partnerCentral = given.connectAnew();
      return look();
    });
    if (reader.gone) return 0;
    const line = `${moment(startedAt)}  ${inWords(summary)}`;
    if (first || isWorthALine(summary)) note(line);
    else progress(line);
    if (once) return summary.outcome === 'complete' ? 0 : 1;
    await sleep(Math.max(0, startedAt + everyMs - now()), undefined, { signal }).catch(() => {});
    if (signal.aborted) return 0;
  }
}

/** Partner Central refused the credentials, not the request. */
const mayBeRevoked = (error: unknown) =>
  error instanceof PermanentFailure && !(error instanceof NoCredentials) && !(error.cause instanceof RequestRefused);

/** What is written counts as published, and what is published is recorded next: a kill in between repeats a batch. */
function busOn(write: Watching['write'], reader: { gone: boolean }, now: () => EpochMs): EventBus {
  return {
    async put(entries) {
      await write(entries.map(entry => `${JSON.stringify(envelope(entry, now()))}\n`).join('')).catch(error => {
        reader.gone = true;
        throw new TransientFailure('The reader of the events is gone', { cause: error });
      });
      return entries.map(() => ({ became: 'accepted' as const }));
    },
  };
}

/** An event as the target of a rule gets it. There is no account: it was published on no bus. */
const envelope = ({ DetailType, Source, Resources, Detail }: EventEntry, at: EpochMs) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': DetailType,
  source: Source,
  account: '000000000000',
  time: moment(at),
  region: 'us-east-1',
  resources: Resources,
  detail: JSON.parse(Detail) as unknown,
});

type AuditTimes = Pick<StoredCheckpoint, 'auditedAt' | 'auditsExpectedSince' | 'auditEveryMs' | 'gaps'>;

/** As the second schedule of a stack does it, but for pauses: a machine that was off has its audit soon after. */
function isAuditTime({ auditedAt, auditsExpectedSince, auditEveryMs, gaps = [] }: AuditTimes, now: EpochMs): boolean {
  if (auditEveryMs === undefined || gaps.some(({ driftBefore }) => driftBefore !== undefined)) return false;
  return now - (auditedAt ?? auditsExpectedSince ?? now) >= auditEveryMs;
}

const isWorthALine = ({ outcome, published, drift, gaps, backlogUnchanged }: Summary) =>
  outcome !== 'complete' || published + drift + gaps > 0 || backlogUnchanged === true;

function inWords({ outcome, published, unsettled = 0, stalled, gaps, drift, rejected, mode }: Summary): string {
  return [
    published === 0 ? 'nothing new' : counted(published, 'event'),
    `${counted(unsettled, 'task')} to watch${stalled ? `, ${stalled} of them stalled` : ''}`,
    ...(mode === 'audit' ? ['an audit has begun'] : []),
    ...(drift > 0 ? [`${drift} found by the audit that polls had overlooked`] : []),
    ...(rejected > 0 ? [`${rejected} that can't be published`] : []),
    ...(gaps > 0 ? [`${counted(gaps, 'part')} of the list still to sweep`] : []),
    ...(outcome === 'partial' ? ['not all was looked at, the next poll goes on'] : []),
  ].join('; ');
}
