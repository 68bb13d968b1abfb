import type { Budget } from './budget';
import type { Checkpoint, Gap } from './core/checkpoint';
import type { EmissionRules } from './core/diff';
import type { Watched } from './core/stalled';
import type { EpochMs } from './core/task';
import type { Page, Ports } from './ports';
import type { Publisher } from './publisher';
import type { ServiceClock } from './service-clock';
import type { Settings } from './settings';

/** What a poller needs: its ports, and how it is configured. */
export interface Services extends Ports {
  readonly settings: Settings;
  readonly eventBusName: string;
}

/** What every run tells about. */
const noOutcomes = {
  pages: 0,
  /** Listed, whether they meant anything or not. */
  tasks: 0,
  completed: 0,
  failed: 0,
  /** Events that EventBridge keeps refusing. */
  rejected: 0,
  /** Endings that an audit found and the polls before it had overlooked. */
  drift: 0,
};

/** What a run tells about only when it happened; each has a line of its own in the log as well. */
const noAnomalies = {
  reopened: 0,
  unknownStatus: 0,
  /** Summaries without a usable task id. */
  malformed: 0,
  /** StartTimes that are not times. */
  unreadableStartTimes: 0,
  /** Tasks that are no longer listed. */
  missing: 0,
  damagedRows: 0,
  refusedLookUps: 0,
  refusedRows: 0,
  /** That tasks stall: told, and what EventBridge refused of it. */
  stalledEvents: 0,
  refusedStalledEvents: 0,
  outOfOrder: 0,
  repeatedTokens: 0,
  lostCursors: 0,
  stuckGaps: 0,
};

export type Outcomes = Readonly<typeof noOutcomes>;
export type Anomalies = Readonly<Partial<typeof noAnomalies>>;
export type Counts = typeof noOutcomes & typeof noAnomalies;

export const noCounts = (): Counts => ({ ...noOutcomes, ...noAnomalies });

/** The counts as a summary has them. */
export function told(counts: Counts): Outcomes & Anomalies {
  return Object.fromEntries(
    Object.entries(counts).filter(([name, count]) => count > 0 || name in noOutcomes),
  ) as Outcomes & Anomalies;
}

/** One run, from taking the lease to giving it back. */
export interface Run extends Services {
  readonly runId: string;
  readonly clock: ServiceClock;
  /**
   * How long rows are kept that this run writes, by what the table knows of the settings: a run that dies leaves rows, and
   * no word of the settings that it had.
   */
  readonly rowRetentionMs: number;
  /** As the last run left it. */
  readonly lastEmitSince: EpochMs;
  /** In Partner Central's time, like `now` here. */
  readonly startedAt: EpochMs;
  readonly budget: Budget;
  readonly counts: Counts;
  /** Ids that this run has dealt with; a task listed twice, or by two sweeps, is dealt with once. */
  readonly handled: Set<string>;
  /** By task id, what this run wrote of unsettled rows, and undefined for settled ones: the index may not show it yet. */
  readonly written: Map<string, Watched | undefined>;
  readonly publisher: Publisher;
}

/** What a phase of a run has come to. */
export interface Phase {
  /** As the phase leaves it. */
  readonly checkpoint: Checkpoint;
  /** Whether it did all that there was to do. */
  readonly whole: boolean;
  /** What ended it early. The phases after it are left to the next run. */
  readonly failure?: unknown;
}

/** What comes of it, or what it throws. */
export const outcomeOf = <T>(work: Promise<T>): Promise<{ value: T } | { failure: unknown }> =>
  work.then(
    value => ({ value }),
    (failure: unknown) => ({ failure }),
  );

/** The emission rules that hold for a page. */
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

/** Notes what a page brought, and says so where part of it was unusable. */
export function countPage(run: Run, page: Page): void {
  run.counts.pages += 1;
  run.counts.tasks += page.tasks.length;
  if (page.unreadable > 0) {
    run.counts.unreadableStartTimes += page.unreadable;
    run.logger.warn('Start times that can not be read were taken for absent', { unreadable: page.unreadable });
  }
  if (page.malformed === 0) return;
  run.counts.malformed += page.malformed;
  run.logger.warn('Skipped summaries without a usable task id', { malformed: page.malformed });
}

export const replaceGap = (gaps: readonly Gap[], old: Gap, by: Gap | undefined): readonly Gap[] =>
  gaps.flatMap(gap => (gap !== old ? [gap] : by === undefined ? [] : [by]));
