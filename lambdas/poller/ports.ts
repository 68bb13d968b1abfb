/**
 * The ports of a run. The adapters in `edges` implement them on the AWS clients, the tests in memory. One contract suite
 * tests both.
 */
import type { Logger } from '@aws-lambda-powertools/logger';
import type { Budget, BudgetLimits } from './budget';
import type { EventEntry } from './core/build-event';
import type { Checkpoint, StoredCheckpoint } from './core/checkpoint';
import type { Watched } from './core/stalled';
import type { EpochMs, ListedTask } from './core/task';
import type { TaskRow } from './core/task-row';
import type { ServiceClock } from './service-clock';

/** One List request, without the catalog. */
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
  /** StartTimes that could not be parsed. */
  readonly unreadable: number;
  /** Absent on the last page. */
  readonly nextToken?: string;
  /** By Partner Central's clock. */
  readonly askedAt: EpochMs;
  readonly answeredAt: EpochMs;
}

/** The parts of a run that a List call uses and updates. */
export interface ListingRun {
  readonly budget: Budget;
  readonly clock: ServiceClock;
}

/** The tasks of one source. List is the only way to read them: these families have no Get and no time filter. */
export interface PartnerCentral {
  /** Identifies the filters. The order of identifiers doesn't matter. */
  readonly filters: string;
  /** Identifies the requests that a sweep's token is valid for: their filters, page size and order. */
  fingerprint(pageSize: number): string;
  /**
   * Lists one page, in the order of the list.
   * @throws RequestRefused, TransientFailure, PermanentFailure
   */
  list(listing: Listing, run: ListingRun): Promise<Page>;
}

/** An entry of the index of unsettled rows. The index lags behind the table, so nothing is decided by it. */
export interface Candidate extends Watched {
  readonly taskId: string;
  readonly nextCheckAt: EpochMs;
  readonly inDoubt: boolean;
}

export interface LeaseRequest {
  readonly owner: string;
  readonly now: EpochMs;
  readonly expiresAt: EpochMs;
  readonly emitSince: EpochMs;
  readonly signal: AbortSignal;
  /** Take it only if no run has taken it since the run with this id. */
  readonly after?: string | undefined;
  /** List calls to reserve in the daily limit of extra polls. */
  readonly reservedCalls?: number | undefined;
}

/** Who took the lease last. */
export interface Lease {
  /** Absent before the first poll. */
  readonly owner?: string | undefined;
  readonly takenAt: EpochMs;
  /** Whether that run is still at work. */
  readonly isHeld: boolean;
  /** Somebody has asked for another poll since. */
  readonly pollRequested: boolean;
}

/** How invocations ask each other for another poll. @throws TransientFailure, PermanentFailure from each method */
export interface PollRequests {
  /** A consistent read. */
  readLease(now: EpochMs, signal: AbortSignal): Promise<Lease>;
  /**
   * Asks for another poll after the one that took this lease. Whoever takes the lease next answers it.
   * @returns false if the lease has changed hands, was given back, or another poll was requested already
   */
  requestPoll(lease: Lease, now: EpochMs, signal: AbortSignal): Promise<boolean>;
}

/** The rows and the checkpoint of one source. @throws TransientFailure, PermanentFailure from each method */
export interface SnapshotTable {
  /** Requests an audit. Needs no lease. */
  requestAudit(now: EpochMs, signal: AbortSignal): Promise<void>;

  /**
   * Takes the lease and reads the checkpoint in the same write.
   *
   *   run A  --take--------------finish (expiry = 0)
   *   run B         take: held            take: free
   *
   * @returns undefined when another run holds it
   */
  takeLease(lease: LeaseRequest): Promise<StoredCheckpoint | undefined>;

  /**
   * Writes the checkpoint and ends the lease. The owner stays, so that a retried request still matches.
   * @returns whether another poll was requested since this run took the lease
   * @throws LeaseLost when another run has taken over
   */
  finish(owner: string, checkpoint: Checkpoint, signal: AbortSignal): Promise<{ readonly pollRequested: boolean }>;

  /**
   * Ends the lease and changes nothing else.
   * @param recordFailedAt stored if rows of published events could not be written
   * @throws LeaseLost when another run has taken over
   */
  release(owner: string, signal: AbortSignal, recordFailedAt?: EpochMs): Promise<void>;

  /**
   * Consistent reads.
   * @returns rows by task id, and in `damaged` the ids of rows with unreadable attributes
   * @throws PermanentFailure for a row in the format of a newer release
   */
  readRows(
    taskIds: readonly string[],
    budget: Budget,
  ): Promise<{ readonly rows: Map<string, TaskRow>; readonly damaged: readonly string[] }>;

  /**
   * Writes whole rows, at most ten in one request, which is as many as a late write may undo.
   * @returns in `cut` the ids of rows of which only the essentials were written, in `lost` of those of which nothing was
   */
  writeRows(
    rows: readonly TaskRow[],
    budget: Budget,
  ): Promise<{ readonly cut: readonly string[]; readonly lost: readonly string[] }>;

  /** All unsettled rows, the longest due first, as the index has them. */
  unsettled(budget: Budget): Promise<Candidate[]>;
}

/** The result of one entry of a PutEvents call. */
export type EntryOutcome =
  | { readonly became: 'accepted' }
  /** EventBridge could not take it for now. */
  | { readonly became: 'retryable'; readonly code: string }
  /** EventBridge refuses the entry, or refuses us (`denied`). */
  | { readonly became: 'refused'; readonly code: string; readonly denied?: true };

export interface EventBus {
  /**
   * Puts 1 to 10 entries. Returns one outcome for each, in the same order.
   * @throws RequestRefused, TransientFailure, PermanentFailure
   */
  put(entries: readonly EventEntry[], signal: AbortSignal): Promise<EntryOutcome[]>;
}

/** The methods of a logger that a run uses. The command line has a logger of its own. */
export type RunLogger = Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'removeKeys'>;

export interface Ports {
  readonly partnerCentral: PartnerCentral;
  readonly table: SnapshotTable;
  readonly bus: EventBus;
  readonly logger: RunLogger;
  /** Our own clock. */
  readonly now: () => EpochMs;
  /** Waits in the pauses of a run. Default: timers. */
  readonly sleep?: BudgetLimits['sleep'];
}
