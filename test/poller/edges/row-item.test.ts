import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { essentialsOf, toItem, toRow } from '../../../lambdas/poller/edges/row-item';

/** Serialized like in the table. */
const stored = (item: Record<string, unknown>) => unmarshall(marshall(item, { removeUndefinedValues: true }));
const roundTrip = (row: TaskRow) => toRow(stored(toItem('Sandbox#Family', row, true)));

const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
const text = fc.string({ minLength: 1, maxLength: 40 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const anyRow: fc.Arbitrary<TaskRow> = fc
  .record({
    taskId: text,
    status: fc.constantFrom('IN_PROGRESS', 'COMPLETE', 'FAILED', 'PAUSED'),
    settled: fc.boolean(),
    publishedStatuses: fc.subarray(['COMPLETE', 'FAILED'], { minLength: 1 }).map(list => new Set(list)),
    firstSeenAt: instant,
    lastSeenAt: instant,
    previousStatus: optional(text),
    startTime: optional(instant),
    firstTerminalAt: optional(instant),
    detectedAfter: optional(instant),
    firstMissedAt: optional(instant),
    stalledAt: optional(instant),
    message: optional(text),
    reasonCode: optional(text),
    engagementId: optional(text),
    lastError: optional(text),
    publishAttempts: optional(fc.nat()),
    misses: optional(fc.nat()),
    fruitlessChecks: optional(fc.nat()),
    missing: optional(fc.constant(true as const)),
    unknownAttributes: optional(fc.constant({ fromANewerRelease: { nested: [1, 'two'] } })),
  })
  .chain(row =>
    instant.map(at => ({
      ...row,
      ...(row.settled ? { expiresAt: Math.floor(at / 1_000) * 1_000 } : { nextCheckAt: at }),
    })),
  )
  .map(row => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as unknown as TaskRow);

test('a row is read as it was written, attributes of a newer release included', () => {
  fc.assert(fc.property(anyRow, row => expect(roundTrip(row)).toEqual({ row, damaged: false })));
});

test('only an unsettled row is in the index, and only a settled one expires', () => {
  fc.assert(
    fc.property(anyRow, row => {
      const item = toItem('Sandbox#Family', row, true);
      expect('unsettledSource' in item).toBe(!row.settled);
      expect('nextCheckAt' in item).toBe(!row.settled);
      expect('expiresAt' in item).toBe(row.settled);
    }),
  );
});

test('a long text is cut to a kilobyte, and no message is stored with includeMessage: false', () => {
  const row: TaskRow = {
    taskId: 't',
    status: 'FAILED',
    settled: true,
    publishedStatuses: new Set(['FAILED']),
    firstSeenAt: 0,
    lastSeenAt: 0,
    message: 'é'.repeat(5_000),
  };
  expect(Buffer.byteLength(String(toItem('s', row, true).message))).toBe(1_024);
  expect(toItem('s', row, false)).not.toHaveProperty('message');
});

test.each<[string, Record<string, unknown>]>([
  ['an invalid date', { firstSeenAt: 'yesterday' }],
  ['text instead of a number', { misses: 'three' }],
  ['a list instead of a set', { publishedStatuses: ['FAILED'] }],
  ['no status', { status: undefined }],
  ['a settled outcome without its published status', { publishedStatuses: undefined }],
])('reads %s as absent and counts it', (_name, damage) => {
  const sound = toItem(
    's',
    {
      taskId: 't',
      status: 'FAILED',
      settled: true,
      publishedStatuses: new Set(['FAILED']),
      firstSeenAt: 1,
      lastSeenAt: 1,
    },
    true,
  );
  expect(toRow(stored(sound)).damaged).toBe(false);
  expect(toRow(stored({ ...sound, ...damage }))).toMatchObject({ damaged: true, row: { taskId: 't', settled: true } });
});

test('the essentials of a row have the published statuses and the due time, and no data of the API', () => {
  const essential: Partial<TaskRow> = {
    settled: false,
    publishedStatuses: new Set(['FAILED']),
    startTime: 1,
    firstSeenAt: 2,
    lastSeenAt: 3,
    firstTerminalAt: 4,
    detectedAfter: 5,
    publishAttempts: 6,
    misses: 7,
    firstMissedAt: 8,
    missing: true,
    fruitlessChecks: 9,
    stalledAt: 10,
    messageTruncated: true,
    nextCheckAt: 11,
    expiresAt: 12,
  };
  const whole = {
    ...essential,
    taskId: 'task-1',
    status: 'COMPLETE',
    previousStatus: 'FAILED',
    lastError: 'MalformedDetail',
    message: 'm',
    reasonCode: 'r',
    taskArn: 'a',
    opportunityId: 'O1',
    resourceSnapshotJobId: 'j',
    engagementId: 'e',
    engagementInvitationId: 'i',
    contextId: '1',
    unknownAttributes: { later: 1 },
  } as Required<TaskRow>;
  expect(essentialsOf(whole)).toEqual({
    taskId: 'task-1',
    status: 'COMPLETE',
    ...essential,
    lastError: 'The table refused the row',
  });
});
