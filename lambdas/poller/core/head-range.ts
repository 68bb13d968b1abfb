import type { Checkpoint, Gap } from './checkpoint';
import { addGap, MAX_GAPS, mayBeHistory } from './gaps';
import type { EpochMs } from './task';

/** What a head sweeps. */
export interface HeadRange {
  /** The head sweeps down to this start time. If it is cut short, the rest becomes a gap. */
  readonly floor: EpochMs;
  /** Below the floor, what its pages show is processed down to this start time. */
  readonly lookBackTo: EpochMs;
}

/** A head never sweeps again what earlier heads swept: one that is always cut at the same depth would get no further. */
export function headRange(checkpoint: Checkpoint, lookbackMs: number): HeadRange {
  const { watermark, emissionFloor } = checkpoint;
  const floor = watermark ?? emissionFloor - lookbackMs;
  return { floor, lookBackTo: Math.min(floor, lookedBackDownTo(checkpoint, lookbackMs) ?? floor) };
}

/** Down to this start time, everything that was listed in time has been seen, or a gap will see it. */
export function lookedBackDownTo(
  { watermark, lookedBackAt = watermark }: Pick<Checkpoint, 'watermark' | 'lookedBackAt'>,
  lookbackMs: number,
): EpochMs | undefined {
  if (watermark === undefined || lookedBackAt === undefined) return undefined;
  return Math.min(watermark, lookedBackAt) - lookbackMs;
}

/**
 * The checkpoint after a whole head. If its pages did not reach far enough back, a gap searches for tasks that were
 * listed late: one such gap at a time, in large pages, from the top of the list.
 * @param reachedLookBack whether its pages showed everything down to `lookBackTo`
 */
export function afterHead(
  checkpoint: Checkpoint,
  { lookBackTo }: HeadRange,
  startedAt: EpochMs,
  reachedLookBack: boolean,
): Checkpoint {
  const { undatedAreHistory: _, ...known } = checkpoint;
  const { gaps, emissionFloor } = known;
  if (reachedLookBack || known.watermark === undefined) return { ...known, lookedBackAt: startedAt };
  if (gaps.length >= MAX_GAPS || gaps.some(({ lookBack }) => lookBack)) return known;
  const lookBack: Gap = {
    madeAt: startedAt,
    floor: lookBackTo,
    news: { emissionFloor },
    lookBack: true,
    ...(mayBeHistory(checkpoint) && { undatedAreHistory: true }),
  };
  return { ...known, lookedBackAt: startedAt, gaps: addGap(gaps, lookBack) };
}
