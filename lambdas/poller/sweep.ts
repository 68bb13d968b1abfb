import type { Allowance } from './budget';
import type { Checkpoint, Gap } from './core/checkpoint';
import { advance, dropCursor, isDrift, isStuck, mayBeHistory, mayDistrustOrder } from './core/gaps';
import { type ExaminedPage, examinePage, ORDER_TOLERANCE_MS } from './core/sweep';
import type { EpochMs, ListedTask } from './core/task';
import { pagesOf } from './pager';
import type { Page } from './ports';
import { processTasks } from './process-tasks';
import { type Run, rulesFor } from './run-state';

/** The result of a sweep. */
export interface Swept {
  /** The rest of the gap. Meaningless where `finished`. */
  readonly gap: Gap;
  /** Pages that were processed. */
  readonly pages: number;
  readonly finished: boolean;
  /** The list was shown down to `alsoDownTo`, or to its end. */
  readonly reachedAlso: boolean;
  /** The list was found out of order, so this sweep goes to its end. */
  readonly distrusted: boolean;
  readonly failure?: { readonly at: 'listing' | 'processing'; readonly error: unknown };
}

interface SweepLimits {
  readonly maxPages?: number | undefined;
  /** Entries below the floor are processed too, down to here, if a page shows them. The floor itself then ends the sweep. */
  readonly alsoDownTo?: EpochMs | undefined;
}

/** Sweeps newest first, from where the gap stands to its floor, the end of the list, or the end of the allowance. */
export async function sweep(
  run: Run,
  checkpoint: Checkpoint,
  from: Gap,
  pageSize: number,
  allowance: Allowance,
  { maxPages, alsoDownTo }: SweepLimits = {},
): Promise<Swept> {
  let gap = from;
  let pages = 0;
  let lowest = Number.POSITIVE_INFINITY;
  let lastTwo: readonly EpochMs[] = [];
  let distrusted = false;
  const start = { token: gap.cursor?.token, maxPages };
  const swept = (more: Partial<Swept> = {}): Swept => ({
    gap,
    pages,
    distrusted,
    finished: false,
    reachedAlso: false,
    ...more,
  });

  for await (const step of pagesOf(run, { of: 'sweep', pageSize }, allowance, start)) {
    if ('end' in step) {
      if (step.end === 'token refused') gap = reportIfStuck(run, dropCursor(gap, 'refused'));
      if (step.end === 'token repeated') gap = reportIfStuck(run, dropCursor(gap, 'repeated'));
      return swept(typeof step.end === 'object' ? { failure: { at: 'listing', error: step.end.failed } } : {});
    }
    const { page } = step;
    const position = {
      floor: gap.floor,
      alsoDownTo,
      endsBelow: alsoDownTo === undefined ? gap.floor - ORDER_TOLERANCE_MS : gap.floor,
      lowest,
      lastTwo,
      toTheEnd: gap.toTheEnd ?? false,
      ...(gap.restarts !== undefined && gap.reached !== undefined && { skipAbove: gap.reached }),
    };
    // An audit may always go to the end: it is the sweep that finds what all others missed.
    const mayDistrust = gap.driftBefore !== undefined || mayDistrustOrder(checkpoint);
    const examined = examinePage(position, page.tasks, mayDistrust);
    ({ lowest, lastTwo } = examined);
    try {
      if (!(await processPage(run, checkpoint, gap, page, examined, allowance))) return swept();
    } catch (error) {
      return swept({ failure: { at: 'processing', error } });
    }

    // After processing: if this page is listed again, it is out of order again, and must be allowed to be distrusted again.
    if (examined.outOfOrder) distrusted = reportDisorder(run, gap, examined.toTheEnd) || distrusted;
    pages += 1;
    if (page.nextToken === undefined || examined.isAtEnd) {
      const isShown = alsoDownTo !== undefined && (examined.reached ?? Infinity) < alsoDownTo - ORDER_TOLERANCE_MS;
      return swept({ finished: true, reachedAlso: page.nextToken === undefined || isShown });
    }
    if (examined.toTheEnd && !gap.toTheEnd && pageSize < run.settings.backlogPageSize) {
      // The whole list is swept in large pages. Their tokens differ from those of the small pages used for new tasks.
      gap = dropCursor(gap, 'for the whole list');
      return swept();
    }
    const cursor = { token: page.nextToken, fingerprint: run.partnerCentral.fingerprint(pageSize) };
    gap = advance(gap, cursor, examined.reached, examined.toTheEnd);
  }
  return swept();
}

function processPage(
  run: Run,
  checkpoint: Checkpoint,
  gap: Gap,
  page: Page,
  examined: ExaminedPage,
  allowance: Allowance,
): Promise<boolean> {
  const rules = rulesFor(run, checkpoint, page, gap);
  // Below the floor lie the other gaps. If one of them calls undated tasks history, so does this page.
  const rulesBelow = { ...rules, undatedAreHistory: mayBeHistory(checkpoint) };
  const rulesOf = (task: ListedTask) => (examined.undatedBelow.has(task) ? rulesBelow : rules);
  const drift = (startTime: EpochMs | undefined) => isDrift(startTime, gap, checkpoint.gaps);
  return processTasks(run, examined.inRange, rulesOf, allowance, drift);
}

/** Reports a gap that keeps losing its cursor without getting further; only in the run in which it does. */
export function reportIfStuck(run: Run, gap: Gap): Gap {
  if (isStuck(gap)) {
    run.count('stuckGaps');
    const { restarts, floor, reached } = gap;
    run.logger.error('A sweep loses its place again and again and does not get further', { restarts, floor, reached });
  }
  return gap;
}

/** @returns whether the sweep goes to the end of the list from now on */
function reportDisorder(run: Run, gap: Gap, toTheEnd: boolean): boolean {
  run.count('outOfOrder');
  if (!toTheEnd || gap.toTheEnd) return false;
  run.logger.warn('The list is not in the order asked for; this sweep goes on to its end');
  return true;
}
