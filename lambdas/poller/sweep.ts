import type { Allowance } from './budget';
import { advance, type Gap, isDrift, isStuck, mayBeHistory, mayDistrustOrder, restart } from './core/checkpoint';
import { examinePage, ORDER_TOLERANCE_MS } from './core/sweep';
import type { EpochMs, ListedTask } from './core/task';
import { dealWith } from './deal-with';
import { isRefusedToken } from './errors';
import type { Page } from './ports';
import { countPage, type Run, rulesFor } from './run-state';

/** How far a sweep got. Kept up to date page by page, so that it stands whatever is thrown. */
export interface Progress {
  gap: Gap;
  pages: number;
  finished: boolean;
  /** What was thrown came from listing, not from dealing with what was listed. */
  listingFailed?: boolean;
  /** The list was shown down to `alsoDownTo`, or to its end. */
  reachedAlso?: boolean;
}

interface SweepLimits {
  readonly maxPages?: number;
  /** Below the floor, what the pages show down to here is dealt with too. Then the floor itself ends the sweep. */
  readonly alsoDownTo?: EpochMs;
}

/**
 * Sweeps newest-first from where the gap stands until its floor, the end of the list, or the end of the allowance.
 * @throws TransientFailure, PermanentFailure; `progress` holds what was finished before
 */
export async function sweep(
  run: Run,
  progress: Progress,
  pageSize: number,
  allowance: Allowance,
  { maxPages = Number.POSITIVE_INFINITY, alsoDownTo }: SweepLimits = {},
): Promise<void> {
  const seenTokens = new Set<string>();
  let lowest = Number.POSITIVE_INFINITY;
  let lastTwo: readonly EpochMs[] = [];

  for (let pages = 0; pages < maxPages && run.budget.mayList(allowance); pages += 1) {
    const { gap } = progress;
    const token = gap.cursor?.token;
    if (token !== undefined) seenTokens.add(token);

    progress.listingFailed = true;
    const page = await fetchPage(run, pageSize, token);
    progress.listingFailed = false;
    if (page === undefined) {
      progress.gap = noteRestart(run, restart(gap));
      return;
    }
    countPage(run, page);

    const position = {
      floor: gap.floor,
      alsoDownTo,
      endsBelow: alsoDownTo === undefined ? gap.floor - ORDER_TOLERANCE_MS : gap.floor,
      lowest,
      lastTwo,
      ...standing(gap),
    };
    // An audit is the sweep that finds what all others overlooked: it may always go to the end.
    const mayDistrust = gap.driftBefore !== undefined || mayDistrustOrder(run.checkpoint);
    const examined = examinePage(position, page.tasks, mayDistrust);
    ({ lowest, lastTwo } = examined);
    const drift = (startTime: EpochMs | undefined) => isDrift(startTime, gap, run.checkpoint.gaps);
    const rules = rulesFor(run, page, gap);
    // Below its floor a sweep comes to what gaps are still to look at, and one of them may say that it is history.
    const rulesBelow = { ...rules, undatedAreHistory: mayBeHistory(run.checkpoint) };
    const rulesOf = (task: ListedTask) => (examined.undatedBelow.has(task) ? rulesBelow : rules);
    const whole = await dealWith(run, examined.inRange, rulesOf, allowance, drift);
    if (!whole) return;

    // Only now: a page that is fetched again shows its disorder again, and must then be allowed to be distrusted.
    if (examined.outOfOrder) noteDisorder(run, gap, examined.toTheEnd);
    progress.pages += 1;
    if (page.nextToken === undefined || examined.isAtEnd) {
      progress.finished = true;
      progress.reachedAlso =
        page.nextToken === undefined ||
        (alsoDownTo !== undefined && (examined.reached ?? Infinity) < alsoDownTo - ORDER_TOLERANCE_MS);
      return;
    }
    const turned = examined.toTheEnd && !gap.toTheEnd;
    if (turned && pageSize < run.settings.backlogPageSize) {
      progress.gap = fromTheTopToTheEnd(gap);
      return;
    }
    const cursor = { token: page.nextToken, fingerprint: run.partnerCentral.fingerprint(pageSize) };
    progress.gap = advance(gap, cursor, examined.reached, examined.toTheEnd);
    if (seenTokens.has(page.nextToken)) {
      run.counts.repeatedTokens += 1;
      run.logger.warn('Partner Central repeated a page token; the sweep starts again from the top in the next run');
      progress.gap = noteRestart(run, restart(progress.gap));
      return;
    }
  }
}

const standing = (gap: Gap) => ({
  toTheEnd: gap.toTheEnd ?? false,
  ...(gap.restarts !== undefined && gap.reached !== undefined && { skipAbove: gap.reached }),
});

/** @returns undefined when the token was refused */
async function fetchPage(run: Run, pageSize: number, token: string | undefined): Promise<Page | undefined> {
  try {
    return await run.partnerCentral.list({ of: 'sweep', pageSize, ...(token !== undefined && { token }) }, run);
  } catch (error) {
    if (token === undefined || !isRefusedToken(error)) throw error;
    run.counts.lostCursors += 1;
    const { code, reason, errorList } = error;
    run.logger.warn('Partner Central refused a page token; the sweep starts again from the top in the next run', {
      code,
      reason,
      errorList,
    });
    return undefined;
  }
}

/** Says so when a gap loses its place again and again; counted only in the run in which it does. */
export function noteRestart(run: Run, gap: Gap): Gap {
  if (isStuck(gap)) {
    run.counts.stuckGaps += 1;
    const { restarts, floor, reached } = gap;
    run.logger.error('A sweep loses its place again and again and does not get further', { restarts, floor, reached });
  }
  return gap;
}

function noteDisorder(run: Run, gap: Gap, toTheEnd: boolean): void {
  run.counts.outOfOrder += 1;
  if (!toTheEnd || gap.toTheEnd) return;
  run.checkpoint = { ...run.checkpoint, distrustedAt: run.startedAt };
  run.logger.warn('The list is not in the order asked for; this sweep goes on to its end');
}

/** Small pages are for what is new. The whole list is swept in large ones, which another token can't fetch. */
function fromTheTopToTheEnd({ cursor: _, reached: __, restarts: ___, ...gap }: Gap): Gap {
  return { ...gap, toTheEnd: true };
}
