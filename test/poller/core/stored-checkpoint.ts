/** A checkpoint of a source that has been polled, and the terms used to open it. */
import type { Gap, StoredCheckpoint } from '../../../lambdas/poller/core/checkpoint';

export const DAY = 86_400_000;
export const now = Date.UTC(2026, 10, 22, 12);
export const terms = {
  now,
  retentionMs: 90 * DAY,
  lookbackMs: 300_000,
  filters: 'none',
  pollEveryMs: 60_000,
  auditEveryMs: DAY,
  tellStalled: false,
};
export const running: StoredCheckpoint = {
  emitSince: now - 200 * DAY,
  emissionFloor: now - 100 * DAY,
  watermark: now - 60_000,
  initialised: true,
  filters: 'none',
  gaps: [],
};
export const gap = (more: Partial<Gap> = {}): Gap => ({
  madeAt: now,
  floor: now - DAY,
  news: { emissionFloor: now - DAY },
  ...more,
});
