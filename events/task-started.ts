import * as v from 'valibot';
import { DEFAULT_STARTER_SOURCE, TASK_STARTED } from '../lambdas/event-names';
import { taskStartedSchema } from '../lambdas/task-event';
import type { TaskStartedDetail } from './task-events';

export interface TaskStartedOptions {
  /** Name of the poller's event bus, or its ARN when it is in another account. */
  readonly eventBusName: string;
  /** Source of the event. Default: `partnercentral.task-starter`. */
  readonly source?: string;
}

/** An entry of a PutEvents request. */
export interface TaskStartedEntry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: typeof TASK_STARTED;
  /** JSON */
  readonly Detail: string;
}

/**
 * Builds the entry that announces a task that you have started, so that the poller looks at once.
 *
 * @example
 * const { TaskId } = await partnerCentral.send(new StartOpportunityFromEngagementTaskCommand(request));
 * const started = { catalog: 'AWS', taskType: 'OpportunityFromEngagement', taskId: TaskId };
 * await eventBridge.send(new PutEventsCommand({ Entries: [taskStartedEntry(started, { eventBusName })] }));
 *
 * @param task taskType is the operation that started it, without `Start` and `Task`
 * @throws TypeError naming each field that is missing or empty
 */
export function taskStartedEntry(
  task: { readonly [K in keyof TaskStartedDetail]: string | undefined },
  { eventBusName, source = DEFAULT_STARTER_SOURCE }: TaskStartedOptions,
): TaskStartedEntry {
  const { success, output, issues } = v.safeParse(taskStartedSchema, task);
  if (success)
    return { EventBusName: eventBusName, Source: source, DetailType: TASK_STARTED, Detail: JSON.stringify(output) };
  const problems = issues.map(issue => `${v.getDotPath(issue)}: got ${JSON.stringify(issue.input) ?? 'nothing'}`);
  throw new TypeError(`TaskStarted: ${problems.join('; ')}; allowed: non-empty text`);
}
