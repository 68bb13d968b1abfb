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
    ['one finished a period ago', { auditedAt: now - DAY }, false],
    ['one was missed, and the next takes a little longer', { auditedAt: now - 2.1 * DAY }, false],
    ['two were missed', { auditedAt: now - 3 * DAY }, true],
    ['none ever finished', {}, true],
    ['none is expected for as long yet', { auditsExpectedSince: now - DAY }, false],
    [
      'after a pause in which the last one grew old',
      { auditedAt: now - 2.2 * DAY, lastSuccessAt: now - 0.5 * DAY },
      false,
    ],
    ['after a long pause', { auditedAt: now - 8 * DAY, lastSuccessAt: now - 7.9 * DAY }, false],
    ['it was overdue before the pause', { auditedAt: now - 6 * DAY, lastSuccessAt: now - DAY }, true],
    ['some polls in a row were not whole', { auditedAt: now - 3 * DAY, lastSuccessAt: now - 180_000 }, true],
    ['they have come at another rate until now', { auditedAt: since, auditEveryMs: 2 * DAY }, false],
    ['they were expected by a clock that was ahead', { auditsExpectedSince: now + DAY }, false],
  ])('%s', (_name, more, expected) => expect(overdue({ ...watched, ...more })).toBe(expected));

  test('a clock that was ahead does not keep it from being overdue for ever', () => {
    const { checkpoint } = openCheckpoint({ ...watched, auditsExpectedSince: now + 100 * DAY }, terms);
    expect(checkpoint.auditsExpectedSince).toBe(now);
  });

  test('polls as rare as audits are no pauses', () => {
    const rare = { ...watched, lastSuccessAt: now - DAY - 1 };
    expect(overdue(rare, { pollEveryMs: DAY })).toBe(true);
    expect(overdue(rare)).toBe(true);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY })).toBe(false);
    expect(overdue({ ...rare, auditsExpectedSince: now - 3 * DAY }, { pollEveryMs: DAY })).toBe(true);
  });

  test('not after a release that kept no such thing', () => {
    const { auditsExpectedSince: _, ...before } = watched;
    expect(overdue({ ...before, auditedAt: since })).toBe(false);
  });

  test('not in a first run, and from then on it is expected', () => {
    const { checkpoint } = openCheckpoint({ emitSince: now - 400 * DAY }, terms);
    expect(isAuditOverdue(checkpoint, now)).toBe(false);
    const later = { ...terms, now: now + 60_000 };
    expect(openCheckpoint({ ...checkpoint, lastSuccessAt: now }, later).checkpoint.auditsExpectedSince).toBe(now);
  });
});
