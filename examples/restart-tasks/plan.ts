/** Decides what to do about a failed task: start it again, give up, or nothing. Pure. */
import type { TaskFailedDetail } from 'partner-central-task-poller/events';
import { type StartRequest, startRequest, workOf } from './start-request';

/** Where trying again helps. */
export const restartedCategories = ['throttling', 'internal', 'conflict'] as const;

/** Conflicts with what may be there already. Starting again could make it twice, so somebody has to look first. */
const lookFirst = [
  'OpportunityConflict',
  'EngagementInvitationConflict',
  'ResourceSnapshotConflict',
  'ResourceSnapshotJobConflict',
];

/** Families whose tasks create an opportunity. */
const creators = ['OpportunityFromEngagement', 'EngagementByAcceptingInvitation'];

/** 1 minute, then 5, 25, 125 … */
const pauseBefore = (attempt: number) => 60 * 5 ** (attempt - 1);

/** Failures are counted together until there was none for so long. */
const forgetAfterSeconds = 7 * 24 * 60 * 60;

/** One failure that was handled. */
export interface Handled {
  readonly eventId: string;
  /** The execution that handled it, and may handle it again after a lost answer. */
  readonly execution: string;
  readonly isRestarted: boolean;
}

/** What is remembered of one piece of work: the failures of all tasks that were started for it. */
export interface History {
  readonly handled: readonly Handled[];
  readonly expiration: number;
}

export type Plan =
  | {
      readonly kind: 'restart';
      /** Counted from 1. */
      readonly attempt: number;
      readonly pauseSeconds: number;
      readonly request: StartRequest;
    }
  | { readonly kind: 'giveUp'; readonly why: string }
  | { readonly kind: 'ignore'; readonly why: string };

export interface Limits {
  readonly maxRestarts: number;
  /** For engagements from opportunities: the event doesn't say what the first task was started with. */
  readonly involvementType?: string | undefined;
}

/**
 * @param known what the table has; it may have expired
 * @returns the plan, and what to remember before it is carried out; nothing if that is known already
 */
export function planRestart(
  failure: TaskFailedDetail,
  known: History | undefined,
  execution: string,
  nowSeconds: number,
  limits: Limits,
): { readonly plan: Plan; readonly remember?: History } {
  const before = known && known.expiration > nowSeconds ? known.handled : [];
  const at = before.findIndex(({ eventId }) => eventId === failure.eventId);
  if (at >= 0 && before[at]?.execution !== execution)
    return { plan: { kind: 'ignore', why: 'another execution handles this event' } };
  const earlier = at >= 0 ? before.slice(0, at) : before;
  const plan = decide(failure, earlier.filter(({ isRestarted }) => isRestarted).length, limits);
  if (at >= 0 || plan.kind === 'ignore') return { plan };
  const now = { eventId: failure.eventId, execution, isRestarted: plan.kind === 'restart' };
  return { plan, remember: { handled: [...before, now], expiration: nowSeconds + forgetAfterSeconds } };
}

function decide(failure: TaskFailedDetail, restarts: number, { maxRestarts, involvementType }: Limits): Plan {
  const { taskType, reasonCode, reasonCategory, opportunityId, replayId } = failure;
  if (replayId !== undefined) return { kind: 'ignore', why: 'a replay is no new failure' };
  if (!(restartedCategories as readonly (string | undefined)[]).includes(reasonCategory))
    return {
      kind: 'ignore',
      why: `trying again does not help with ${reasonCategory ?? 'a failure without a category'}`,
    };
  const giveUp = (why: string): Plan => ({ kind: 'giveUp', why });
  if (reasonCode !== undefined && lookFirst.includes(reasonCode))
    return giveUp(`${reasonCode}: what the task was to create may exist already`);
  if (creators.includes(taskType) && opportunityId !== undefined)
    return giveUp(
      `the task created ${opportunityId} before it failed; another start could create a second opportunity`,
    );
  const request = startRequest(failure, involvementType);
  if (request === undefined) return giveUp(`the event lacks what Start${taskType}Task needs`);
  const attempt = restarts + 1;
  if (attempt > maxRestarts) return giveUp(`${workOf(failure)} was started again ${times(restarts)}, and failed again`);
  return { kind: 'restart', attempt, pauseSeconds: pauseBefore(attempt), request };
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);
