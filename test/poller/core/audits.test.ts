import { isAuditOverdue } from '../../../lambdas/poller/core/audits';
import type { StoredCheckpoint } from '../../../lambdas/poller/core/checkpoint';
import { openCheckpoint } from '../../../lambdas/poller/core/open-checkpoint';
import { DAY, now, running, terms } from './stored-checkpoint';

describe('whether the audit is overdue', () => {
  const since = now - 9 * DAY;
  const watched = { ...running, lastSuccessAt: now - 60_000, auditsExpectedSince: since, auditEveryMs: DAY };
  const overdue = (stored: StoredCheckpoint, more: object = {}) =>
    isAuditOverdue(openCheckpoint(stored, { ...terms, ...more }).checkpoint, now);

  test.each<[string, Partial<StoredCheckpoint>, boolean]>([
    ['an audit finished a period ago', { auditedAt: now - DAY }, false],
    ['one audit was missed, and the next takes a little longer', { auditedAt: now - 2.1 * DAY }, false],
    ['two audits were missed', { auditedAt: now - 3 * DAY }, true],
    ['no audit ever finished', {}, true],
    ['audits are not expected for that long yet', { auditsExpectedSince: now - DAY }, false],
    [
      'the last audit got too old during a pause',
      { auditedAt: now - 2.2 * DAY, lastSuccessAt: now - 0.5 * DAY },
      false,
    ],
    ['there was a long pause', { auditedAt: now - 8 * DAY, lastSuccessAt: now - 7.9 * DAY }, false],
    ['it was overdue before the pause', { auditedAt: now - 6 * DAY, lastSuccessAt: now - DAY }, true],
    ['several polls in a row were incomplete', { auditedAt: now - 3 * DAY, lastSuccessAt: now - 180_000 }, true],
    ['the audit period has just changed', { auditedAt: since, auditEveryMs: 2 * DAY }, false],
    ['the expectation was set by a clock that was ahead', { auditsExpectedSince: now + DAY }, false],
  ])('%s', (_name, more, expected) => expect(overdue({ ...watched, ...more })).toBe(expected));

  test('is overdue eventually, even after a clock that was ahead', () => {
    const { checkpoint } = openCheckpoint({ ...watched, auditsExpectedSince: now + 100 * DAY }, terms);
    expect(checkpoint.auditsExpectedSince).toBe(now);
  });

  test('polls as rare as audits do not count as pauses', () => {
    const rare = { ...watched, lastSuccessAt: now - DAY - 1 };
    expect(overdue(rare, { pollEveryMs: DAY })).toBe(true);
    expect(overdue(rare)).toBe(true);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY })).toBe(false);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY }, { pollEveryMs: DAY })).toBe(true);
  });

  test('is not overdue after an upgrade from a release without that record', () => {
    const { auditsExpectedSince: _, ...before } = watched;
    expect(overdue({ ...before, auditedAt: since })).toBe(false);
  });

  test('is not overdue in a first run, and is expected from then on', () => {
    const { checkpoint } = openCheckpoint({ emitSince: now - 400 * DAY }, terms);
    expect(isAuditOverdue(checkpoint, now)).toBe(false);
    const later = { ...terms, now: now + 60_000 };
    expect(openCheckpoint({ ...checkpoint, lastSuccessAt: now }, later).checkpoint.auditsExpectedSince).toBe(now);
  });
});
