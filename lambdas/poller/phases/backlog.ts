import type { Allowance } from '../budget';
import { type Checkpoint, dropCursor, failed, type Gap } from '../core/checkpoint';
import type { EpochMs } from '../core/task';
import { TransientFailure } from '../errors';
import { type Phase, type Run, replaceGap } from '../run-state';
import { noteRestart, type Swept, sweep } from '../sweep';

/** What looking back for tasks that were listed late takes of each run, in pages. */
const LOOK_BACK_PAGES = 2;

/** A page of the oldest gap, so that it gets done as well. */
export async function workOnOldest(run: Run, checkpoint: Checkpoint): Promise<Phase> {
  const oldest = checkpoint.gaps.at(-1);
  if (oldest === undefined) return { checkpoint, whole: true };
  return workOnGap(run, checkpoint, oldest, run.budget.part(1 / 2), 1);
}

/**
 * Newest gap first, for what is new matters most; but a page of the oldest before that, unless it is the one that fails.
 * What fails at one gap leaves the others to be worked on.
 * @param oldestSound whether the oldest, where it was worked on before, could be
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
  // Looking back comes last: what the others leave to be done is news.
  const inTurn = [...rest.filter(({ lookBack }) => !lookBack), ...rest.filter(({ lookBack }) => lookBack)];
  for (const gap of inTurn) {
    // On its way back to a lost place, a few pages would never get it there.
    const maxPages = gap.lookBack && gap.restarts === undefined ? LOOK_BACK_PAGES : undefined;
    const worked = await workOnGap(run, checkpoint, gap, run.budget.whole, maxPages);
    if (worked.failure !== undefined) return worked;
    checkpoint = worked.checkpoint;
    whole = worked.whole && whole;
  }
  return { checkpoint, whole };
}

/**
 * Not whole: a page could not be listed, where others perhaps can. Everything else that goes wrong is a failure, above all
 * a record that failed: nothing may be published after it.
 */
async function workOnGap(
  run: Run,
  before: Checkpoint,
  gap: Gap,
  allowance: Allowance,
  maxPages?: number,
): Promise<Phase> {
  const { gap: start, pageSize } = pageSizeOf(run, gap);
  const { failure, pages, finished, distrusted, ...swept } = await sweep(run, before, start, pageSize, allowance, {
    maxPages,
  });
  const isOwn = failure !== undefined && isOwnFault(run, failure);
  const left = isOwn ? noteFailure(run, swept.gap, failure.error) : swept.gap;
  const { backlogWaited, ...known } = distrusted ? { ...before, distrustedAt: run.startedAt } : before;
  const checkpoint = {
    ...(finished && gap.driftBefore !== undefined ? audited(known, gap, run.startedAt) : known),
    ...(pages === 0 && backlogWaited && { backlogWaited }),
    gaps: replaceGap(known.gaps, gap, finished ? undefined : left),
  };
  if (failure === undefined) return { checkpoint, whole: true };
  // It may also have hung until the run was over.
  if (isOwn && !run.budget.signal.aborted) return { checkpoint, whole: false };
  return { checkpoint, whole: false, failure: failure.error };
}

function isOwnFault({ budget }: Run, { at, error }: NonNullable<Swept['failure']>): boolean {
  const callsAreLeft = budget.used.listCalls < budget.whole.listCalls;
  return error instanceof TransientFailure && at === 'listing' && !error.throttled && callsAreLeft;
}

function noteFailure(run: Run, gap: Gap, error: unknown): Gap {
  run.logger.warn('A part of the backlog failed; the next run tries it again', { error, floor: gap.floor });
  const next = failed(gap);
  if (next.cursor === undefined && gap.cursor !== undefined) run.counts.lostCursors += 1;
  return noteRestart(run, next);
}

/** A whole audit that met no record which fails shows that the table takes what is published. */
function audited(checkpoint: Checkpoint, audit: Gap, startedAt: EpochMs): Checkpoint {
  const { recordFailedAt, ...rest } = checkpoint;
  const stillFails = recordFailedAt !== undefined && recordFailedAt >= audit.madeAt;
  return {
    ...rest,
    ...(stillFails && { recordFailedAt }),
    auditedAt: startedAt,
    ...(checkpoint.auditRequestedAt !== undefined && { auditRequestMet: checkpoint.auditRequestedAt }),
  };
}

/** A cursor goes on with the page size it was made with. One that belongs to other filters or sizes is dropped. */
function pageSizeOf(run: Run, gap: Gap): { gap: Gap; pageSize: number } {
  const { headPageSize, backlogPageSize } = run.settings;
  if (gap.cursor === undefined) return { gap, pageSize: backlogPageSize };
  const { fingerprint } = gap.cursor;
  const pageSize = [backlogPageSize, headPageSize].find(size => run.partnerCentral.fingerprint(size) === fingerprint);
  if (pageSize !== undefined) return { gap, pageSize };
  return { gap: dropCursor(gap, 'of another request'), pageSize: backlogPageSize };
}
