import { sourceId } from '../source-id';
import type { FailedTask } from './failed-task';

/** Log groups of the pollers. */
export interface PollerLogs {
  readonly region: string;
  /** Id of the source and its log group. */
  readonly groups: readonly [SourceLogGroup, ...SourceLogGroup[]];
}
type SourceLogGroup = readonly [source: string, group: string];

/** Lambda's limit. A run writes its log line at the end. */
const maxRunMs = 15 * 60_000;

/**
 * URL of the CloudWatch console with the log lines of one run, around the time of the failure and of its event. A replay's
 * event does not name the run that saw the failure first: the lines of the task at that time lead to it.
 *
 * The format of these URLs is not documented; this one was observed in the console. The log group name and the query
 * values are percent-encoded twice, the query's own characters once. Then each % is replaced by $.
 */
export function logsLink({ region, groups }: PollerLogs, task: FailedTask): string {
  // The source may be gone: an event can wait in the queue for days. Any other group still opens the right console.
  const id = sourceId({ catalog: task.catalog, taskFamily: task.taskType, name: task.sourceName });
  const [, group] = groups.find(([source]) => source === id) ?? groups[0];
  // A run id has 36 characters. A prefix of a longer one also matches, and keeps the link short.
  const logged = (task.replayId === undefined ? task.runId : task.taskId).slice(0, 100);
  const query = [`filterPattern=${encoded(`"${logged}"`)}`, ...timeRange(task)].join('&');
  const place = `log-groups/log-group/${percentToDollar(encoded(encoded(group)))}/log-events${percentToDollar(encoded(`?${query}`))}`;
  return `https://console.aws.amazon.com/cloudwatch/home?region=${encoded(region)}#logsV2:${place}`;
}

function timeRange({ detectedBefore, publishedAt = detectedBefore, replayId }: FailedTask): string[] {
  const published = replayId === undefined ? publishedAt : detectedBefore;
  const moments = [Date.parse(detectedBefore), Date.parse(published)].filter(at => !Number.isNaN(at));
  if (moments.length === 0) return [];
  return [`start=${Math.min(...moments) - maxRunMs}`, `end=${Math.max(...moments) + maxRunMs}`];
}

/**
 * Also encodes !'()*~, which encodeURIComponent keeps and some mail or chat clients take for the end of the link.
 * Lone surrogates are replaced, because encodeURIComponent throws on them.
 */
const encoded = (text: string) =>
  encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(
    /[!'()*~]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const percentToDollar = (text: string) => text.replaceAll('%', '$');
