/** What has been told so far: the counts of the summary, and what was published. */
import { REPEAT } from '../../lambdas/alerts/failed-task';
import type { DeliveredEvent } from '../services/event-bridge';
import { asJson, type Line, textNarrator } from './narrate';
import type { StartOptions } from './start-options';

/** Such as Sandbox/OpportunityFromEngagement. */
export const sourceOf = ({ detail: { catalog, taskType, sourceName } }: DeliveredEvent) =>
  [catalog, taskType, ...(sourceName === undefined ? [] : [sourceName])].join('/');

const keyOf = (source: string, taskId: string) => `${source} ${taskId}`;

export function openStory(
  { json, keep }: Pick<StartOptions, 'json' | 'keep'>,
  colour: boolean,
  write: (line: string) => void,
) {
  const narrate = json ? asJson : textNarrator({ colour });
  const published = new Set<string>();
  const failedTasks = new Map<string, { source: string; taskId: string }>();
  const counts = { polls: 0, completed: 0, failed: 0, mails: 0, replayed: 0 };

  function tell(line: Line) {
    if (line.type === 'poll') counts.polls += 1;
    if (line.type === 'alert' && line.format === 'mail' && !line.subject.startsWith(REPEAT)) counts.mails += 1;
    if (line.type === 'event') countEvent(line.source, line.event);
    write(narrate(line, new Date()));
  }

  function countEvent(source: string, { 'detail-type': detailType, detail }: DeliveredEvent) {
    const taskId = String(detail.taskId);
    if (detailType === 'TaskFailed') failedTasks.set(keyOf(source, taskId), { source, taskId });
    if (detail.replayId !== undefined) counts.replayed += 1;
    // That a task stalls is no ending, and one that stalls may still end.
    else if (detailType !== 'TaskStalled') {
      counts[detailType === 'TaskFailed' ? 'failed' : 'completed'] += 1;
      published.add(keyOf(source, taskId));
    }
  }

  return {
    tell,
    /** Whether an event told of this task, not counting replays. */
    isPublished: (source: string, taskId: string) => published.has(keyOf(source, taskId)),
    /** Sources of the failed tasks that a message is about. */
    sourcesIn(message: string): string[] {
      const named = [...failedTasks.values()].filter(({ taskId }) => message.includes(taskId));
      return [...new Set(named.map(({ source }) => source))].sort();
    },
    end(tasksEnded: number) {
      const events = counts.completed + counts.failed;
      tell({ type: 'summary', tasksEnded, events, ...counts, ...(keep !== undefined && { keep }) });
    },
  };
}
