import type { FailedTask } from './failed-task';

/** Where the pollers write their logs. */
export interface PollerLogs {
  readonly region: string;
  /** By source, which is `catalog#taskType`. */
  readonly groups: readonly [LogGroupOf, ...LogGroupOf[]];
}
type LogGroupOf = readonly [source: string, group: string];

/** A run writes its line at its end, and takes at most Lambda's 15 minutes. */
const longestRunMs = 15 * 60_000;

/**
 * Link to what one run of the poller logged, in the CloudWatch console, at the time of the failure and of its event.
 *
 * The console's format is not documented. As seen in the address bar: the name of the log group and the
 * values of the query are percent-encoded twice, the query's own characters once, and each % is then written as $.
 */
export function logsLink({ region, groups }: PollerLogs, task: FailedTask): string {
  // An event can wait in the queue for days after its source was removed: any other group still opens the console.
  const [, group] = groups.find(([source]) => source === `${task.catalog}#${task.taskType}`) ?? groups[0];
  // A run id has 36 characters; part of a longer one finds it too, and keeps the link short.
  const query = [`filterPattern=${encoded(`"${task.runId.slice(0, 100)}"`)}`, ...period(task)].join('&');
  const place = `log-groups/log-group/${dollars(encoded(encoded(group)))}/log-events${dollars(encoded(`?${query}`))}`;
  return `https://console.aws.amazon.com/cloudwatch/home?region=${encoded(region)}#logsV2:${place}`;
}

function period({ detectedBefore, publishedAt = detectedBefore }: FailedTask): string[] {
  const moments = [Date.parse(detectedBefore), Date.parse(publishedAt)].filter(at => !Number.isNaN(at));
  if (moments.length === 0) return [];
  return [`start=${Math.min(...moments) - longestRunMs}`, `end=${Math.max(...moments) + longestRunMs}`];
}

/** Also what encodeURIComponent leaves as it is and a mail program or a chat may take for the end of the link. Broken text has no encoding. */
const encoded = (text: string) =>
  encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(
    /[!'()*~]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const dollars = (text: string) => text.replaceAll('%', '$');
