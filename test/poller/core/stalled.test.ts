import { isReportable, isStalled, type Watched } from '../../../lambdas/poller/core/stalled';

const MINUTE = 60_000;
const now = Date.UTC(2026, 10, 22, 12);
const rules = { now, stalledAfterMs: 60 * MINUTE, emitSince: now - 600 * MINUTE };
const running = (minutes: number, more: Partial<Watched> = {}): Watched => ({
  status: 'IN_PROGRESS',
  startTime: now - minutes * MINUTE,
  ...more,
});
const { startTime: _, ...ageless } = running(90);

test.each<[name: string, task: Watched, stalled: boolean]>([
  ['for less than the limit', running(59), false],
  ['for the limit', running(60), true],
  ['since emitSince', running(600), true],
  ['since before emitSince', running(601), false],
  ['with an unknown status', running(90, { status: 'PAUSED' }), true],
  ['and has ended with a refused event', running(90, { status: 'FAILED' }), false],
  ['but is no longer listed', running(90, { missing: true }), false],
  ['without a start time', ageless, false],
])('a task that runs %s', (_name, task, stalled) => expect(isStalled(task, rules)).toBe(stalled));

test.each<[name: string, task: Watched, since: number, reportable: boolean]>([
  ['that stalled after the setting was switched on', running(90), now - 40 * MINUTE, true],
  ['that stalled when the setting was switched on', running(90), now - 30 * MINUTE, true],
  ['that stalled before that', running(90), now - 29 * MINUTE, false],
  ['that was reported', running(90, { stalledAt: now - MINUTE }), now - 40 * MINUTE, false],
  ['that is not stalled', running(59), now - 40 * MINUTE, false],
])('a task %s', (_name, task, since, reportable) => expect(isReportable(task, rules, since)).toBe(reportable));
