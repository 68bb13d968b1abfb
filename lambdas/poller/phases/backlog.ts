import type { Allowance } from '../budget';
import type { Checkpoint, Gap } from '../core/checkpoint';
import { dropCursor, failed } from '../core/gaps';
import type { EpochMs } from '../core/task';
import { TransientFailure } from '../errors';
import type { Phase, Run } from '../run-state';
import { reportIfStuck, type Swept, sweep } from '../sweep';

/** Pages of a look back in one run. */
const LOOK_BACK_PAGES = 2;

/** Sweeps one page of the oldest gap, so that it is finished one day however much is new. */
export async function workOnOldest(run: Run, checkpoint: Checkpoint): Promise<Phase> {
  const oldest = checkpoint.gaps.at(-1);
  if (oldest === undefined) return { checkpoint, whole: true };
  return workOnGap(run, checkpoint, oldest, run.budget.part(1 / 2), 1);
}

/**
 * Sweeps the gaps, newest first, since new tasks matter most. Before that a page of the oldest, unless that one fails.
 * A gap that fails does not stop the others.
 * @param oldestSound whether the oldest gap could be swept, if this run has begun with it
 */
export async function workOnBacklog(run: Run, opened: Checkpoint, oldestSound: boolean): Promise<Phase> {
  let checkpoint = opened;
  let whole = oldestSound;
  const { gaps } = opened;
  if (whole && gaps.length > 1 && gaps.at(-1)?.failures === undefined) {
    const oldest = await workOnOldest(run, checkpoint);
    if (oldest.failure !== undefined) return oldest;
    ({ checkpoint, whole } = oldest);
  }
  const rest = whole ? checkpoint.gaps : checkpoint.gaps.slice(0, -1);
  // Look backs come last: the other gaps hold tasks that nobody has seen.
  const inTurn = [...rest.filter(({ lookBack }) => !lookBack), ...rest.filter(({ lookBack }) => lookBack)];
  for (const gap of inTurn) {
    // After a lost cursor there is no limit: a few pages in each run would never get back to its place.
    const maxPages = gap.lookBack && gap.restarts === undefined ? LOOK_BACK_PAGES : undefined;
    const worked = await workOnGap(run, checkpoint, gap, run.budget.whole, maxPages);
    if (worked.failure !== undefined) return worked;
    checkpoint = worked.checkpoint;
    whole = worked.whole && whole;
  }
  return { checkpoint, whole };
}

/**
 * Sweeps one gap. Not whole: a page of it could not be listed, and other gaps may fare better. Any other error is a
 * failure, above all a failed record: nothing may be published after it.
 */
async function workOnGap(
  run: Run,
  before: Checkpoint,
  gap: Gap,
  allowance: Allowance,
  maxPages?: number,
): Promise<Phase> {
  const { gap: start, pageSize } = withPageSize(run, gap);
  const { failure, pages, finished, distrusted, ...swept } = await sweep(run, before, start, pageSize, allowance, {
    maxPages,
  });
  const isOwn = failure !== undefined && isFaultOfGap(run, failure);
  const left = isOwn ? afterFailure(run, swept.gap, failure.error) : swept.gap;
  const { backlogWaited, ...known } = distrusted ? { ...before, distrustedAt: run.startedAt } : before;
  const checkpoint = {
    ...(finished && gap.driftBefore !== undefined ? afterAudit(known, gap, run.startedAt) : known),
    ...(pages === 0 && backlogWaited && { backlogWaited }),
    gaps: known.gaps.flatMap(other => (other !== gap ? [other] : finished ? [] : [left])),
  };
  if (failure === undefined) return { checkpoint, whole: true };
  // The request may also have hung until the run was over.
  if (isOwn && !run.budget.signal.aborted) return { checkpoint, whole: false };
  return { checkpoint, whole: false, failure: failure.error };
}

function isFaultOfGap({ budget }: Run, { at, error }: NonNullable<Swept['failure']>): boolean {
  const callsAreLeft = budget.used.listCalls < budget.whole.listCalls;
  return error instanceof TransientFailure && at === 'listing' && !error.throttled && callsAreLeft;
}

function afterFailure(run: Run, gap: Gap, error: unknown): Gap {
  run.logger.warn('A part of the backlog failed; the next run tries it again', { error, floor: gap.floor });
  const next = failed(gap);
  if (next.cursor === undefined && gap.cursor !== undefined) run.count('lostCursors');
  return reportIfStuck(run, next);
}

/** A whole audit without a failed record proves that the table takes what is published. */
function afterAudit(checkpoint: Checkpoint, audit: Gap, startedAt: EpochMs): Checkpoint {
  const { recordFailedAt, ...rest } = checkpoint;
  const stillFails = recordFailedAt !== undefined && recordFailedAt >= audit.madeAt;
  return {
    ...rest,
    ...(stillFails && { recordFailedAt }),
    auditedAt: startedAt,
    ...(checkpoint.auditRequestedAt !== undefined && { auditRequestMet: checkpoint.auditRequestedAt }),
  };
}

/** A cursor is used with the page size it was made with. One made with other filters or sizes is dropped. */
function withPageSize(run: Run, gap: Gap): { gap: Gap; pageSize: number } {
  const { headPageSize, backlogPageSize } = run.settings;
  if (gap.cursor === undefined) return { gap, pageSize: backlogPageSize };
  const { fingerprint } = gap.cursor;
  const pageSize = [backlogPageSize, headPageSize].find(size => run.partnerCentral.fingerprint(size) === fingerprint);
  if (pageSize !== undefined) return { gap, pageSize };
  return { gap: dropCursor(gap, 'of another request'), pageSize: backlogPageSize };
}
