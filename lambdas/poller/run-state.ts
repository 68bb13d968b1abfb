import type { Budget } from './budget';
import type { Checkpoint, Gap } from './core/checkpoint';
import type { EmissionRules } from './core/diff';
import type { EpochMs } from './core/task';
import type { Page, Ports } from './ports';
import type { Publisher } from './publisher';
import type { RunRows } from './run-rows';
import type { ServiceClock } from './service-clock';
import type { Settings } from './settings';
import type { Count } from './tally';

/** What a poller needs: its ports, and how it is configured. */
export interface Services extends Ports {
  readonly settings: Settings;
  readonly eventBusName: string;
}

/** One run, from taking the lease to giving it back. `now` and `startedAt` are in Partner Central's time. */
export interface Run extends Omit<Services, 'table' | 'bus'> {
  readonly runId: string;
  readonly clock: ServiceClock;
  readonly startedAt: EpochMs;
  readonly budget: Budget;
  readonly count: Count;
  readonly rows: RunRows;
  readonly publisher: Publisher;
  /**
   * How long the rows that this run writes are kept. The longer of the configured retention and the stored one: a run
   * that dies leaves rows, and no record of the settings that it had.
   */
  readonly rowRetentionMs: number;
  /** `emitSince` as the last run stored it. */
  readonly lastEmitSince: EpochMs;
}

/** The result of one phase. */
export interface Phase {
  /** The checkpoint with what the phase changed. */
  readonly checkpoint: Checkpoint;
  /** Whether the phase did all there was to do. */
  readonly whole: boolean;
  /** The error that ended it early. The run ends, and the next one does the rest. */
  readonly failure?: unknown;
}

/** The value of a promise, or the error it rejects with. */
export const attempt = <T>(work: Promise<T>): Promise<{ value: T } | { failure: unknown }> =>
  work.then(
    value => ({ value }),
    (failure: unknown) => ({ failure }),
  );

/** The emission rules for the tasks of one page. */
export function rulesFor(
  run: Run,
  { recheckedAt, undatedAreHistory, emissionFloor, emitSince }: Checkpoint,
  page: Pick<Page, 'askedAt' | 'answeredAt'>,
  gap: Pick<Gap, 'news' | 'undatedAreHistory'> = { news: { emissionFloor } },
): EmissionRules {
  return {
    news: gap.news,
    undatedAreHistory: (undatedAreHistory ?? gap.undatedAreHistory) === true,
    rowsExpireSince: Math.max(run.lastEmitSince, emitSince),
    askedAt: page.askedAt,
    answeredAt: page.answeredAt,
    retentionMs: run.rowRetentionMs,
    ...(recheckedAt !== undefined && { recheckedAt }),
  };
}
