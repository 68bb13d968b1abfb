import type { Allowance } from '../budget';
import type { Checkpoint, Gap } from '../core/checkpoint';
import { addGap } from '../core/gaps';
import { afterHead, headRange } from '../core/head-range';
import { withoutAbsent } from '../core/task';
import type { Phase, Run } from '../run-state';
import { sweep } from '../sweep';

/**
 * Sweeps from now down to the start of the last head. If it is cut short, the rest becomes a gap and the watermark moves
 * all the same: gap and watermark are written together. A head without one processed page changes neither.
 */
export async function sweepHead(run: Run, checkpoint: Checkpoint, allowance: Allowance): Promise<Phase> {
  const { settings } = run;
  const { emissionFloor, undatedAreHistory } = checkpoint;
  const range = headRange(checkpoint, settings.lookbackMinutes * 60_000);
  const mark = undatedAreHistory && { undatedAreHistory };
  const gap: Gap = { madeAt: run.startedAt, floor: range.floor, news: { emissionFloor }, ...mark };
  // The first head has no earlier head to stop at.
  const isFirst = checkpoint.watermark === undefined;
  const limits = isFirst ? {} : { alsoDownTo: range.lookBackTo };
  const head = await sweep(run, checkpoint, gap, settings.headPageSize, allowance, limits);
  const ended = { whole: head.finished, ...(head.failure && { failure: head.failure.error }) };
  if (head.pages === 0) return { checkpoint, ...ended };
  // Read after the first answer: our clock may have changed since the last run, and the offset with it.
  const { startedAt } = run;
  const known = head.distrusted ? { ...checkpoint, distrustedAt: startedAt } : checkpoint;
  const swept = head.finished
    ? afterHead(known, range, startedAt, head.reachedAlso)
    : { ...known, gaps: addGap(known.gaps, head.gap), lookedBackAt: isFirst ? startedAt : known.lookedBackAt };
  return { checkpoint: withoutAbsent({ ...swept, watermark: startedAt }), ...ended };
}
