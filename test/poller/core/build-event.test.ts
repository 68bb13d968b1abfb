import fc from 'fast-check';
import * as v from 'valibot';
import {
  buildEvent,
  cutToBytes,
  type EventFrame,
  entryBytes,
  eventId,
  MAX_ENTRY_BYTES,
  toEntry,
} from '../../../lambdas/poller/core/build-event';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { reasonCategory } from '../../../lambdas/reason-categories';
import { knownReasonCodes } from '../../../lambdas/reason-codes';
import { reasonCategories, taskEventSchema } from '../../../lambdas/task-event';

const frame: EventFrame = {
  catalog: 'Sandbox',
  taskFamily: 'OpportunityFromEngagement',
  runId: 'run-1',
  includeMessage: true,
  eventSource: 'partnercentral.task-poller',
  eventBusName: 'bus',
  stalledAfterMinutes: 60,
};

const failed: TaskRow = {
  taskId: 'task-dpf02ig3g2uui',
  taskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui',
  status: 'FAILED',
  previousStatus: 'IN_PROGRESS',
  startTime: Date.parse('2026-11-22T18:00:00.123Z'),
  reasonCode: 'EngagementAccessDenied',
  message: 'No access to the engagement.',
  engagementId: 'eng-1',
  contextId: '1',
  settled: true,
  publishedStatuses: new Set(['FAILED']),
  firstSeenAt: 0,
  lastSeenAt: 0,
  detectedAfter: Date.parse('2026-11-22T18:01:00Z'),
  firstTerminalAt: Date.parse('2026-11-22T18:02:00Z'),
};

test('an event matches the contract and omits absent fields', () => {
  expect(buildEvent(failed, frame)).toEqual({
    schemaVersion: '1',
    eventId: eventId('Sandbox', 'OpportunityFromEngagement', 'task-dpf02ig3g2uui', 'FAILED'),
    runId: 'run-1',
    catalog: 'Sandbox',
    taskType: 'OpportunityFromEngagement',
    taskId: 'task-dpf02ig3g2uui',
    taskArn: failed.taskArn,
    taskStatus: 'FAILED',
    previousStatus: 'IN_PROGRESS',
    startTime: '2026-11-22T18:00:00.123Z',
    reasonCode: 'EngagementAccessDenied',
    reasonCategory: 'access',
    message: 'No access to the engagement.',
    engagementId: 'eng-1',
    contextId: '1',
    detectedAfter: '2026-11-22T18:01:00.000Z',
    detectedBefore: '2026-11-22T18:02:00.000Z',
  });
});

test('an event id depends only on catalog, family, task and status', () => {
  const id = buildEvent(failed, frame).eventId;
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  const later = { ...failed, startTime: 1, message: 'other', previousStatus: 'X', firstTerminalAt: 5 };
  const elsewhere = { ...frame, runId: 'run-2', eventSource: 'other', sourceName: 'acme' };
  expect(buildEvent(later, elsewhere)).toMatchObject({ eventId: id, sourceName: 'acme' });
  const others = [
    buildEvent(failed, { ...frame, catalog: 'AWS' }),
    buildEvent(failed, { ...frame, taskFamily: 'EngagementFromOpportunity' }),
    buildEvent({ ...failed, taskId: 'task-other' }, frame),
    buildEvent({ ...failed, status: 'COMPLETE' }, frame),
  ];
  expect(new Set([id, ...others.map(event => event.eventId)]).size).toBe(5);
});

test('includeMessage: false omits the message', () => {
  const event = buildEvent(failed, { ...frame, includeMessage: false });
  expect(event).not.toHaveProperty('message');
  expect(JSON.stringify(toEntry(event, frame))).not.toContain('No access');
});

test('for any task, the event matches the schema and its entry fits into a call', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(
      fc.record({
        message: fc.tuple(text, fc.integer({ min: 1, max: 4_000 })).map(([unit, times]) => unit.repeat(times)),
        reasonCode: text,
        opportunityId: text,
      }),
      fc.constantFrom('COMPLETE', 'FAILED'),
      (texts, status) => {
        const entry = toEntry(buildEvent({ ...failed, ...texts, status }, frame), frame);
        const detail = JSON.parse(entry.Detail);
        expect(v.safeParse(taskEventSchema, detail).success).toBe(true);
        expect(entryBytes(entry)).toBeLessThanOrEqual(MAX_ENTRY_BYTES);
        expect(entry.DetailType).toBe(status === 'FAILED' ? 'TaskFailed' : 'TaskCompleted');
        if (detail.messageTruncated) expect(texts.message.startsWith(detail.message)).toBe(true);
        else expect(detail.message).toBe(texts.message);
      },
    ),
    { numRuns: 200 },
  );
});

test('a cut message fills the entry to the last character that fits', () => {
  const message = '"é😀'.repeat(200_000);
  const entry = toEntry(buildEvent({ ...failed, message }, frame), frame);
  expect(MAX_ENTRY_BYTES - entryBytes(entry)).toBeLessThan(4);
  expect(JSON.parse(entry.Detail).message.isWellFormed?.() ?? true).toBe(true);
});

test('cutting never splits a character and never exceeds the limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(100), (text, room) => {
      const cut = cutToBytes(text, room);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(room);
      expect(text.startsWith(cut)).toBe(true);
      expect(Buffer.from(cut).toString()).toBe(cut);
    }),
  );
});

test('each of the 22 reason codes has a category, and an unknown code has the category unknown', () => {
  expect(knownReasonCodes).toHaveLength(22);
  expect(reasonCategories).toEqual(expect.arrayContaining(knownReasonCodes.map(reasonCategory)));
  expect(knownReasonCodes.map(reasonCategory)).not.toContain('unknown');
  expect(reasonCategory('SomethingNew')).toBe('unknown');
});
