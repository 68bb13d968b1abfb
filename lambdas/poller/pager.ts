import type { Allowance } from './budget';
import { isRefusedToken, type RequestRefused } from './errors';
import type { Listing, Page } from './ports';
import type { Run } from './run-state';

/** Why a listing ended. */
export type ListingEnd =
  | 'end of list'
  /** The page limit, the time or the List calls are used up. */
  | 'budget'
  /** Partner Central refused the token: it has expired, or it belongs to another request. */
  | 'token refused'
  /** Partner Central returned a token that it had returned before. */
  | 'token repeated'
  /** The request failed. */
  | { readonly failed: unknown };

export type Step = { readonly page: Page } | { readonly end: ListingEnd };

interface Start {
  /** Token of the first page. */
  readonly token?: string | undefined;
  readonly maxPages?: number | undefined;
}

/**
 * Lists page by page. The next page is requested when the consumer is done with the last one.
 * @returns the pages, then one step with the end
 */
export async function* pagesOf(
  run: Run,
  listing: Omit<Listing, 'token'>,
  allowance: Allowance,
  { token, maxPages = Number.POSITIVE_INFINITY }: Start = {},
): AsyncGenerator<Step, void> {
  const seenTokens = new Set<string>();
  let next = token;
  for (let pages = 0; ; pages += 1) {
    if (pages >= maxPages || !run.budget.mayList(allowance)) return yield { end: 'budget' };
    if (next !== undefined) seenTokens.add(next);
    let page: Page;
    try {
      page = await run.partnerCentral.list({ ...listing, ...(next !== undefined && { token: next }) }, run);
    } catch (failed) {
      const isRefused = next !== undefined && isRefusedToken(failed);
      if (isRefused) reportRefusedToken(run, failed);
      return yield { end: isRefused ? 'token refused' : { failed } };
    }
    reportPage(run, page);
    next = page.nextToken;
    yield { page };
    if (next === undefined) return yield { end: 'end of list' };
    if (seenTokens.has(next)) {
      run.count('repeatedTokens');
      run.logger.warn('Partner Central repeated a page token');
      return yield { end: 'token repeated' };
    }
  }
}

function reportPage({ count, logger }: Run, { tasks, unreadable, malformed }: Page): void {
  count('pages');
  count('tasks', tasks.length);
  count('unreadableStartTimes', unreadable);
  count('malformed', malformed);
  if (unreadable > 0) logger.warn('Start times that can not be read were taken for absent', { unreadable });
  if (malformed > 0) logger.warn('Skipped summaries without a usable task id', { malformed });
}

function reportRefusedToken({ count, logger }: Run, { code, reason, errorList }: RequestRefused): void {
  count('lostCursors');
  logger.warn('Partner Central refused a page token', { code, reason, errorList });
}
