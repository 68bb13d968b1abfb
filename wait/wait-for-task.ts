import {
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
} from '@aws-sdk/client-partnercentral-selling';
import { createWaiter, WaiterState } from '@smithy/core/client';
import { reasonTextFor } from '../lambdas/alerts/task-types';
import { isTerminal } from '../lambdas/poller/core/task';
import { RequestRefused, sortFailure, TransientFailure } from '../lambdas/poller/errors';
import { familyOf, type TaskFamily, taskFamilyNames } from '../lambdas/poller/task-families';
import { reasonCategory } from '../lambdas/reason-categories';
import { TaskHasFailed, TaskLookUpFailed, type TaskSummary, TaskTookTooLong } from './task-errors';

/** A `PartnerCentralSellingClient` of any version. Its region has to be us-east-1. */
export interface ListingClient {
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

export interface WaitForTaskOptions {
  /** Partner Central catalog: AWS or Sandbox. */
  readonly catalog: string;
  /** The operation that started the task, without `Start` and `Task`. */
  readonly taskType: TaskFamily;
  /** Id or ARN, as the operation that started the task returned it. */
  readonly taskId: string | undefined;
  /** Seconds to wait at most, as for the SDK's own waiters. Default: 300. */
  readonly maxWaitTime?: number | undefined;
  /** Seconds of the shortest pause. Default: 2. */
  readonly minDelay?: number | undefined;
  /** Seconds of the longest pause. Default: 10. */
  readonly maxDelay?: number | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

interface LookUpRequest {
  readonly Catalog: string;
  readonly TaskIdentifier: string[];
  readonly MaxResults: number;
  readonly NextToken: string | undefined;
}

const commands: Record<TaskFamily, new (request: LookUpRequest) => object> = {
  OpportunityFromEngagement: ListOpportunityFromEngagementTasksCommand,
  EngagementFromOpportunity: ListEngagementFromOpportunityTasksCommand,
  EngagementByAcceptingInvitation: ListEngagementByAcceptingInvitationTasksCommand,
};

/** A look-up of one task needs one page, and a page may be empty and have a token. */
const MOST_PAGES = 10;
const PAGE_SIZE = 100;
/** The last look begins this long before the end. */
const LAST_LOOK_MS = 1_000;

/**
 * Waits for a task that somebody has started: looks it up again and again, with pauses that grow and differ at random. A
 * task that is not listed yet, or has a status that nobody knows, is looked up again. So is one when the service throttles
 * or fails, after the SDK's own retries.
 *
 * After an abort, the process may live on for the rest of a pause.
 *
 * @example
 * const { TaskId: taskId } = await client.send(new StartOpportunityFromEngagementTaskCommand(request));
 * const task = await waitForTask(client, { catalog: 'AWS', taskType: 'OpportunityFromEngagement', taskId });
 * console.log(task.OpportunityId);
 *
 * @returns the task as it is listed, once it is complete
 * @throws TaskHasFailed with reason code, category and what to do
 * @throws TaskTookTooLong when it has not ended within `maxWaitTime`
 * @throws TaskLookUpFailed at once when Partner Central denies or refuses the look-up
 * @throws TypeError naming each option that is missing or wrong
 * @throws the reason of `abortSignal`, when that is aborted
 */
export async function waitForTask(client: ListingClient, options: WaitForTaskOptions): Promise<TaskSummary> {
  const { taskType, maxWaitTime = 300, abortSignal } = options;
  const { minDelay = Math.min(2, maxWaitTime / 2), maxDelay = Math.max(10, minDelay) } = options;
  refuseWrong(options);
  const taskId = lastPart(options.taskId as string);
  abortSignal?.throwIfAborted();

  const endsAt = Date.now() + maxWaitTime * 1_000;
  // A request that hangs must not outlast the time.
  const stopping = new AbortController();
  const { signal } = stopping;
  const stop = () => stopping.abort();
  const timer = setTimeout(stop, maxWaitTime * 1_000);
  abortSignal?.addEventListener('abort', stop, { once: true });
  let task: TaskSummary | undefined;
  let failure: Error | undefined;

  async function look() {
    try {
      task = (await lookUp(client, options, taskId, signal)) ?? task;
      failure = undefined;
    } catch (error) {
      failure = sortFailure(error, familyOf(taskType).operation, advice(options));
      if (!(failure instanceof TransientFailure)) throw lookUpFailed(failure);
    }
    return { state: isTerminal(task?.TaskStatus ?? '') ? WaiterState.SUCCESS : WaiterState.RETRY };
  }

  try {
    const waiter = { client, maxWaitTime, minDelay, maxDelay, abortSignal: signal };
    const { state } = await createWaiter(waiter, undefined, look);
    // It gives up as soon as the next pause would be too long. What ends until the end must not be missed.
    const leftMs = endsAt - LAST_LOOK_MS - Date.now();
    if (state === WaiterState.TIMEOUT && leftMs > 0 && (await pause(leftMs, signal))) await look();
  } finally {
    clearTimeout(timer);
    abortSignal?.removeEventListener('abort', stop);
  }
  if (task?.TaskStatus === 'COMPLETE') return task;
  if (task?.TaskStatus === 'FAILED') throw hasFailed(task, taskType);
  abortSignal?.throwIfAborted();
  throw tookTooLong(task, { taskId, maxWaitTime, failure });
}

/** @returns undefined while it is not listed */
async function lookUp(
  client: ListingClient,
  { catalog, taskType }: WaitForTaskOptions,
  taskId: string,
  abortSignal: AbortSignal,
): Promise<TaskSummary | undefined> {
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const request = { Catalog: catalog, TaskIdentifier: [taskId], MaxResults: PAGE_SIZE, NextToken: token };
    const answer = await client.send(new commands[taskType](request) as never, { abortSignal });
    const { TaskSummaries, NextToken } = answer as { TaskSummaries?: readonly TaskSummary[]; NextToken?: string };
    const listed = TaskSummaries?.find(summary => summary?.TaskId === taskId);
    if (listed) return withoutAbsent(listed);
    if (!NextToken || NextToken === token) return undefined;
    token = NextToken;
  }
  return undefined;
}

/** Real answers have null, "" and the text "null" for absent values. */
const withoutAbsent = (summary: TaskSummary) =>
  Object.fromEntries(
    Object.entries(summary).filter(([, value]) => value != null && value !== '' && value !== 'null'),
  ) as unknown as TaskSummary;

const lastPart = (identifier: string) => identifier.slice(identifier.lastIndexOf('/') + 1).trim();

function hasFailed(task: TaskSummary, taskType: TaskFamily): TaskHasFailed {
  const { ReasonCode: code } = task;
  const { meaning, action } = reasonTextFor(taskType, code);
  return new TaskHasFailed(task, code === undefined ? undefined : reasonCategory(code), meaning, action);
}

interface TooLong {
  readonly taskId: string;
  readonly maxWaitTime: number;
  readonly failure: Error | undefined;
}

function tookTooLong(task: TaskSummary | undefined, { taskId, maxWaitTime, failure }: TooLong): TaskTookTooLong {
  const soFar = task
    ? `is ${task.TaskStatus ?? 'without a status'}`
    : `was not listed${failure ? '' : ': check taskId, catalog and taskType'}`;
  const message = `After ${maxWaitTime} s, task ${taskId} ${soFar}.`;
  if (!failure) return new TaskTookTooLong(message, taskId, task);
  return new TaskTookTooLong(`${message} The last look-up failed: ${failure.message}`, taskId, task, {
    cause: failure,
  });
}

const advice = ({ catalog, taskType }: WaitForTaskOptions) => ({
  denied:
    `Allow the client's role ${familyOf(taskType).actions.join(' and ')} for catalog ${catalog}, and check that its AWS ` +
    'account is the one linked to Partner Central',
  refused: 'Check taskId and catalog',
});

function lookUpFailed(failure: Error): TaskLookUpFailed {
  const message = failure instanceof RequestRefused ? `${failure.message}. ${failure.advice}` : failure.message;
  return new TaskLookUpFailed(message, { cause: failure.cause });
}

/** @throws TypeError naming each option that would make no look-up */
function refuseWrong({ catalog, taskType, taskId }: WaitForTaskOptions): void {
  const problem = (name: string, got: unknown, allowed: string) =>
    `${name}: got ${JSON.stringify(got) ?? 'nothing'}, allowed: ${allowed}`;
  const problems = [
    ...(catalog ? [] : [problem('catalog', catalog, 'AWS or Sandbox')]),
    ...(Object.hasOwn(commands, taskType) ? [] : [problem('taskType', taskType, taskFamilyNames.join(' or '))]),
    ...(taskId ? [] : [problem('taskId', taskId, 'id or ARN of a task')]),
  ];
  if (problems.length > 0) throw new TypeError(`waitForTask: ${problems.join('; ')}`);
}

/** @returns whether it was over before the signal went off */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
