/** Stores the task token, and announces the task, so that the poller polls immediately. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { taskStartedEntry } from 'partner-central-task-poller/events';
import { remember, resume } from './waiting';

const events = new EventBridgeClient({});

interface Input {
  readonly taskId: string;
  readonly taskToken: string;
}

export async function handler({ taskId, taskToken }: Input): Promise<void> {
  const { outcome } = await remember(taskId, ['taskToken', taskToken]);
  if (outcome) return resume(taskToken, outcome); // the event arrived first
  const task = { catalog: process.env.CATALOG, taskType: 'OpportunityFromEngagement', taskId };
  const entry = taskStartedEntry(task, { eventBusName: process.env.TASK_BUS as string });
  try {
    const { Entries: [{ ErrorCode } = {}] = [] } = await events.send(new PutEventsCommand({ Entries: [entry] }));
    if (ErrorCode) throw new Error(ErrorCode);
  } catch (error) {
    // Don't fail: without the announcement, the next scheduled poll sees the task.
    console.error(JSON.stringify({ message: 'The task was not announced', taskId, error: String(error) }));
  }
}
