/**
 * What a run needs of the world. The adapters in `edges` implement it on AWS's clients, and the tests in memory; one
 * contract suite holds for both.
 */
import type { Logger } from '@aws-lambda-powertools/logger';
import type { Budget, BudgetLimits } from './budget';
import type { EventEntry } from './core/build-event';
import type { Checkpoint, StoredCheckpoint } from './core/checkpoint';
import type { Watched } from './core/stalled';
import type { EpochMs, ListedTask } from './core/task';
import type { TaskRow } from './core/task-row';
import type { ServiceClock } from './service-clock';

/** What a List call is to show, beside the catalog. */
export interface Listing {
  /** All tasks, the running or the finished ones, newest first and by the source's filters; or up to ten ids, whatever the filters. */
  readonly of: 'sweep' | 'running' | 'finished' | readonly string[];
  /** 1 to 1000 */
  readonly pageSize: number;
  readonly token?: string;
}

export interface Page {
  readonly tasks: readonly ListedTask[];
  /** Elements that carried no usable task. */
  readonly malformed: number;
  /** StartTimes that are not times. */
  readonly unreadable: number;
  /** Absent on the last page. */
  readonly nextToken?: string;
  /** In the service's time. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
}

/** What a List call uses and measures of a run. */
export interface ListingRun {
  readonly budget: Budget;
  readonly clock: ServiceClock;
}

/** The tasks of one source. List is the only read that Partner Central offers: no Get, no time filter. */
export interface PartnerCentral {
  /** Identifies the filters, whatever the order in which they are configured. */
  readonly filters: string;
  /** Identifies what a sweep's token belongs to; with other filters, page size or order it is worthless. */
  fingerprint(pageSize: number): string;
  /**
   * One page, in the list's order.
   * @throws RequestRefused, TransientFailure, PermanentFailure
   */
  list(listing: Listing, run: ListingRun): Promise<Page>;
}

/** An entry of the index of unsettled rows. It lags behind the table: a candidate, never a reason to decide. */
export interface Candidate extends Watched {
  readonly taskId: string;
  readonly nextCheckAt: EpochMs;
  readonly inDoubt: boolean;
}

/** The rows and the checkpoint of one source. Each method throws TransientFailure and PermanentFailure. */
export interface SnapshotTable {
  /** Leaves a note that an audit is wanted, whoever has the lease. */
  requestAudit(now: EpochMs, signal: AbortSignal): Promise<void>;

  /**
   * Takes the lease and reads the checkpoint in the same write.
   *
   *   run A  --take--------------finish (expiry = 0)
   *   run B         take: held            take: free
   *
   * @returns undefined when another run holds it
   */
  takeLease(lease: {
    owner: string;
    now: EpochMs;
    expiresAt: EpochMs;
    emitSince: EpochMs;
    signal: AbortSignal;
  }): Promise<StoredCheckpoint | undefined>;

  /**
   * Writes the checkpoint and ends the lease. The owner stays, so that a retried request still finds itself in charge.
   * @throws LeaseLost when another run has taken over
   */
  finish(owner: string, checkpoint: Checkpoint, signal: AbortSignal): Promise<void>;

  /**
   * Ends the lease and changes nothing else.
   * @param recordFailedAt kept where a record failed whose events were published
   * @throws LeaseLost when another run has taken over
   */
  release(owner: string, signal: AbortSignal, recordFailedAt?: EpochMs): Promise<void>;

  /**
   * Consistent reads.
   * @returns rows by task id; `damaged` lists the ids of rows that could not be read whole
   * @throws PermanentFailure for a row of a newer release that this one would misread
   */
  readRows(
    taskIds: readonly string[],
    budget: Budget,
  ): Promise<{ readonly rows: Map<string, TaskRow>; readonly damaged: readonly string[] }>;

  /**
   * Writes whole rows, as many at a time as may be undone by a write that arrives late.
   * @returns ids of the rows of which only the essentials were written (`cut`), and of those of which nothing was (`lost`)
   */
  writeRows(
    rows: readonly TaskRow[],
    budget: Budget,
  ): Promise<{ readonly cut: readonly string[]; readonly lost: readonly string[] }>;

  /** All unsettled rows, the longest due first, as the index has them. */
  unsettled(budget: Budget): Promise<Candidate[]>;
}

/** What became of one entry of a call. */
export type EntryOutcome =
  | { readonly became: 'accepted' }
  /** EventBridge could not take it now. */
  | { readonly became: 'retryable'; readonly code: string }
  /** EventBridge won't take it as it is, or not from us. */
  | { readonly became: 'refused'; readonly code: string; readonly denied?: true };

export interface EventBus {
  /**
   * Puts 1 to 10 entries and tells of each, in the same order, what became of it.
   * @throws RequestRefused, TransientFailure, PermanentFailure
   */
  put(entries: readonly EventEntry[], signal: AbortSignal): Promise<EntryOutcome[]>;
}

/** As much of a logger as a run uses, so that the command line can have one of its own. */
export type RunLogger = Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'removeKeys'>;

export interface Ports {
  readonly partnerCentral: PartnerCentral;
  readonly table: SnapshotTable;
  readonly bus: EventBus;
  readonly logger: RunLogger;
  /** Our own clock. */
  readonly now: () => EpochMs;
  /** How its pauses pass; by timers unless told. */
  readonly sleep?: BudgetLimits['sleep'];
}
