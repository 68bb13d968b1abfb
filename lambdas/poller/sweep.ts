import type { Allowance } from './budget';
import {
  advance,
  type Checkpoint,
  dropCursor,
  type Gap,
  isDrift,
  isStuck,
  mayBeHistory,
  mayDistrustOrder,
} from './core/checkpoint';
import { type ExaminedPage, examinePage, ORDER_TOLERANCE_MS } from './core/sweep';
import type { EpochMs, ListedTask } from './core/task';
import { pagesOf } from './pager';
import type { Page } from './ports';
import { processTasks } from './process-tasks';
import { type Run, rulesFor } from './run-state';

/** What a sweep has come to, whatever ended it. */
export interface Swept {
  /** What is left of the gap; of a finished one, nothing is. */
  readonly gap: Gap;
  /** Pages that were dealt with. */
  readonly pages: number;
  readonly finished: boolean;
  /** The list was shown down to `alsoDownTo`, or to its end. */
  readonly reachedAlso: boolean;
  /** The order of the list was found wrong, and the sweep goes to its end for that. */
  readonly distrusted: boolean;
  /** What went wrong, and whether it was at listing or at dealing with what was listed. */
  readonly failure?: { readonly at: 'listing' | 'dealing'; readonly error: unknown };
}

interface SweepLimits {
  readonly maxPages?: number | undefined;
  /** Below the floor, what the pages show down to here is dealt with too. Then the floor itself ends the sweep. */
  readonly alsoDownTo?: EpochMs | undefined;
}

/** Sweeps newest-first from where the gap stands until its floor, the end of the list, or the end of the allowance. */
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
      if (step.end === 'token refused') gap = noteRestart(run, dropCursor(gap, 'refused'));
      if (step.end === 'token repeated') gap = noteRestart(run, dropCursor(gap, 'repeated'));
      return swept(typeof step.end === 'object' ? { failure: { at: 'listing', error: step.end.failed } } : {});
    }
    const { page } = step;
    const position = {
      floor: gap.floor,
      alsoDownTo,
      endsBelow: alsoDownTo === undefined ? gap.floor - ORDER_TOLERANCE_MS : gap.floor,
      lowest,
      lastTwo,
      ...standing(gap),
    };
    // An audit is the sweep that finds what all others overlooked: it may always go to the end.
    const mayDistrust = gap.driftBefore !== undefined || mayDistrustOrder(checkpoint);
    const examined = examinePage(position, page.tasks, mayDistrust);
    ({ lowest, lastTwo } = examined);
    try {
      if (!(await dealWithPage(run, checkpoint, gap, page, examined, allowance))) return swept();
    } catch (error) {
      return swept({ failure: { at: 'dealing', error } });
    }

    // Only now: a page that is fetched again shows its disorder again, and must then be allowed to be distrusted.
    if (examined.outOfOrder) distrusted = noteDisorder(run, gap, examined.toTheEnd) || distrusted;
    pages += 1;
    if (page.nextToken === undefined || examined.isAtEnd) {
      const isShown = alsoDownTo !== undefined && (examined.reached ?? Infinity) < alsoDownTo - ORDER_TOLERANCE_MS;
      return swept({ finished: true, reachedAlso: page.nextToken === undefined || isShown });
    }
    if (examined.toTheEnd && !gap.toTheEnd && pageSize < run.settings.backlogPageSize) {
      // Small pages are for what is new. The whole list is swept in large ones, which another token can't fetch.
      gap = dropCursor(gap, 'for the whole list');
      return swept();
    }
    const cursor = { token: page.nextToken, fingerprint: run.partnerCentral.fingerprint(pageSize) };
    gap = advance(gap, cursor, examined.reached, examined.toTheEnd);
  }
  return swept();
}

function dealWithPage(
  run: Run,
  checkpoint: Checkpoint,
  gap: Gap,
  page: Page,
  examined: ExaminedPage,
  allowance: Allowance,
): Promise<boolean> {
  const rules = rulesFor(run, checkpoint, page, gap);
  // Below its floor a sweep comes to what gaps are still to look at, and one of them may say that it is history.
  const rulesBelow = { ...rules, undatedAreHistory: mayBeHistory(checkpoint) };
  const rulesOf = (task: ListedTask) => (examined.undatedBelow.has(task) ? rulesBelow : rules);
  const drift = (startTime: EpochMs | undefined) => isDrift(startTime, gap, checkpoint.gaps);
  return processTasks(run, examined.inRange, rulesOf, allowance, drift);
}

const standing = (gap: Gap) => ({
  toTheEnd: gap.toTheEnd ?? false,
  ...(gap.restarts !== undefined && gap.reached !== undefined && { skipAbove: gap.reached }),
});

/** Says so when a gap loses its place again and again; counted only in the run in which it does. */
export function noteRestart(run: Run, gap: Gap): Gap {
  if (isStuck(gap)) {
    run.counts.stuckGaps += 1;
    const { restarts, floor, reached } = gap;
    run.logger.error('A sweep loses its place again and again and does not get further', { restarts, floor, reached });
  }
  return gap;
}

/** @returns whether the sweep goes to the end of the list from now on */
function noteDisorder(run: Run, gap: Gap, toTheEnd: boolean): boolean {
  run.counts.outOfOrder += 1;
  if (!toTheEnd || gap.toTheEnd) return false;
  run.logger.warn('The list is not in the order asked for; this sweep goes on to its end');
  return true;
}
