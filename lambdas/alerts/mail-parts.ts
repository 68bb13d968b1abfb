/** Distributes the lines about the tasks over as few mails as SNS allows. Pure. */
import type { FailedTask, FailureGroup } from './failed-task';
import { logsLink, type PollerLogs } from './logs-link';
import { loggedAs } from './mail-end';
import { byteLength, field, indent } from './text';

/** SNS accepts 262,144 bytes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const maxBytes = 250_000;
/** A link has about 350 characters. A batch nearly always comes from one or two runs. */
const maxRunsLinked = 50;

/** The lines of one task, and the heading that must precede them in the same mail. */
export interface Item {
  readonly task: FailedTask;
  readonly lines: readonly string[];
  readonly group: FailureGroup;
  readonly heading: readonly string[];
}

interface Part {
  readonly lines: string[];
  readonly tasks: FailedTask[];
  /** What the log is searched for → link. */
  readonly links: Map<string, string>;
}

/** Fills one mail after the other. An item is far smaller than a mail, so each mail has at least one. */
export function packIntoMails(items: readonly Item[], logs: PollerLogs, frameBytes: number): Part[] {
  const parts: Part[] = [];
  const newPart = () => {
    parts.push({ lines: [], tasks: [], links: new Map() });
    return { part: parts.at(-1) as Part, group: undefined as FailureGroup | undefined, bytes: frameBytes };
  };
  let open = newPart();
  for (const item of items) {
    let added = additions(item, open, logs);
    if (open.part.tasks.length > 0 && open.bytes + added.bytes > maxBytes) {
      open = newPart();
      added = additions(item, open, logs);
    }
    open.part.lines.push(...added.lines);
    open.part.tasks.push(item.task);
    if (added.link !== undefined) open.part.links.set(loggedAs(item.task), added.link);
    open = { part: open.part, group: item.group, bytes: open.bytes + added.bytes };
  }
  return parts;
}

/** What an item adds to a mail: its lines, its heading unless already there, and the link of its run. */
function additions(
  { task, group, heading, lines }: Item,
  open: { part: Part; group?: FailureGroup | undefined },
  logs: PollerLogs,
) {
  const all = [...(open.group === group ? [] : heading), ...lines];
  const { links } = open.part;
  const logged = loggedAs(task);
  const link = links.has(logged) || links.size >= maxRunsLinked ? undefined : logsLink(logs, task);
  const linkBytes = link === undefined ? 0 : byteLength(`${field(logged)}\n${indent}${link}\n`);
  return { lines: all, link, bytes: byteLength(`${all.join('\n')}\n`) + linkBytes };
}
