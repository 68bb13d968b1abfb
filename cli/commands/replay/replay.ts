/** Publishes again what was published before, by the poller's own way of publishing; the state file is its table. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jitteredPauseMs, openBudget } from '../../../lambdas/poller/budget';
import type { EventEntry } from '../../../lambdas/poller/core/build-event';
import { PermanentFailure, TransientFailure } from '../../../lambdas/poller/errors';
import type { EventBus } from '../../../lambdas/poller/ports';
import { openPublisher } from '../../../lambdas/poller/publisher';
import type { CommandContext } from '../../lib/command';
import type { DeployedSource } from '../../lib/deployment';
import type { TableReader } from '../../lib/table';
import type { ReplayProgress } from './replay-file';
import { outcomeOf } from './replay-rows';

export interface Replayed {
  readonly published: number;
  readonly refused: readonly { readonly taskId: string; readonly code: string }[];
  /** Tasks whose row is gone by now, or has another outcome. */
  readonly changed: readonly string[];
  /** Why it ended before its end; what is left can be resumed. */
  readonly stopped?: string;
}

export interface Replaying {
  readonly source: DeployedSource;
  readonly progress: ReplayProgress;
  readonly rowsOf: TableReader['rowsOf'];
  readonly bus: EventBus;
  readonly perSecond: number;
  readonly context: Pick<CommandContext, 'now' | 'progress' | 'signal' | 'explain'>;
}

/** What is read of the table at once. */
const CHUNK = 100;
/** The budget is there for the engine; what ends a replay is its list. */
const LONGEST_MS = 20 * 86_400_000;

/** Publishes what is left of a replay. Whatever ends it: what was published is in its file. */
export async function publishAgain({
  source,
  progress,
  rowsOf,
  bus,
  perSecond,
  context,
}: Replaying): Promise<Replayed> {
  const { settings, eventBusName } = source;
  const { replay, done } = progress;
  const refused: { taskId: string; code: string }[] = [];
  const changed: string[] = [];
  const unlimited = { listCalls: 0, listCallsPerSecond: 1, events: Number.POSITIVE_INFINITY };
  const budget = openBudget({ now: context.now, deadline: context.now() + LONGEST_MS, ...unlimited });
  const { catalog, taskFamily, name: sourceName, includeMessage, eventSource, stalledAfterMinutes } = settings;
  const { replayId, alerts } = replay;
  const replayed = { replayId, ...(alerts && { replayAlerts: true as const }) };
  let published = 0;
  const publisher = openPublisher({
    bus: pacedAndPatient(bus, perSecond, context),
    budget,
    now: context.now,
    frame: {
      catalog,
      taskFamily,
      sourceName,
      includeMessage,
      eventSource,
      eventBusName,
      stalledAfterMinutes,
      runId: replayId,
      replay: replayed,
    },
    // What was accepted comes as it went, settled; what was refused comes as a row that is to be tried again.
    async record(rows) {
      progress.note(rows.filter(({ settled }) => settled).map(({ taskId }) => taskId));
      context.progress(`${done.size} of ${replay.tasks.length} done`);
      return { lost: [] };
    },
    tryRecord: async () => ({ lost: [] }),
    recordsAreInDoubt: false,
    onDone({ row }, code) {
      if (code === undefined) published += 1;
      else refused.push({ taskId: row.taskId, code });
    },
  });
  const result = (stopped?: string): Replayed => ({
    published,
    refused,
    changed,
    ...(stopped !== undefined && { stopped }),
  });

  try {
    const left = replay.tasks.filter(([taskId]) => !done.has(taskId));
    for (let from = 0; from < left.length; from += CHUNK) {
      context.signal.throwIfAborted();
      const chunk = left.slice(from, from + CHUNK);
      const rows = await rowsOf(chunk.map(([taskId]) => taskId));
      const same = chunk.flatMap(([taskId, status]) => {
        const row = rows.get(taskId);
        if (row && outcomeOf(row)?.status === status)
          return [{ what: 'ended' as const, row, attempts: 0, isDrift: false }];
        changed.push(taskId);
        return [];
      });
      progress.note(changed.filter(taskId => !done.has(taskId)));
      if (!(await publisher.publish(same, budget.whole)))
        return result(`EventBridge takes none of them (${publisher.abandonedFor()})`);
    }
    return result();
  } catch (error) {
    if (context.signal.aborted) return result('Stopped');
    if (error instanceof TransientFailure || error instanceof PermanentFailure) return result(context.explain(error));
    throw error;
  } finally {
    budget.close();
  }
}

const MAX_TRIES = 6;

/** Not faster than asked for, and a call that fails as a whole is tried again: the next poll won't. */
function pacedAndPatient(bus: EventBus, perSecond: number, { now, signal }: Replaying['context']): EventBus {
  let nextAt = 0;
  const pause = (ms: number) => sleep(ms, undefined, { signal });
  async function put(entries: readonly EventEntry[], deadline: AbortSignal, attempt = 1) {
    await pause(Math.max(0, nextAt - now()));
    nextAt = now() + (entries.length / perSecond) * 1_000;
    try {
      return await bus.put(entries, deadline);
    } catch (error) {
      if (!(error instanceof TransientFailure) || attempt === MAX_TRIES) throw error;
      await pause(jitteredPauseMs(attempt));
      return put(entries, deadline, attempt + 1);
    }
  }
  return { put: (entries, deadline) => put(entries, deadline) };
}
