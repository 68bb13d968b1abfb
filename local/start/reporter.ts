/** Prints the lines, and keeps the counts of the summary and the published tasks. */
import { REPEAT } from '../../lambdas/alerts/failed-task';
import type { DeliveredEvent } from '../services/event-bridge';
import { formatJson, type Line, textFormatter } from './format-line';
import type { StartOptions } from './start-options';

/** Such as Sandbox/OpportunityFromEngagement. */
export const sourceOf = ({ detail: { catalog, taskType, sourceName } }: DeliveredEvent) =>
  [catalog, taskType, ...(sourceName === undefined ? [] : [sourceName])].join('/');

const keyOf = (source: string, taskId: string) => `${source} ${taskId}`;

export function openReporter(
  { json, keep }: Pick<StartOptions, 'json' | 'keep'>,
  colour: boolean,
  write: (line: string) => void,
) {
  const formatLine = json ? formatJson : textFormatter({ colour });
  const published = new Set<string>();
  const failedTasks = new Map<string, { source: string; taskId: string }>();
  const counts = { polls: 0, completed: 0, failed: 0, mails: 0, replayed: 0 };

  function report(line: Line) {
    if (line.type === 'poll') counts.polls += 1;
    if (line.type === 'alert' && line.format === 'mail' && !line.subject.startsWith(REPEAT)) counts.mails += 1;
    if (line.type === 'event') countEvent(line.source, line.event);
    write(formatLine(line, new Date()));
  }

  function countEvent(source: string, { 'detail-type': detailType, detail }: DeliveredEvent) {
    const taskId = String(detail.taskId);
    if (detailType === 'TaskFailed') failedTasks.set(keyOf(source, taskId), { source, taskId });
    if (detail.replayId !== undefined) counts.replayed += 1;
    // A stalled task has not finished and may still do so.
    else if (detailType !== 'TaskStalled') {
      counts[detailType === 'TaskFailed' ? 'failed' : 'completed'] += 1;
      published.add(keyOf(source, taskId));
    }
  }

  return {
    report,
    /** Whether an event of the task was published, not counting replays. */
    isPublished: (source: string, taskId: string) => published.has(keyOf(source, taskId)),
    /** Sources of the failed tasks in a message. */
    sourcesIn(message: string): string[] {
      const named = [...failedTasks.values()].filter(({ taskId }) => message.includes(taskId));
      return [...new Set(named.map(({ source }) => source))].sort();
    },
    end(tasksEnded: number) {
      const events = counts.completed + counts.failed;
      report({ type: 'summary', tasksEnded, events, ...counts, ...(keep !== undefined && { keep }) });
    },
  };
}
