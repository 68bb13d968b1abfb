/**
 * A poller on in-memory ports: the engine's own code, the local Partner Central, table items, and a clock that only calls
 * advance. It is much faster than `test/integration/test-stack.ts`, which uses HTTP; `contract.test.ts` shows that both
 * behave alike.
 */
import type { EventEntry } from '../../lambdas/poller/core/build-event';
import type { EpochMs } from '../../lambdas/poller/core/task';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { toAttributes, toCheckpoint } from '../../lambdas/poller/edges/checkpoint-item';
import { shadowEventBus, toOutcome } from '../../lambdas/poller/edges/event-bus';
import { readListAnswer, toListAnswer } from '../../lambdas/poller/edges/list-answer';
import { listRequests } from '../../lambdas/poller/edges/partner-central';
import { CHECKPOINT_KEY, refuseNewerFormat, taskKey, toItem, toRow } from '../../lambdas/poller/edges/row-item';
import { LONGEST_LEASE_MS, toLease, writeInBatches } from '../../lambdas/poller/edges/snapshot-table';
import { toCandidate } from '../../lambdas/poller/edges/table-reader';
import { type Advice, LeaseLost, sortFailure, TransientFailure, throttled } from '../../lambdas/poller/errors';
import { type InvocationMode, pollAndFollow } from '../../lambdas/poller/invocation';
import { metricsLine } from '../../lambdas/poller/metrics';
import type { EventBus, PartnerCentral, PollRequests, RunLogger, SnapshotTable } from '../../lambdas/poller/ports';
import type { Summary } from '../../lambdas/poller/run';
import { parseFlat, type Settings, settingsEntries } from '../../lambdas/poller/settings';
import { familyOf } from '../../lambdas/poller/task-families';
import { sourceId } from '../../lambdas/source-id';
import type { DeliveredEvent, EntryError, WireEntry } from '../../local/services/event-bridge';
import { openPartnerCentral } from '../../local/services/partner-central';
import {
  type Call,
  callCounter,
  type ErrorAnswer,
  type Fault,
  type Intercept,
  Refusal,
} from '../../local/services/service';

type Item = Record<string, unknown>;
const START = Date.UTC(2026, 0, 1);
const noAdvice = { denied: '', refused: '' };
/** Duration of one call of a port. */
const CALL_MS = 5;
const TIMEOUT_MS = 55_000;
/** Like the SDK. */
const ATTEMPTS = 3;

/** Hooks and counts of one service. */
const interceptable = () => ({
  intercept: undefined as Intercept | undefined,
  /** Delays the answer after the service has acted. */
  beforeAnswer: undefined as ((call: Call) => Promise<void>) | undefined,
  calls: callCounter(),
  /** Offset of the clock in the answers' dates. */
  clockOffsetMs: 0,
});

export type MemoryStack = ReturnType<typeof openMemoryStack>;
export type MemoryPoller = ReturnType<MemoryStack['anotherPoller']>;

/**
 * @param settings overrides of the defaults, for all pollers
 * @param clock `virtual`: only calls advance it, so that a scenario is reproducible. `real`: this machine's, for tests that
 *   compare with it.
 */
export function openMemoryStack(settings: Record<string, unknown> = {}, clock: 'virtual' | 'real' = 'virtual') {
  const ofSource = parseFlat(settingsEntries, { catalog: 'Sandbox', followMinutes: 0, ...settings }, 'The settings');
  let at = START;
  const time = clock === 'real' ? Date.now : () => at;
  const pass = (ms: number) => {
    at += ms;
  };
  let clockOffsetMs = 0;
  /** By source, then by sort key. */
  const tables = new Map<string, ReturnType<typeof openTable>>();
  const tableOf = (source: string) => {
    const table = tables.get(source) ?? openTable();
    tables.set(source, table);
    return table;
  };
  const own = sourceId(ofSource);
  const events: DeliveredEvent[] = [];
  const logs: string[] = [];
  /** Called while a poller pauses. */
  const pauses = { during: undefined as ((ms: number) => Promise<void> | void) | undefined };
  /** Summaries of all polls, in order. */
  const summaries: Summary[] = [];
  const central = openPartnerCentral({ now: time });
  const partnerCentral = Object.assign(central, interceptable());
  const dynamoDb = {
    ...interceptable(),
    /** Delay of the index of unsettled rows behind the table. */
    indexLagMs: 0,
  };
  const eventBridge = {
    ...interceptable(),
    events,
    clear() {
      events.length = 0;
    },
    entryFault: undefined as ((entry: WireEntry, index: number) => EntryError | undefined) | undefined,
  };
  const services = { partnercentral: partnerCentral, dynamodb: dynamoDb, events: eventBridge };
  let acceptable = 0;

  /** One call of an SDK client, with its retries and final error. It never returns to a dead process. */
  async function call<T>(
    life: Life,
    service: keyof typeof services,
    operation: string,
    input: Item,
    act: () => T,
    beforeAttempt: () => Promise<void> = async () => undefined,
    /** Handles another body under HTTP 200 like the adapter. */
    read: (body: object) => T = () => {
      throw new TransientFailure('The answer lacks what every answer has');
    },
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      if (life.isOver) return never;
      if (life.isAborted()) throw aborted();
      await beforeAttempt();
      pass(CALL_MS);
      const { calls, intercept } = services[service];
      const made: Call = { service, operation, input, index: calls.total };
      calls.count(operation);
      const fault = await intercept?.(made);
      try {
        const answer = await withFault(fault, act, read);
        await services[service].beforeAnswer?.(made);
        if (!life.isOver && life.isAborted()) throw aborted();
        return life.isOver ? never : answer;
      } catch (thrown) {
        if (life.isOver) return never;
        const error = thrown instanceof Refusal ? errorOf(thrown.answer) : (thrown as Error);
        if (attempt < ATTEMPTS && isRetried(error)) continue;
        throw error;
      }
    }
  }

  const sorted = async <T>(doing: string, work: Promise<T>, advice: Advice = { ...noAdvice, notFound: '' }) =>
    work.catch((error: unknown) => {
      throw error instanceof LeaseLost ? error : sortFailure(error, doing, advice);
    });

  function connectList(settings: Settings, now: () => EpochMs, life = neverEnding): PartnerCentral {
    const { request, filters, fingerprint } = listRequests(settings);
    const { operation } = familyOf(settings.taskFamily);
    return {
      filters,
      fingerprint,
      async list(listing, { budget, clock }) {
        const input: Item = { ...request(listing) };
        let askedAt = now();
        const first = askedAt;
        /** Handled like by the adapter; a text is an answer that is no JSON. */
        const read = (sent: object | string) => {
          const { clockOffsetMs: skew } = partnerCentral;
          clock.observe(new Date(time() + clockOffsetMs + skew).toUTCString(), askedAt, now());
          return typeof sent === 'string' ? readListAnswer(Buffer.from(sent)) : toListAnswer(sent);
        };
        const act = () => {
          const output = central.answer(operation, input);
          return read(partnerCentral.tamper ? partnerCentral.tamper(operation, output) : output);
        };
        const pace = async () => {
          await budget.paceListCall();
          askedAt = now();
        };
        const answer = await sorted(
          operation,
          call(life, 'partnercentral', operation, input, act, pace, read),
          noAdvice,
        );
        return { ...answer, askedAt: first + clock.offsetMs(), answeredAt: clock.now() };
      },
    };
  }

  function connectTable(source: string, includeMessage: boolean, life = neverEnding): SnapshotTable & PollRequests {
    const key = (taskId: string) => String(taskKey(source, taskId).item);
    const checkpointKey = CHECKPOINT_KEY;
    const table = tableOf(source);
    const checkpoint = () => table.items.get(checkpointKey);
    const update = (set: Item, mayBe: (item: Item) => boolean, ifAbsent: Item = {}, by = life) =>
      call(
        by,
        'dynamodb',
        'UpdateItem',
        { UpdateExpression: updateExpression(set, ifAbsent) },
        (): Item | undefined => {
          if (!mayBe(checkpoint() ?? {})) return undefined;
          const item = { source, item: checkpointKey, ...ifAbsent, ...checkpoint(), ...set };
          table.items.set(checkpointKey, item);
          return item;
        },
      ).catch((error: Error) => {
        if (error.name !== 'ConditionalCheckFailedException') throw error;
        return undefined;
      });
    const lastWrites = withoutTimeLimit(life);
    const isMine = (owner: string) => (item: Item) => item.leaseOwner === owner;
    const unlessLost = (item: Item | undefined) => {
      if (item === undefined) throw new LeaseLost('Another run has taken over the lease');
    };
    return {
      async requestAudit(now) {
        await sorted(
          'UpdateItem',
          update({ auditRequestedAt: new Date(now).toISOString() }, () => true),
        );
      },
      async takeLease({ owner, now, expiresAt, emitSince, after, reservedCalls = 0 }) {
        const mayBeTaken = ({ leaseOwner, leaseExpiresAtMs }: Item) => {
          const until = Number(leaseExpiresAtMs);
          const isFree = leaseOwner === undefined || until < now || until > now + LONGEST_LEASE_MS;
          return leaseOwner === owner || (isFree && (after === undefined || leaseOwner === after));
        };
        const set = {
          leaseOwner: owner,
          leaseExpiresAtMs: expiresAt,
          leaseTakenAt: new Date(now).toISOString(),
          pollRequested: false,
          extraCallsReserved: Number(checkpoint()?.extraCallsReserved ?? 0) + reservedCalls,
        };
        const ifAbsent = { emitSince: new Date(emitSince).toISOString() };
        const item = await sorted('UpdateItem', update(set, mayBeTaken, ifAbsent));
        return item && toCheckpoint(item);
      },
      async finish(owner, given) {
        const item = await sorted(
          'UpdateItem',
          update({ ...toAttributes(given), leaseExpiresAtMs: 0 }, isMine(owner), {}, lastWrites),
        );
        unlessLost(item);
        return { pollRequested: item?.pollRequested === true };
      },
      async readLease(now) {
        const item = call(life, 'dynamodb', 'BatchGetItem', {}, () => checkpoint() ?? {});
        return toLease(await sorted('BatchGetItem', item), now);
      },
      async requestPoll({ owner, isHeld }, now) {
        const mayBe = (item: Item) =>
          item.leaseOwner === owner &&
          item.pollRequested === false &&
          (!isHeld || Number(item.leaseExpiresAtMs) >= now);
        return (await sorted('UpdateItem', update({ pollRequested: true }, mayBe))) !== undefined;
      },
      async release(owner, _, recordFailedAt) {
        const failed = recordFailedAt !== undefined && { recordFailedAt: new Date(recordFailedAt).toISOString() };
        unlessLost(
          await sorted('UpdateItem', update({ leaseExpiresAtMs: 0, ...failed }, isMine(owner), {}, lastWrites)),
        );
      },
      async readRows(taskIds) {
        const rows = new Map<string, TaskRow>();
        const damaged: string[] = [];
        for (let from = 0; from < taskIds.length; from += 100) {
          const some = taskIds.slice(from, from + 100);
          const found = await sorted(
            'BatchGetItem',
            call(life, 'dynamodb', 'BatchGetItem', {}, () =>
              some.flatMap((taskId): Item[] => {
                const item = table.items.get(key(taskId));
                return item ? [item] : [];
              }),
            ),
          );
          for (const item of found) {
            refuseNewerFormat('A row', item.formatVersion);
            const result = toRow(item);
            rows.set(result.row.taskId, result.row);
            if (result.damaged) damaged.push(result.row.taskId);
          }
        }
        return { rows, damaged };
      },
      writeRows: rows =>
        writeInBatches(rows, async part => {
          const written = part.map(row => toItem(source, row, includeMessage));
          await sorted(
            'BatchWriteItem',
            call(life, 'dynamodb', 'BatchWriteItem', { items: written }, () => {
              for (const item of written) table.put(item, time() + clockOffsetMs);
            }),
          );
        }),
      async unsettled() {
        const found = await sorted(
          'Query of the index',
          call(life, 'dynamodb', 'Query', {}, () =>
            table.index(dynamoDb.indexLagMs === 0 ? Infinity : time() + clockOffsetMs - dynamoDb.indexLagMs),
          ),
        );
        return found
          .map(toCandidate)
          .sort((one, other) => one.nextCheckAt - other.nextCheckAt || (one.taskId < other.taskId ? -1 : 1));
      },
    };
  }

  const line =
    (level: string): RunLogger['info'] =>
    (message, ...[more]) => {
      if (clock === 'real') logs.push(JSON.stringify({ level, message, ...Object(more) }));
    };
  const logger: RunLogger = {
    info: line('INFO'),
    warn: line('WARN'),
    error: line('ERROR'),
    appendKeys: () => undefined,
    removeKeys: () => undefined,
  };

  /** Polls like the handler. @returns the summary of the first poll, or `skipped` if another invocation polls instead */
  async function pollAll(...given: Parameters<typeof pollAndFollow>): Promise<Summary> {
    let first: Summary | undefined;
    for await (const summary of pollAndFollow(...given)) {
      first ??= summary;
      summaries.push(summary);
      line('INFO')('Run', { ...summary });
      const measured = metricsLine(summary, '', time());
      if (measured !== undefined && clock === 'real') logs.push(measured);
    }
    return first ?? ({ outcome: 'skipped', published: 0, gaps: 0 } as Summary);
  }

  const connectBus = (life = neverEnding): EventBus => ({
    async put(entries) {
      const results = await sorted(
        'PutEvents',
        call(life, 'events', 'PutEvents', { Entries: entries }, () =>
          entries.map(entry => {
            const error = eventBridge.entryFault?.(entry as unknown as WireEntry, acceptable++);
            if (error) return error;
            events.push(delivered(entry));
            return { EventId: String(events.length) };
          }),
        ),
      );
      return results.map(toOutcome);
    },
  });

  const stack = {
    canFreeze: true as const,
    store: central.store(ofSource.catalog, ofSource.taskFamily),
    /** The ports. */
    ports: {
      list: connectList(ofSource, time),
      table: connectTable(own, true),
      bus: connectBus(),
    },
    partnerCentral,
    dynamoDb,
    eventBridge,
    logs,
    summaries,
    pauses,
    now: time,
    /** Advances the virtual clock. */
    pass,

    /** Another function on the same table. */
    anotherPoller(more: Record<string, unknown> = {}) {
      const settings = parseFlat(settingsEntries, { ...ofSource, ...more }, 'The settings');
      let die: () => void = () => undefined;
      let life: Life = { ...neverEnding };
      return {
        async invoke(
          { mode }: { mode: InvocationMode },
          how: { clockOffsetMs?: number; clockSkewMs?: number } = {},
        ): Promise<{ result: Summary; error?: undefined } | { result?: undefined; error: Error }> {
          clockOffsetMs = how.clockOffsetMs ?? 0;
          const now = () => time() + clockOffsetMs + (how.clockSkewMs ?? 0);
          const deadline = now() + TIMEOUT_MS;
          life = { isOver: false, isAborted: () => now() >= deadline - ABORTED_BEFORE_DEADLINE_MS };
          const ports = {
            settings,
            eventBusName: 'bus',
            partnerCentral: connectList(settings, now, life),
            table: connectTable(sourceId(settings), settings.includeMessage, life),
            bus: settings.shadow ? shadowEventBus(logger) : connectBus(life),
            logger,
            now,
            async sleep(ms: number) {
              pass(ms);
              await pauses.during?.(ms);
            },
          };
          const death = new Promise<{ error: Error }>(resolve => {
            die = () => resolve({ error: Object.assign(new Error('Killed'), { name: 'ProcessDied' }) });
          });
          const outcome = pollAll(ports, mode, deadline).then(
            result => ({ result }),
            (error: Error) => ({ error }),
          );
          return Promise.race([outcome, death]);
        },
        /** Ends the process: its calls never return. */
        async kill() {
          life.isOver = true;
          die();
        },
      };
    },

    /** Adds ended tasks, one a day back from two days ago. */
    addHistory(count: number) {
      for (let day = 0; day < count; day += 1) {
        const status = day % 3 === 0 ? 'FAILED' : 'COMPLETE';
        central
          .store(ofSource.catalog, ofSource.taskFamily)
          .add({ status, startTimeMs: time() - (2 + day) * 86_400_000 });
      }
    },

    items: async () => [...tables.values()].flatMap(table => [...table.items.values()]),
    item: async (sortKey: string) => tableOf(own).items.get(sortKey),
    row: async (taskId: string) => tableOf(own).items.get(`TASK#${taskId}`),
    checkpoint: async () => tableOf(own).items.get(CHECKPOINT_KEY),
    async putItems(all: readonly Item[]) {
      for (const item of all) tableOf(String(item.source)).put(item, time() + clockOffsetMs);
    },
    async removeItems(which: (item: Item) => boolean) {
      for (const table of tables.values())
        for (const item of table.items.values()) if (which(item)) table.remove(item, time() + clockOffsetMs);
    },
    expireRows(until = Number.POSITIVE_INFINITY) {
      return this.removeItems(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1_000 <= until);
    },
    async reset() {
      at = START;
      for (const table of tables.values()) table.clear();
      dynamoDb.indexLagMs = 0;
      clockOffsetMs = 0;
      events.length = 0;
      logs.length = 0;
      summaries.length = 0;
      pauses.during = undefined;
      acceptable = 0;
      for (const service of Object.values(services)) {
        service.intercept = undefined;
        service.beforeAnswer = undefined;
        service.calls.reset();
      }
      partnerCentral.tamper = undefined;
      eventBridge.entryFault = undefined;
      for (const name of Object.keys(central.toJSON()))
        central.fromJSON({ [name]: { nextNumber: 0, tasks: [], clientTokens: [] } });
    },
    async close() {},
  };
  return { ...stack, poller: stack.anotherPoller() };
}

/** Enough of the expression to distinguish updates. */
const updateExpression = (set: Item, ifAbsent: Item) =>
  [...Object.keys(set), ...Object.keys(ifAbsent).map(name => `if_not_exists(${name})`)].join();

/** Rows and checkpoint of one source, with an index that may lag. */
function openTable() {
  const items = new Map<string, Item>();
  const index = new Map<string, Item>();
  let notYetInIndex: { readonly at: EpochMs; readonly key: string; readonly item?: Item }[] = [];
  return {
    items,
    put(item: Item, at: EpochMs) {
      const key = String(item.item);
      items.set(key, item);
      notYetInIndex.push({ at, key, item });
    },
    remove({ item }: Item, at: EpochMs) {
      items.delete(String(item));
      notYetInIndex.push({ at, key: String(item) });
    },
    clear() {
      items.clear();
      index.clear();
      notYetInIndex = [];
    },
    /** Items of the index at that moment. */
    index(until: EpochMs): Item[] {
      const shown = notYetInIndex.findIndex(({ at }) => at > until);
      for (const { key, item } of notYetInIndex.splice(0, shown === -1 ? notYetInIndex.length : shown)) {
        if (item?.unsettledSource === undefined) index.delete(key);
        else index.set(key, item);
      }
      return [...index.values()];
    },
  };
}

/** One process until it ends. */
interface Life {
  isOver: boolean;
  /** Whether the run has reached its time limit, which aborts pending calls. */
  readonly isAborted: () => boolean;
}
const neverEnding: Life = { isOver: false, isAborted: () => false };

/** For the last two writes of a run, which the time limit does not abort. */
const withoutTimeLimit = (life: Life): Life => ({
  get isOver() {
    return life.isOver;
  },
  isAborted: () => false,
});

/** Like the signal of `openBudget`. */
const ABORTED_BEFORE_DEADLINE_MS = 2_500;
const aborted = () => Object.assign(new Error('The operation was aborted'), { name: 'AbortError' });

const never = new Promise<never>(() => undefined);

/** The result of a call under a fault. */
async function withFault<T>(fault: Fault | undefined, act: () => T, read: (body: object) => T): Promise<T> {
  const how = fault?.how;
  if (how === 'hang' && fault?.when === 'before') return never;
  if (how === undefined || (typeof how === 'object' && 'delayMs' in how)) return act();
  if (how === 'truncate' || fault?.when === 'after') act();
  if (how === 'hang') return never;
  if (how === 'truncate') throw new SyntaxError('The answer breaks off');
  if (how === 'reset') throw Object.assign(new Error('socket hang up'), { name: 'ECONNRESET' });
  if (how.status === 200) return read({ ...(how.type && { __type: how.type }), ...Object(how.body) });
  throw errorOf(how);
}

function errorOf({ status, type = 'UnknownError', body }: ErrorAnswer): Error {
  const { message, Message } = Object(body) as { message?: string; Message?: string };
  return Object.assign(new Error(message ?? Message ?? type), {
    ...(typeof body === 'object' && body),
    name: type,
    $metadata: { httpStatusCode: status },
  });
}

function isRetried(error: Error & { $metadata?: { httpStatusCode: number } }): boolean {
  const status = error.$metadata?.httpStatusCode ?? 0;
  return error.name === 'ECONNRESET' || status >= 500 || status === 429 || throttled.has(error.name);
}

const delivered = ({ Source, DetailType, Resources, Detail }: EventEntry) =>
  ({
    'detail-type': DetailType,
    source: Source,
    resources: Resources,
    detail: JSON.parse(Detail),
  }) as unknown as DeliveredEvent;
