import type { Allowance } from './budget';
import { isRefusedToken, type RequestRefused } from './errors';
import type { Listing, Page } from './ports';
import { countPage, type Run } from './run-state';

/** How a listing ended. */
export type ListingEnd =
  | 'end of list'
  /** As many pages as were asked for, or no time or List call was left. */
  | 'budget'
  /** Partner Central refuses the token: it has expired, or belongs to another request. */
  | 'token refused'
  /** Partner Central handed out a token that it had handed out before. */
  | 'token repeated'
  /** The request for the next page failed. */
  | { readonly failed: unknown };

export type Step = { readonly page: Page } | { readonly end: ListingEnd };

/**
 * Follows a listing page by page; the next page is asked for when the last one was dealt with.
 * @param token of the first page
 * @returns the pages, and last of all how it ended
 */
export async function* pagesOf(
  run: Run,
  listing: Omit<Listing, 'token'>,
  allowance: Allowance,
  { token, maxPages = Number.POSITIVE_INFINITY }: { token?: string | undefined; maxPages?: number | undefined } = {},
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
      if (isRefused) noteRefusedToken(run, failed);
      return yield { end: isRefused ? 'token refused' : { failed } };
    }
    countPage(run, page);
    yield { page };
    next = page.nextToken;
    if (next === undefined) return yield { end: 'end of list' };
    if (seenTokens.has(next)) {
      run.counts.repeatedTokens += 1;
      run.logger.warn('Partner Central repeated a page token');
      return yield { end: 'token repeated' };
    }
  }
}

function noteRefusedToken({ counts, logger }: Run, { code, reason, errorList }: RequestRefused): void {
  counts.lostCursors += 1;
  logger.warn('Partner Central refused a page token', { code, reason, errorList });
}
