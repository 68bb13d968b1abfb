/** Resumes the execution that waits for a task. After an error, Lambda retries twice and then puts the event into a queue. */
import { parseTaskEvent, TASK_STALLED } from 'partner-central-task-poller/events';
import { remember, resume } from './waiting';

export async function handler(given: unknown): Promise<void> {
  const event = parseTaskEvent(given);
  if (event['detail-type'] === TASK_STALLED) throw new Error('The rule should not send TaskStalled: it is no outcome.');
  const { taskId, taskStatus, reasonCode, reasonCategory, opportunityId, resourceSnapshotJobId } = event.detail;
  const outcome = { taskId, taskStatus, reasonCode, reasonCategory, opportunityId, resourceSnapshotJobId };
  // No execution waits for the task, or not yet: the event may arrive before the task token.
  const { taskToken } = await remember(taskId, ['outcome', outcome]);
  if (taskToken !== undefined) await resume(taskToken, outcome);
}
