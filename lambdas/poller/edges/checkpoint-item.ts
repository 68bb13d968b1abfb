import type { Checkpoint, Gap, StoredCheckpoint } from '../core/checkpoint';
import type { ExtraCalls } from '../core/extra-calls';
import { storedTime as epoch } from '../core/instant';
import { withoutAbsent } from '../core/task';
import { each, FORMAT_VERSION, iso } from './row-item';

type Item = Record<string, unknown>;

const times = [
  'emitSince',
  'watermark',
  'lookedBackAt',
  'recheckedAt',
  'emissionFloor',
  'distrustedAt',
  'lastSuccessAt',
  'auditedAt',
  'auditRequestMet',
  'auditsExpectedSince',
] as const;
/** What comes to an end: written as null then, for a write leaves alone what it doesn't name. */
const endingTimes = ['tellStalledSince', 'shorterRetentionUntil', 'recordFailedAt'] as const;
const endingMarks = ['undatedAreHistory', 'backlogWaited'] as const;
const numbers = ['auditEveryMs', 'retentionMs', 'shorterRetentionMs', 'clockOffsetMs'] as const;
const gapTimes = ['madeAt', 'floor', 'reached', 'driftBefore'] as const;
const newsTimes = ['emissionFloor', 'coveredFrom', 'coveredTo'] as const;

/** What a run writes when it finishes. `auditRequestedAt` is not among it: that one belongs to whoever asks for an audit. */
export function toAttributes(checkpoint: Checkpoint): Item {
  return withoutAbsent({
    formatVersion: FORMAT_VERSION,
    initialised: checkpoint.initialised,
    filters: checkpoint.filters,
    ...each(times, name => iso(checkpoint[name])),
    ...each(numbers, name => checkpoint[name]),
    ...each(endingTimes, name => iso(checkpoint[name]) ?? null),
    ...each(endingMarks, name => checkpoint[name] ?? null),
    ...(checkpoint.extraCalls && { extraCalls: checkpoint.extraCalls }),
    extraCallsReserved: 0,
    gaps: checkpoint.gaps.map(gap =>
      withoutAbsent({
        ...gap,
        ...each(gapTimes, name => iso(gap[name])),
        news: withoutAbsent(each(newsTimes, name => iso(gap.news[name]))),
      }),
    ),
  });
}

export function toCheckpoint(item: Item): StoredCheckpoint {
  const gaps = (Array.isArray(item.gaps) ? (item.gaps as Item[]) : []).map(gap => toGap(gap, item));
  return withoutAbsent({
    ...each(times, name => epoch(item[name])),
    auditRequestedAt: epoch(item.auditRequestedAt),
    ...each(endingTimes, name => epoch(item[name])),
    ...each(endingMarks, name => (item[name] === true ? (true as const) : undefined)),
    ...each(numbers, name => (typeof item[name] === 'number' ? (item[name] as number) : undefined)),
    formatVersion: item.formatVersion,
    initialised: item.initialised === true,
    filters: typeof item.filters === 'string' ? item.filters : undefined,
    extraCalls: toExtraCalls(item.extraCalls),
    extraCallsReserved: typeof item.extraCallsReserved === 'number' ? item.extraCallsReserved : undefined,
    gaps,
  }) as StoredCheckpoint;
}

function toExtraCalls(stored: unknown): ExtraCalls | undefined {
  const { day, made } = Object(stored) as Item;
  return typeof day === 'string' && typeof made === 'number' ? { day, made } : undefined;
}

/** A damaged gap is taken for one from the top down to the emission floor: that finds all that it was going to find. */
function toGap(gap: Item, { emissionFloor, emitSince }: Item): Gap {
  const news = withoutAbsent(each(newsTimes, name => epoch((gap.news as Item | undefined)?.[name])));
  const read = withoutAbsent({ ...gap, ...each(gapTimes, name => epoch(gap[name])), news }) as unknown as Gap;
  if (read.floor !== undefined && read.news.emissionFloor !== undefined) return read;
  const floor = epoch(emissionFloor) ?? epoch(emitSince) ?? 0;
  return { madeAt: read.madeAt ?? 0, floor, news: { emissionFloor: floor } };
}
