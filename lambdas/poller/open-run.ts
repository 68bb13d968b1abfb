import type { Budget } from './budget';
import type { Checkpoint, StoredCheckpoint } from './core/checkpoint';
import { type OpeningTerms, openCheckpoint } from './core/open-checkpoint';
import type { EpochMs } from './core/task';
import { refuseNewerFormat } from './edges/row-item';
import { logEvent } from './event-log';
import type { Opening } from './phases/learn';
import { openPublisher } from './publisher';
import { openRunRows } from './run-rows';
import type { Run, Services } from './run-state';
import { openServiceClock } from './service-clock';
import type { Count } from './tally';

export interface OpenedRun extends Opening {
  readonly run: Run;
  readonly checkpoint: Checkpoint;
  readonly auditBegins: boolean;
}

interface Given {
  readonly services: Services;
  readonly runId: string;
  /** By our own clock. */
  readonly startedAt: EpochMs;
  readonly budget: Budget;
  readonly count: Count;
  readonly stored: StoredCheckpoint;
  /** As configured. */
  readonly emitSince: EpochMs | undefined;
}

/**
 * Opens a run that has just taken the lease.
 * @throws PermanentFailure when a newer release wrote the checkpoint in a format of its own
 */
export function openRun({ services, runId, startedAt, budget, count, stored, emitSince }: Given): OpenedRun {
  refuseNewerFormat('The checkpoint', stored.formatVersion);
  const { settings, logger, partnerCentral, table, bus, eventBusName } = services;
  const clock = openServiceClock(services.now, startedAt, stored.clockOffsetMs);
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
  const { checkpoint, auditBegins } = openCheckpoint(stored, terms());
  const { catalog, taskFamily, name: sourceName, includeMessage, eventSource, stalledAfterMinutes } = settings;
  const rows = openRunRows({ table, budget, logger, count });
  const run: Run = {
    settings,
    eventBusName,
    logger,
    partnerCentral,
    runId,
    clock,
    budget,
    count,
    rows,
    now: clock.now,
    get startedAt() {
      return clock.startedAt();
    },
    rowRetentionMs: Math.max(terms().retentionMs, stored.retentionMs ?? 0),
    lastEmitSince: stored.emitSince ?? -Infinity,
    publisher: openPublisher({
      bus,
      budget,
      frame: { catalog, taskFamily, sourceName, runId, includeMessage, eventSource, eventBusName, stalledAfterMinutes },
      now: clock.now,
      record: rows.write,
      tryRecord: rows.tryWrite,
      recordsAreInDoubt: checkpoint.recordFailedAt !== undefined,
      onDone: (event, code) => logEvent({ settings, logger, count, now: clock.now }, event, code),
    }),
  };
  return {
    run,
    checkpoint,
    auditBegins,
    stored,
    emitSinceIsOurs: emitSince === undefined || emitSince > stored.emitSince,
    reopen: changed => openCheckpoint(changed, terms()).checkpoint,
  };
}
