/** Situations in which a poller is killed, and what tests do in each. */

import type { Call, Fault } from '../../local/services/service';
import { ago, DAY, HOUR, MINUTE } from '../durations';
import { type EngineStack, outcomes } from '../engine-stack';

export interface Scenario {
  readonly settings?: Record<string, unknown>;
  /** Prepares the situation. @returns `taskId status` of the events that must be published in the end */
  readonly prepare: (stack: EngineStack) => Promise<string[]>;
  /** Mode of the first run under test. */
  readonly mode?: 'audit' | 'nudge';
  /** Active during all runs under test. */
  readonly entryFault?: (stack: EngineStack) => EngineStack['eventBridge']['entryFault'];
  /** Operations that must be among the requests, so that the scenario covers what its name says. */
  readonly requiredOperations: readonly string[];
}

export const [lease, list, query] = ['UpdateItem', 'ListOpportunityFromEngagementTasks', 'Query'];
export const [read, publish, record] = ['BatchGetItem', 'PutEvents', 'BatchWriteItem'];

export const scenarios: Record<string, Scenario> = {
  'a first run': {
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      stack.addRunning(3, HOUR);
      stack.addEnded(4, () => ({ startTimeMs: Date.now() - HOUR }));
      // Started after the first run's start, even if that run was killed before it recorded its start.
      return outcomes(stack.addEnded(3, () => ({ startTimeMs: Date.now() + HOUR })));
    },
  },
  'a quiet poll': {
    requiredOperations: [lease, list, query, read],
    prepare: async stack => {
      stack.addRunning(3, HOUR);
      await stack.runUntilQuiet();
      return [];
    },
  },
  'a burst of finished tasks across pages': {
    settings: { headPageSize: 10, maxEventsPerRun: 15 },
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      return outcomes(stack.addEnded(24, () => ({ startTimeMs: Date.now() - 10 * MINUTE })));
    },
  },
  'a recheck of many running tasks': {
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      const running = stack.addRunning(40, HOUR);
      await stack.runUntilQuiet();
      const ended = running.filter((_, at) => at % 3 === 0);
      stack.store.remove(running[1]?.taskId as string);
      return outcomes(ended.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE')));
    },
  },
  'a run that reports stalled tasks': {
    settings: { taskStalledEvents: true },
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -4 * HOUR });
      const running = stack.addRunning(14, 3 * HOUR);
      await stack.run('poll', { clockOffsetMs: -3 * HOUR });
      return outcomes(running);
    },
  },
  'an audit with drift while a gap is open': {
    settings: { emitSince: ago(DAY), backlogPageSize: 10 },
    mode: 'audit',
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run();
      const overlooked = stack.addEnded(24, at => ({ startTimeMs: Date.now() - HOUR - at * 5 * MINUTE }));
      const gap = { madeAt: ago(HOUR), floor: ago(2 * HOUR), news: { emissionFloor: ago(2 * HOUR) } };
      await stack.putItem({ ...(await stack.checkpoint()), gaps: [gap] });
      return outcomes(overlooked);
    },
  },
  'a backfill that takes several runs': {
    settings: { emitSince: ago(DAY), headPageSize: 5, backlogPageSize: 10, maxEventsPerRun: 10 },
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      const ended = stack.addEnded(28, at => ({ startTimeMs: Date.now() - HOUR - at * MINUTE }));
      stack.addEnded(4, () => ({ startTimeMs: Date.now() - 2 * DAY }));
      return outcomes(ended);
    },
  },
  'tasks that run again and end differently': {
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      const failed = stack.addEnded(4, () => ({ startTimeMs: Date.now() - 10 * MINUTE, status: 'FAILED' }));
      await stack.runUntilQuiet();
      for (const { taskId } of failed) stack.store.set(taskId, { status: 'IN_PROGRESS' });
      await stack.run('audit');
      await stack.runUntilQuiet();
      return outcomes(failed.map(({ taskId }) => stack.store.end(taskId, 'COMPLETE')));
    },
  },
  'a nudge': {
    mode: 'nudge',
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      stack.addRunning(3, HOUR);
      return outcomes(stack.addEnded(14, () => ({ startTimeMs: Date.now() - MINUTE })));
    },
  },
  'a run after a failed record': {
    requiredOperations: [lease, list, query, read, publish, record],
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      await stack.putItem({ ...(await stack.checkpoint()), recordFailedAt: ago(HOUR) });
      return outcomes(stack.addEnded(14, () => ({ startTimeMs: Date.now() - 10 * MINUTE })));
    },
  },
  'a burst in which one event is refused': {
    requiredOperations: [lease, list, query, read, publish, record],
    entryFault: stack => {
      const refused = String(stack.store.tasks()[0]?.taskId);
      return ({ Detail }) =>
        Detail?.includes(refused) ? { ErrorCode: 'MalformedDetail', ErrorMessage: 'no' } : undefined;
    },
    prepare: async stack => {
      await stack.run('poll', { clockOffsetMs: -HOUR });
      const ended = stack.addEnded(14, at => ({ startTimeMs: Date.now() - (20 - at) * MINUTE }));
      return outcomes(ended.slice(1));
    },
  },
};

export const later = { clockOffsetMs: 2 * MINUTE };

/** Intercepts each request of the poller, but not the test's own. */
export function interceptAll(stack: EngineStack, intercept?: (call: Call) => Promise<Fault | undefined>): void {
  const others = intercept && (async (call: Call) => (call.operation === 'Scan' ? undefined : intercept(call)));
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge]) service.intercept = others;
}

export const isQuiet = ({ outcome, gaps }: { outcome: string; gaps: number }) => outcome === 'complete' && gaps === 0;

/** The table without values that a second attempt may change: times, counts of attempts, the owner of an ended lease. */
export async function tableOf(stack: EngineStack): Promise<object[]> {
  const ignored = new Set(['leaseOwner', 'extraCalls', 'publishAttempts', 'fruitlessChecks', 'misses', 'expiresAt']);
  const isTime = (value: unknown) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value);
  const normalize = (item: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(item).flatMap(([name, value]) =>
        ignored.has(name) ? [] : [[name, isTime(value) ? 'a time' : value]],
      ),
    );
  return (await stack.items()).map(normalize).sort((a, b) => (String(a.item) < String(b.item) ? -1 : 1));
}
