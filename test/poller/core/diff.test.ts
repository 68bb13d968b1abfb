import fc from 'fast-check';
import { type Decision, diff, type EmissionRules } from '../../../lambdas/poller/core/diff';
import type { ListedTask } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';

const MINUTE = 60_000;
const DAY = 86_400_000;
const now = Date.UTC(2026, 10, 22, 12);

const rules: EmissionRules = {
  news: { emissionFloor: now - 10 * MINUTE },
  undatedAreHistory: false,
  rowsExpireSince: 0,
  recheckedAt: now - MINUTE,
  askedAt: now - 100,
  answeredAt: now,
  retentionMs: 90 * DAY,
};

const listed = (status: string, more: Partial<ListedTask> = {}): ListedTask => ({
  taskId: 'task-0123456789abc',
  status,
  startTime: now - 5 * MINUTE,
  ...more,
});

const row = (status: string, published: string[], settled: boolean, more: Partial<TaskRow> = {}): TaskRow => ({
  ...listed(status),
  settled,
  publishedStatuses: new Set(published),
  firstSeenAt: now - 4 * MINUTE,
  lastSeenAt: now - 4 * MINUTE,
  ...(settled ? { expiresAt: now + 97 * DAY } : { nextCheckAt: 0 }),
  ...more,
});

/** The decision in the terms of the table. */
function inWords(decision: Decision): string {
  const words = { nothing: 'nothing', record: '', publish: 'publish, settle' }[decision.what];
  const recorded = decision.what === 'record' ? `record ${decision.row.settled ? 'settled' : 'unsettled'}` : words;
  return decision.anomaly ? `${recorded}, count ${decision.anomaly}` : recorded;
}

const running = row('IN_PROGRESS', [], false);
const rejected = row('FAILED', [], false, { publishAttempts: 3, fruitlessChecks: 3, nextCheckAt: now + MINUTE });
const reopened = row('IN_PROGRESS', ['FAILED'], false);
const settledFailed = row('FAILED', ['FAILED'], true);

describe('every cell of the table', () => {
  test.each<[string, TaskRow | undefined, ListedTask, string]>([
    ['nothing', undefined, listed('IN_PROGRESS'), 'record unsettled'],
    [
      'no row, started at the floor',
      undefined,
      listed('COMPLETE', { startTime: rules.news.emissionFloor }),
      'publish, settle',
    ],
    ['no row, started after the floor', undefined, listed('FAILED'), 'publish, settle'],
    [
      'no row, started before the floor',
      undefined,
      listed('FAILED', { startTime: rules.news.emissionFloor - 1 }),
      'nothing',
    ],
    ['nothing', undefined, listed('CANCELLED'), 'record unsettled, count unknownStatus'],
    ['no row, without a status', undefined, listed('ABSENT'), 'record unsettled, count unknownStatus'],
    ['unsettled, never published', running, listed('IN_PROGRESS'), 'nothing'],
    [
      'unsettled, with misses',
      row('IN_PROGRESS', [], false, { misses: 2, fruitlessChecks: 2 }),
      listed('IN_PROGRESS'),
      'record unsettled',
    ],
    ['unsettled, never published', running, listed('COMPLETE'), 'publish, settle'],
    ['unsettled, never published', running, listed('FAILED'), 'publish, settle'],
    ['unsettled, from before the floor', running, listed('FAILED', { startTime: 0 }), 'publish, settle'],
    ['unsettled, never published', running, listed('CANCELLED'), 'record unsettled, count unknownStatus'],
    [
      'unsettled, with that status already',
      row('CANCELLED', [], false),
      listed('CANCELLED'),
      'nothing, count unknownStatus',
    ],
    ['unsettled, refused and postponed', rejected, listed('FAILED'), 'nothing'],
    ['unsettled, refused and due', { ...rejected, nextCheckAt: now }, listed('FAILED'), 'publish, settle'],
    ['unsettled, refused, then another outcome', rejected, listed('COMPLETE'), 'publish, settle'],
    ['reopened', reopened, listed('IN_PROGRESS'), 'nothing'],
    [
      'reopened, with misses',
      { ...reopened, misses: 1, fruitlessChecks: 1 },
      listed('IN_PROGRESS'),
      'record unsettled',
    ],
    ['reopened, same outcome', reopened, listed('FAILED'), 'record settled'],
    ['reopened, other outcome', reopened, listed('COMPLETE'), 'publish, settle'],
    ['reopened', reopened, listed('CANCELLED'), 'record unsettled, count unknownStatus'],
    ['settled, this status published', settledFailed, listed('FAILED'), 'nothing'],
    ['settled', settledFailed, listed('IN_PROGRESS'), 'record unsettled, count reopened'],
    ['settled', settledFailed, listed('CANCELLED'), 'nothing, count unknownStatus'],
    ['settled, this status not published', settledFailed, listed('COMPLETE'), 'publish, settle'],
  ])('%s', (_known, known, task, expected) => {
    expect(inWords(diff(known, task, rules))).toBe(expected);
  });

  test('without a start time, an unknown finished task is published, and waived if it may be history', () => {
    const ageless = { taskId: 'task-0123456789abc', status: 'FAILED' };
    expect(inWords(diff(undefined, ageless, rules))).toBe('publish, settle');

    const waived = diff(undefined, ageless, { ...rules, undatedAreHistory: true });
    expect(inWords(waived)).toBe('record settled');
    if (waived.what !== 'record') throw new Error('not recorded');
    expect(waived.row.expiresAt).toBeUndefined();
    expect(inWords(diff(waived.row, ageless, rules))).toBe('nothing');
  });
});

describe('what a published row says', () => {
  const publishedRow = (known: TaskRow | undefined, task: ListedTask, under = rules): TaskRow => {
    const decision = diff(known, task, under);
    if (decision.what !== 'publish') throw new Error(`decided ${decision.what}`);
    return decision.row;
  };

  test('without a start time, a pending event has no detectedAfter', () => {
    const { startTime: _, ...waiting } = row('FAILED', [], false);
    const { startTime: __, ...ageless } = listed('FAILED');
    expect(publishedRow(waiting, ageless)).not.toHaveProperty('detectedAfter');
  });

  test.each<[string, TaskRow | undefined, number | undefined]>([
    ['never seen: since its start', undefined, now - 5 * MINUTE],
    ['running at the last complete recheck', running, now - MINUTE],
    [
      'seen running so recently that the index may have missed it',
      row('IN_PROGRESS', [], false, { lastSeenAt: now - MINUTE - 1 }),
      now - MINUTE - 1,
    ],
    [
      'postponed, so not part of the recheck',
      row('IN_PROGRESS', [], false, { nextCheckAt: now - 1 }),
      now - 4 * MINUTE,
    ],
    ['settled with another outcome', settledFailed, now - 4 * MINUTE],
  ])('detectedAfter: %s', (_case, known, expected) => {
    expect(publishedRow(known, listed('COMPLETE')).detectedAfter).toBe(expected);
  });

  test('detectedAfter is never after detectedBefore', () => {
    const startsLater = publishedRow(undefined, listed('COMPLETE', { startTime: now + MINUTE }));
    expect(startsLater.detectedAfter).toBe(now);
    expect(startsLater.firstTerminalAt).toBe(now);
  });

  test('a refused event keeps the window in which its outcome was first seen', () => {
    const known = {
      ...rejected,
      nextCheckAt: 0,
      firstTerminalAt: now - 2 * DAY,
      detectedAfter: now - 2 * DAY - MINUTE,
    };
    const retried = publishedRow(known, listed('FAILED'));
    expect(retried.firstTerminalAt).toBe(now - 2 * DAY);
    expect(retried.detectedAfter).toBe(now - 2 * DAY - MINUTE);
  });

  test('a refused event whose reason has changed gets a window up to the current poll', () => {
    const known = {
      ...row('FAILED', [], false),
      reasonCode: 'InvitationAccessDenied',
      firstTerminalAt: now - DAY,
      detectedAfter: now - DAY - MINUTE,
    };
    const anew = publishedRow(known, listed('FAILED', { reasonCode: 'InternalError' }));
    expect(anew).toMatchObject({
      reasonCode: 'InternalError',
      firstTerminalAt: now,
      detectedAfter: now - DAY - MINUTE,
    });
    const same = publishedRow(known, listed('FAILED', { reasonCode: 'InvitationAccessDenied' }));
    expect(same.firstTerminalAt).toBe(now - DAY);
  });

  test('previousStatus comes from the row, and is absent for an unseen task', () => {
    expect(publishedRow(undefined, listed('FAILED')).previousStatus).toBeUndefined();
    expect(publishedRow(running, listed('FAILED')).previousStatus).toBe('IN_PROGRESS');
    expect(publishedRow(settledFailed, listed('COMPLETE')).previousStatus).toBe('FAILED');
  });

  test('a missing status is no previous status', () => {
    expect(publishedRow(row('ABSENT', [], false), listed('FAILED')).previousStatus).toBeUndefined();
  });

  test('a row keeps the start time that a later summary lacks', () => {
    const { startTime, ...ageless } = listed('COMPLETE');
    expect(publishedRow(running, ageless)).toMatchObject({ startTime, expiresAt: expect.any(Number) });
    const reopening = diff(settledFailed, { ...ageless, status: 'IN_PROGRESS' }, rules);
    expect(reopening).toMatchObject({ what: 'record', row: { startTime } });
  });

  test('a settled row expires a week after the retention period, counted from its start or end, whichever is later', () => {
    expect(publishedRow(running, listed('FAILED')).expiresAt).toBe(now + 97 * DAY);
    const late = publishedRow(undefined, listed('FAILED', { startTime: now + DAY }));
    expect(late.expiresAt).toBe(now + 98 * DAY);
  });

  test('reopening removes the expiry', () => {
    const decision = diff(settledFailed, listed('IN_PROGRESS'), rules);
    if (decision.what !== 'record') throw new Error(`decided ${decision.what}`);
    expect(decision.row.expiresAt).toBeUndefined();
    expect([...decision.row.publishedStatuses]).toEqual(['FAILED']);
  });
});

test('in any task history, an outcome is published once, and never again after it was recorded', () => {
  const sighting = fc.record({
    status: fc.constantFrom('IN_PROGRESS', 'COMPLETE', 'FAILED', 'CANCELLED'),
    at: fc.nat(DAY),
  });
  fc.assert(
    fc.property(fc.array(sighting, { maxLength: 20 }), fc.boolean(), (sightings, undatedAreHistory) => {
      let known: TaskRow | undefined;
      const published: string[] = [];
      for (const { status, at } of sightings) {
        const seenAt = now + at;
        const decision = diff(known, listed(status), {
          ...rules,
          undatedAreHistory,
          askedAt: seenAt,
          answeredAt: seenAt,
        });
        if (decision.what === 'publish') published.push(status);
        if (decision.what !== 'nothing') known = decision.row;
      }
      expect(new Set(published).size).toBe(published.length);
      const ended = new Set(
        sightings.map(({ status }) => status).filter(status => status === 'COMPLETE' || status === 'FAILED'),
      );
      expect(new Set(published)).toEqual(ended);
    }),
  );
});
