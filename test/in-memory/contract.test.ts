/**
 * The contract of the ports. It holds for the implementations in memory, which most engine tests use, and for the adapters
 * over HTTP.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderTable } from '../../cli/commands/watch/folder-table';
import { openBudget } from '../../lambdas/poller/budget';
import type { EventEntry } from '../../lambdas/poller/core/build-event';
import type { Checkpoint, StoredCheckpoint } from '../../lambdas/poller/core/checkpoint';
import { type EpochMs, IN_PROGRESS } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { connectEventBus } from '../../lambdas/poller/edges/event-bus';
import { connectPartnerCentral } from '../../lambdas/poller/edges/partner-central';
import { connectSnapshotTable } from '../../lambdas/poller/edges/snapshot-table';
import {
  isRefusedToken,
  LeaseLost,
  PermanentFailure,
  RequestRefused,
  TransientFailure,
} from '../../lambdas/poller/errors';
import type { EventBus, PartnerCentral, PollRequests, SnapshotTable } from '../../lambdas/poller/ports';
import { openServiceClock } from '../../lambdas/poller/service-clock';
import { parseFlat, settingsEntries } from '../../lambdas/poller/settings';
import { sourceId } from '../../lambdas/source-id';
import { DAY, HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import type { LifeStack } from '../fuzz/disturbance';
import { openTestStack } from '../integration/test-stack';
import { openMemoryStack } from './test-stack';

interface Ports {
  readonly list: PartnerCentral;
  readonly table: SnapshotTable & PollRequests;
  readonly bus: EventBus;
}

const settings = parseFlat(settingsEntries, { catalog: 'Sandbox' }, 'The settings');

async function openOverHttp() {
  const stack = await openTestStack();
  const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: stack.partnerCentral.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: stack.eventBridge.url,
  });
  const table = connectSnapshotTable(stack.tableName, sourceId(settings), true, {
    ...local,
    endpoint: stack.dynamoDb.url,
  });
  return { stack, ports: { list: connectPartnerCentral(settings, Date.now), table, bus: connectEventBus() } };
}

/** One stack for the whole file. */
let http: ReturnType<typeof openOverHttp> | undefined;
const overHttp = () => {
  http ??= openOverHttp();
  return http;
};
afterAll(async () => (await http)?.stack.close());
// The SDK multiplies its backoff by it, so retries take no time.
beforeAll(() => void jest.spyOn(Math, 'random').mockReturnValue(0));
afterAll(() => jest.restoreAllMocks());

async function inMemory() {
  const stack = openMemoryStack();
  return { stack, ports: stack.ports };
}

interface OpenTable {
  readonly table: SnapshotTable;
  readonly now: () => EpochMs;
  /** Empties the table. */
  reset(): Promise<SnapshotTable>;
  close(): Promise<void>;
}

const ofStack = async (opening: ReturnType<typeof inMemory> | ReturnType<typeof overHttp>): Promise<OpenTable> => {
  const { stack, ports } = await opening;
  return {
    table: ports.table,
    now: () => stack.now(),
    async reset() {
      await stack.reset();
      return ports.table;
    },
    close: async () => {},
  };
};

async function inFolder(): Promise<OpenTable> {
  const folder = mkdtempSync(join(tmpdir(), 'folder-table-'));
  let opened = openFolderTable(folder, sourceId(settings), Date.now());
  return {
    table: opened.table,
    now: Date.now,
    async reset() {
      opened.close();
      rmSync(folder, { recursive: true });
      opened = openFolderTable(folder, sourceId(settings), Date.now());
      return opened.table;
    },
    async close() {
      opened.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const row = (taskId: string, now: EpochMs, more: Partial<TaskRow> = {}): TaskRow => ({
  taskId,
  status: IN_PROGRESS,
  settled: false,
  publishedStatuses: new Set<string>(),
  startTime: now - HOUR,
  firstSeenAt: now,
  lastSeenAt: now,
  nextCheckAt: 0,
  ...more,
});

const budgetOn = (clock: () => EpochMs, listCalls = 100) =>
  openBudget({ now: clock, deadline: clock() + MINUTE, listCalls, listCallsPerSecond: 1_000, events: 10 });

describe.each<[string, () => Promise<OpenTable>]>([
  ['in memory', () => ofStack(inMemory())],
  ['over HTTP', () => ofStack(overHttp())],
  ['in a folder', inFolder],
])('the table %s', (_, open) => {
  let opened: OpenTable;
  let table: SnapshotTable;
  let now: EpochMs;
  const { signal } = new AbortController();

  beforeAll(async () => {
    opened = await open();
  });
  beforeEach(async () => {
    table = await opened.reset();
    now = opened.now();
  });
  afterAll(() => opened.close());

  const budget = () => budgetOn(opened.now);
  const take = (owner: string, at = now, expiresAt = at + MINUTE) =>
    table.takeLease({ owner, now: at, expiresAt, emitSince: at, signal });

  describe('the lease', () => {
    test('has one owner, and is free again when it has ended, has expired or is invalid', async () => {
      expect(await take('A')).toMatchObject({ emitSince: now, initialised: false });
      expect(await take('B')).toBeUndefined();
      expect(await take('A')).toBeDefined(); // a retry after a lost answer
      await table.release('A', signal);
      expect(await take('B', now + 1)).toMatchObject({ emitSince: now }); // the first emitSince stays
      expect(await take('C', now + MINUTE + 2)).toBeDefined();
      expect(await take('D', now + MINUTE + 2, now + DAY)).toBeUndefined();
      await table.release('C', signal);
      expect(await take('D', now + MINUTE + 2, now + DAY)).toBeDefined(); // set by a clock that was ahead
      expect(await take('E', now + MINUTE + 3)).toBeDefined();
    });

    test('refuses writes once it is lost', async () => {
      const stored = await take('A');
      await table.release('A', signal);
      await take('B');
      const checkpoint = { ...stored, emitSince: now, emissionFloor: now, initialised: true, gaps: [] };
      await expect(table.finish('A', checkpoint, signal)).rejects.toThrow(LeaseLost);
      await expect(table.release('A', signal)).rejects.toThrow(LeaseLost);
      await table.finish('B', { ...checkpoint, watermark: now, clockOffsetMs: -5 }, signal);
      await table.requestAudit(now + 7, signal);
      expect(await take('C')).toMatchObject({
        initialised: true,
        watermark: now,
        clockOffsetMs: -5,
        auditRequestedAt: now + 7,
      });
    });

    test('records a failed write when it is released', async () => {
      await take('A');
      await table.release('A', signal, now);
      expect(await take('B')).toMatchObject({ recordFailedAt: now });
    });
  });

  describe('rows', () => {
    test('are read as they were written; unknown tasks have none', async () => {
      const rows = [
        row('task-1', now, { misses: 2, firstMissedAt: now, unknownAttributes: { later: new Set(['x']) } }),
        row('task-2', now, {
          status: 'FAILED',
          settled: true,
          publishedStatuses: new Set(['FAILED']),
          reasonCode: 'InternalError',
          expiresAt: now - (now % 1_000) + DAY,
        }),
      ].map(({ nextCheckAt, ...rest }) => (rest.settled ? rest : { ...rest, nextCheckAt: nextCheckAt as number }));
      expect(await table.writeRows(rows, budget())).toEqual({ cut: [], lost: [] });
      const read = await table.readRows(['task-1', 'task-2', 'task-3'], budget());
      expect([...read.rows.values()].sort((one, other) => (one.taskId < other.taskId ? -1 : 1))).toEqual(rows);
      expect(read.damaged).toEqual([]);
    });

    test('are candidates while they are unsettled, the longest due first', async () => {
      await table.writeRows(
        [row('task-1', now, { nextCheckAt: now }), row('task-2', now), row('task-3', now)],
        budget(),
      );
      await table.writeRows([{ ...row('task-3', now), settled: true, status: 'COMPLETE' }], budget());
      expect(await table.unsettled(budget())).toMatchObject([
        { taskId: 'task-2', nextCheckAt: 0, status: IN_PROGRESS, startTime: now - HOUR, inDoubt: false },
        { taskId: 'task-1', nextCheckAt: now },
      ]);
    });
  });
});

describe.each<[string, () => Promise<{ stack: LifeStack; ports: Ports }>]>([
  ['in memory', inMemory],
  ['over HTTP', overHttp],
])('%s', (_, open) => {
  let stack: LifeStack;
  let list: PartnerCentral;
  let table: SnapshotTable & PollRequests;
  let bus: EventBus;
  let now: EpochMs;
  const { signal } = new AbortController();

  beforeAll(async () => {
    ({
      stack,
      ports: { list, table, bus },
    } = await open());
  });
  beforeEach(async () => {
    await stack.reset();
    now = stack.now();
  });

  const budget = () => budgetOn(() => stack.now());

  describe('the lease', () => {
    const take = (owner: string, at: EpochMs, more: { after?: string; reservedCalls?: number } = {}) =>
      table.takeLease({ owner, now: at, expiresAt: at + MINUTE, emitSince: at, signal, ...more });
    const finish = (owner: string, stored: StoredCheckpoint | undefined) =>
      table.finish(
        owner,
        { ...stored, emitSince: now, emissionFloor: now, initialised: true, gaps: [] } as Checkpoint,
        signal,
      );

    test('can be taken on condition that no other run took it since a certain run', async () => {
      expect(await take('B', now, { after: 'A' })).toBeUndefined();
      await take('A', now);
      expect(await take('B', now, { after: 'A' })).toBeUndefined(); // A still runs
      await table.release('A', signal);
      expect(await take('B', now, { after: 'A' })).toBeDefined();
      expect(await take('B', now, { after: 'A' })).toBeDefined(); // a retry after a lost answer
      await table.release('B', signal);
      expect(await take('C', now, { after: 'A' })).toBeUndefined();
      await take('C', now);
      expect(await take('D', now + MINUTE + 1, { after: 'C' })).toBeDefined(); // C died
    });

    test('shows its owner, and accepts one request for another poll until the next run begins', async () => {
      const free = { takenAt: 0, isHeld: false, pollRequested: false };
      expect(await table.readLease(now, signal)).toEqual({ owner: undefined, ...free });
      const stored = await take('A', now);
      const held = await table.readLease(now, signal);
      expect(held).toEqual({ owner: 'A', takenAt: now, isHeld: true, pollRequested: false });
      expect(await table.requestPoll(held, now, signal)).toBe(true);
      expect(await table.requestPoll(held, now, signal)).toBe(false); // a request exists already
      expect(await table.readLease(now, signal)).toMatchObject({ pollRequested: true });
      expect(await finish('A', stored)).toEqual({ pollRequested: true });
      expect(await table.requestPoll(held, now, signal)).toBe(false); // the run has ended
      const again = await take('B', now + 1);
      expect(await finish('B', again)).toEqual({ pollRequested: false });
      const ended = await table.readLease(now + 1, signal);
      expect(ended).toEqual({ owner: 'B', takenAt: now + 1, isHeld: false, pollRequested: false });
      await take('C', now + 2);
      expect(await table.requestPoll(ended, now + 2, signal)).toBe(false); // another run has it
    });

    test('reserves List calls until its run finishes', async () => {
      await take('A', now, { reservedCalls: 100 });
      await table.release('A', signal);
      const stored = await take('B', now, { reservedCalls: 50 });
      expect(stored).toMatchObject({ extraCallsReserved: 150 });
      await finish('B', { ...(stored as StoredCheckpoint), extraCalls: { day: '2026-11-28', made: 103 } });
      expect(await take('C', now)).toMatchObject({
        extraCallsReserved: 0,
        extraCalls: { day: '2026-11-28', made: 103 },
      });
    });
  });

  describe('rows', () => {
    test('are halved after a refusal until one is alone; its essentials are stored', async () => {
      stack.dynamoDb.intercept = ({ operation, input }) =>
        operation === 'BatchWriteItem' && JSON.stringify(input).includes('odd')
          ? errorAnswer('ValidationException')
          : undefined;
      const rows = Array.from({ length: 12 }, (_, at) => row(`task-${at}`, now));
      const odd = row('task-12', now, { message: 'odd' });
      const lost = row('task-odd', now);
      expect(await table.writeRows([...rows, odd, lost], budget())).toEqual({ cut: ['task-12'], lost: ['task-odd'] });
      const ids = [...rows, odd, lost].map(({ taskId }) => taskId);
      expect((await table.readRows(ids, budget())).rows.size).toBe(13);
    });

    test.each<[string, Parameters<typeof errorAnswer>, new (...given: never[]) => Error]>([
      ['throttling', ['ThrottlingException'], TransientFailure],
      ['an error of the service', ['InternalServerError', 500], TransientFailure],
      ['a missing right', ['AccessDeniedException'], PermanentFailure],
      ['no such table', ['ResourceNotFoundException'], PermanentFailure],
    ])('fail with the right class of error on %s', async (_, answer, kind) => {
      stack.dynamoDb.intercept = () => errorAnswer(...answer);
      await expect(table.writeRows([row('task-1', now)], budget())).rejects.toThrow(kind);
    });
  });

  describe('the list', () => {
    const clock = () => openServiceClock(() => stack.now(), stack.now());
    const one = (listing: Parameters<PartnerCentral['list']>[0]) =>
      list.list(listing, { budget: budget(), clock: clock() });

    test('returns pages newest first, with a token for the next page', async () => {
      const ids = [3, 2, 1].map(
        hours => stack.store.add({ startTimeMs: now - hours * HOUR, status: 'COMPLETE' }).taskId,
      );
      const first = await one({ of: 'sweep', pageSize: 2 });
      expect(first.tasks.map(({ taskId }) => taskId)).toEqual([ids[2], ids[1]]);
      expect(first).toMatchObject({ malformed: 0, unreadable: 0, nextToken: expect.any(String) });
      const second = await one({ of: 'sweep', pageSize: 2, token: first.nextToken as string });
      expect(second.tasks).toMatchObject([{ taskId: ids[0], status: 'COMPLETE', startTime: now - 3 * HOUR }]);
      expect(second.nextToken).toBeUndefined();
    });

    test('fails when the token is of another request', async () => {
      for (const hours of [2, 1]) stack.store.add({ startTimeMs: now - hours * HOUR });
      const { nextToken } = await one({ of: 'sweep', pageSize: 1 });
      await expect(one({ of: 'sweep', pageSize: 2, token: nextToken as string })).rejects.toThrow(RequestRefused);
    });

    test.each(['ValidationException', 'ResourceNotFoundException'])(
      'fails when an old token is refused with %s',
      async code => {
        stack.partnerCentral.intercept = () => errorAnswer(code);
        const error = await one({ of: 'sweep', pageSize: 2, token: 'old' }).catch(thrown => thrown);
        expect(isRefusedToken(error)).toBe(true);
      },
    );

    test('returns running tasks, and tasks by id', async () => {
      const running = stack.store.add({ startTimeMs: now - HOUR });
      const ended = stack.store.add({ startTimeMs: now - HOUR, status: 'FAILED' });
      expect((await one({ of: 'running', pageSize: 10 })).tasks).toMatchObject([{ taskId: running.taskId }]);
      expect((await one({ of: [ended.taskId], pageSize: 10 })).tasks).toMatchObject([{ taskId: ended.taskId }]);
    });

    test.each<[string, string | object]>([
      ['an error under HTTP 200', { __type: 'x#InternalFailure', message: null }],
      ['an object without a list', {}],
      ['half of an answer', '{"TaskSummaries": ['],
      ['a page of HTML', '<html></html>'],
    ])('takes %s for a transient failure', async (_, answer) => {
      stack.partnerCentral.tamper = () => answer as string;
      await expect(one({ of: 'sweep', pageSize: 2 })).rejects.toThrow(TransientFailure);
    });

    test('counts unusable summaries', async () => {
      const { taskId } = stack.store.add({ startTimeMs: now });
      stack.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: [
          null,
          {},
          { TaskId: taskId, StartTime: 'soon' },
          { TaskId: 'x', StartTime: '2026-01-01 00:00:00' },
        ],
      });
      expect(await one({ of: 'sweep', pageSize: 10 })).toMatchObject({
        malformed: 2,
        unreadable: 1,
        tasks: [{ taskId }, { taskId: 'x', startTime: Date.UTC(2026, 0, 1) }],
      });
    });

    test('counts each attempt, and measures the clock', async () => {
      let left = 2;
      stack.partnerCentral.intercept = () => (left-- > 0 ? errorAnswer('ThrottlingException', 429) : undefined);
      const run = { budget: budget(), clock: clock() };
      await list.list({ of: 'sweep', pageSize: 1 }, run);
      expect(run.budget.used.listCalls).toBe(3);
      expect(run.clock.isMeasured()).toBe(true);
      expect(Math.abs(run.clock.offsetMs())).toBeLessThan(1_500);
    });
  });

  const entry = (Detail: string): EventEntry => ({
    EventBusName: busNameOf(stack),
    Source: 'test',
    DetailType: 'TaskFailed',
    Resources: [],
    Detail,
  });

  test('the bus returns an outcome for each entry', async () => {
    const codes = [undefined, 'InternalFailure', 'MalformedDetail', 'NotAuthorizedForSourceException'];
    stack.eventBridge.entryFault = (_, index) => {
      const ErrorCode = codes[index % codes.length];
      return ErrorCode === undefined ? undefined : { ErrorCode, ErrorMessage: 'no' };
    };
    const entries = codes.map((_, at) => entry(`{"at":${at}}`));
    expect(await bus.put(entries, signal)).toEqual([
      { became: 'accepted' },
      { became: 'retryable', code: 'InternalFailure' },
      { became: 'refused', code: 'MalformedDetail' },
      { became: 'refused', code: 'NotAuthorizedForSourceException', denied: true },
    ]);
    expect(stack.eventBridge.events).toMatchObject([{ detail: { at: 0 }, 'detail-type': 'TaskFailed' }]);
  });

  test('fails when the bus answers for fewer entries than it got', async () => {
    stack.eventBridge.intercept = () => ({
      when: 'before',
      how: { status: 200, body: { Entries: [{ EventId: '1' }] } },
    });
    await expect(bus.put([entry('{}'), entry('{}')], signal)).rejects.toThrow(TransientFailure);
  });
});

const busNameOf = (stack: LifeStack) => ('busName' in stack ? String(stack.busName) : 'bus');
