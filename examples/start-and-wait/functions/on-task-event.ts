/** Lets the execution that waits for a task go on. What it throws, Lambda tries twice more and then puts into a queue. */
import { parseTaskEvent, TASK_STALLED } from 'partner-central-task-poller/events';
import { remember, resume } from './waiting';

export async function handler(given: unknown): Promise<void> {
  const event = parseTaskEvent(given);
  if (event['detail-type'] === TASK_STALLED) throw new Error('The rule should not send TaskStalled: it is no outcome.');
  const { taskId, taskStatus, reasonCode, reasonCategory, opportunityId, resourceSnapshotJobId } = event.detail;
  const outcome = { taskId, taskStatus, reasonCode, reasonCategory, opportunityId, resourceSnapshotJobId };
  // Nobody waits for it if somebody else started it. Or not yet: the event may be faster than the task token.
  const { taskToken } = await remember(taskId, ['outcome', outcome]);
  if (taskToken !== undefined) await resume(taskToken, outcome);
}
