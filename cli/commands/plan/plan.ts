/**
 * What the next run would do, found by running it: the poller's own engine, on a table whose writes stay in memory and a
 * bus that only collects.
 */
import { isEligible } from '../../../lambdas/poller/core/eligibility-window';
import { type EpochMs, isTerminal, type ListedTask } from '../../../lambdas/poller/core/task';
import type { EventBus, PartnerCentral, RunLogger } from '../../../lambdas/poller/ports';
import { poll, type Summary } from '../../../lambdas/poller/run';
import type { Settings } from '../../../lambdas/poller/settings';
import type { TaskEvent, TaskStalledEvent } from '../../../lambdas/task-event';
import type { Context } from '../../lib/context';
import { type Overlaid, overlayOn, type Underlying } from '../../lib/overlay-table';
import { gapInWords, moment, putOffUntil, type Reason, reasonFor } from '../../lib/plan-words';
import { textLogger } from '../../lib/watch-logger';

export interface PlannedEvent extends Reason {
  readonly detailType: string;
  /** Without what only the run itself can know: its id, and when it will have looked. */
  readonly event: Omit<TaskEvent, 'runId' | 'detectedBefore'> | Omit<TaskStalledEvent, 'runId' | 'detectedBefore'>;
}

export interface NotPlanned {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly why: 'put-off' | 'too-large' | 'before-floor' | 'later-run';
  readonly because: string;
}

export interface Plan {
  readonly plannedAt: string;
  readonly events: readonly PlannedEvent[];
  readonly notPublished: readonly NotPlanned[];
  /** Parts of the list that would still have to be swept, in words. */
  readonly backlog: readonly string[];
  /** Another run holds the lease until then. */
  readonly leaseHeldUntil?: string;
  /** There has been no poll yet. */
  readonly firstPoll?: true;
  /** Something failed on the way: there may be more. */
  readonly endedEarly: boolean;
  readonly run: Omit<Summary, 'runId'>;
}

interface Planning {
  readonly settings: Settings;
  readonly partnerCentral: PartnerCentral;
  readonly under: Underlying;
  readonly context: Pick<Context, 'now' | 'note' | 'progress' | 'signal'>;
  /** More than the function has: calls take longer from a desk than within a region. */
  readonly timeoutMs: number;
}

export async function makePlan({ settings, partnerCentral, under, context, timeoutMs }: Planning): Promise<Plan> {
  const { table, overlaid } = overlayOn(under);
  const published: { detailType: string; event: TaskEvent | TaskStalledEvent }[] = [];
  const bus: EventBus = {
    async put(entries) {
      for (const { DetailType, Detail } of entries)
        published.push({ detailType: DetailType, event: JSON.parse(Detail) as TaskEvent | TaskStalledEvent });
      return entries.map(() => ({ became: 'accepted' as const }));
    },
  };
  const listed = new Map<string, ListedTask>();
  const listening: PartnerCentral = {
    ...partnerCentral,
    async list(listing, run) {
      context.signal.throwIfAborted();
      const page = await partnerCentral.list(listing, run);
      for (const task of page.tasks) listed.set(task.taskId, task);
      context.progress(`${listed.size} tasks listed`);
      return page;
    },
  };
  let endedEarly = false;
  const text = textLogger(context.note);
  const logger: RunLogger = {
    ...text,
    warn(message, ...more) {
      endedEarly ||= more.some(item => (item as { error?: unknown }).error !== undefined);
      text.warn(message, ...more);
    },
  };
  const now = context.now();
  const { summary } = await poll(
    { settings, partnerCentral: listening, table, bus, logger, now: context.now, eventBusName: 'nowhere' },
    { mode: 'poll', deadline: now + timeoutMs },
  );
  const { runId: _, ...run } = summary;
  return {
    plannedAt: moment(now),
    events: published.map(({ detailType, event }) => {
      const { runId: _, detectedBefore: __, ...known } = event;
      const reason = reasonFor(detailType, event, overlaid.before.get(event.taskId), overlaid.checkpoint);
      return { detailType, ...reason, event: known };
    }),
    notPublished: notPublished(overlaid, listed, new Set(published.map(({ event }) => event.taskId)), now),
    backlog: (overlaid.checkpoint?.gaps ?? []).map(gapInWords),
    ...(overlaid.isFirst && { firstPoll: true as const }),
    ...(overlaid.leaseHeldUntil !== undefined && { leaseHeldUntil: moment(overlaid.leaseHeldUntil) }),
    endedEarly,
    run,
  };
}

/** Ended tasks that the run came by and passed over, or that wait for their next attempt. */
function notPublished(
  { before, written, candidates, checkpoint }: Overlaid,
  listed: ReadonlyMap<string, ListedTask>,
  published: ReadonlySet<string>,
  now: EpochMs,
): NotPlanned[] {
  const cameBy = [...before].filter(([taskId]) => listed.has(taskId) && !published.has(taskId));
  const waiting = candidates.filter(({ taskId, status }) => isTerminal(status) && !published.has(taskId));
  const taskIds = new Set([...waiting.map(({ taskId }) => taskId), ...cameBy.map(([taskId]) => taskId)]);
  return [...taskIds].flatMap((taskId): NotPlanned[] => {
    const row = before.get(taskId);
    const waits = waiting.find(candidate => candidate.taskId === taskId);
    const taskStatus = listed.get(taskId)?.status ?? waits?.status ?? '';
    const not = (why: NotPlanned['why'], because: string) => [{ taskId, taskStatus, why, because }];
    if (!isTerminal(taskStatus)) return [];
    const wrote = written.get(taskId);
    if (wrote?.settled) return []; // recorded as published
    if (wrote?.lastError !== undefined) return not('too-large', `no event can carry it (${wrote.lastError})`);
    if (waits && waits.status === taskStatus && waits.nextCheckAt > now) {
      return not('put-off', row ? putOffUntil(row) : `it is due again at ${moment(waits.nextCheckAt)}`);
    }
    if (row?.publishedStatuses.has(taskStatus)) return [];
    const startTime = listed.get(taskId)?.startTime;
    if (!row && checkpoint && startTime !== undefined && !isNewsToAny(startTime, checkpoint)) {
      const floor = moment(checkpoint.emissionFloor);
      return not('before-floor', `it started at ${moment(startTime)}, before the emission floor, ${floor}`);
    }
    return not('later-run', 'one run publishes only so much; a later one does this');
  });
}

const isNewsToAny = (startTime: EpochMs, { emissionFloor, gaps }: NonNullable<Overlaid['checkpoint']>) =>
  isEligible(startTime, { emissionFloor }) || gaps.some(({ news }) => isEligible(startTime, news));
