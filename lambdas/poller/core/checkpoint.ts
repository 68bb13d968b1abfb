import type { EligibilityWindow } from './eligibility-window';
import type { ExtraCalls, StoredExtraCalls } from './extra-calls';
import type { EpochMs } from './task';

/** A page token and the request that it belongs to. With any other request the token is useless. */
export interface Cursor {
  readonly token: string;
  readonly fingerprint: string;
}

/**
 * A part of the list that is still to be swept, from the place of its sweep down to its floor. The names of its members
 * are those of the stored attributes.
 */
export interface Gap {
  readonly madeAt: EpochMs;
  readonly floor: EpochMs;
  /** Which tasks may be published. Fixed when the gap is made, however long the gap takes. */
  readonly news: EligibilityWindow;
  /** For the next page. Without it the gap starts at the top of the list. */
  readonly cursor?: Cursor;
  /** Everything at or above this start time has been processed. */
  readonly reached?: EpochMs;
  /** Cursors lost in a row without getting below `reached`. Until it does, the sweep is on its way back there. */
  readonly restarts?: number;
  /** Runs in a row that failed at the next page. */
  readonly failures?: number;
  /** The list was found out of order: only its end ends this gap. */
  readonly toTheEnd?: true;
  /** The gap is an audit. A finished task that started before this and has no row is drift. */
  readonly driftBefore?: EpochMs;
  /** Searches for tasks that were listed late, a few pages in each run. */
  readonly lookBack?: true;
  /** Finished tasks without a start time are history: the gap was made before the first whole head. */
  readonly undatedAreHistory?: true;
}

/**
 * What a source remembers from run to run. The names of its members are those of the stored attributes. Times are Partner
 * Central's, unless noted: nearly all of them are compared with a StartTime.
 */
export interface Checkpoint {
  /** The earliest `emitSince` ever configured. What started after it has been processed once. */
  readonly emitSince: EpochMs;
  /** The running tasks have been learned. */
  readonly initialised: boolean;
  /** Start of the newest run whose head was swept, or whose rest became a gap. */
  readonly watermark?: EpochMs;
  /** Tasks that were listed before this have been seen, or a gap will see them. */
  readonly lookedBackAt?: EpochMs;
  /** Start of the last run that checked every unsettled row that was due. */
  readonly recheckedAt?: EpochMs;
  /** Finished tasks that started before this and have no row are never published. It is stored because it never falls. */
  readonly emissionFloor: EpochMs;
  /** Newest first. */
  readonly gaps: readonly Gap[];
  /** By the clock of whoever asked. Only compared with `auditRequestMet`. */
  readonly auditRequestedAt?: EpochMs;
  /** The request that the last finished audit answered. */
  readonly auditRequestMet?: EpochMs;
  readonly auditedAt?: EpochMs;
  /** When a sweep last went to the end because of the order. At most once between two audits. */
  readonly distrustedAt?: EpochMs;
  readonly filters?: string;
  readonly lastSuccessAt?: EpochMs;
  /** Since when audits have been due at the present interval, without the pauses in the polls. */
  readonly auditsExpectedSince?: EpochMs;
  readonly auditEveryMs?: number;
  /** Since when TaskStalled events are switched on; absent while they are off. */
  readonly tellStalledSince?: EpochMs;
  /** Finished tasks without a start time are history: no head has been whole yet. */
  readonly undatedAreHistory?: true;
  /** How long rows are kept. */
  readonly retentionMs?: number;
  /** A shorter retention of the past: rows written before `shorterRetentionUntil` expire by it. */
  readonly shorterRetentionMs?: number;
  readonly shorterRetentionUntil?: EpochMs;
  /** When rows of published events last failed to be written. Since then a row is tried before its event is published. */
  readonly recordFailedAt?: EpochMs;
  /** The last run did not get to the backlog, so the next one begins with it. */
  readonly backlogWaited?: true;
  /** How far Partner Central's clock is ahead of ours; absent before its first answer. */
  readonly clockOffsetMs?: number;
  /** They have a limit a day. */
  readonly extraCalls?: ExtraCalls;
}

/** The checkpoint as stored. Before the first run has finished, it has nothing but `emitSince`. */
export type StoredCheckpoint = Pick<Checkpoint, 'emitSince'> &
  Partial<Checkpoint> &
  StoredExtraCalls & { readonly formatVersion?: unknown };
