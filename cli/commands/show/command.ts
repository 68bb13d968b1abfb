/** `show TASK`: all that is known of one task. */
import { detailTypeOf, eventId } from '../../../lambdas/poller/core/build-event';
import { isTerminal } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { reasonCategory } from '../../../lambdas/reason-categories';
import { reasonText } from '../../../lambdas/reason-codes';
import { formatSource } from '../../../lambdas/source-id';
import { examples, type Register } from '../../lib/command';
import { UsageError } from '../../lib/command-line';
import { CommandFailure } from '../../lib/context';
import type { DeployedSource } from '../../lib/deployment';
import { rowAsJson } from '../../lib/row-json';
import { isStalledIn } from '../../lib/source-status';
import { theOnly } from '../../lib/sources';
import { openTable, type TableReader } from '../../lib/table';
import { counted, duration, inLine, relative, utc, utcAndAge } from '../../lib/words';

interface Known {
  readonly source: DeployedSource;
  readonly row: TaskRow;
  readonly stalled: boolean;
}

export const register: Register = (program, run) => {
  program
    .command('show')
    .summary('show everything that the poller knows about one task')
    .description(
      'Shows everything that the poller knows about one task: what it saw and when, what it published, and what it will do next.',
    )
    .argument('<TASK>', 'id or ARN of the task')
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- show task-dpf02ig3g2uui',
        'npm run --silent tasks -- show task-dpf02ig3g2uui --json | jq .events',
      ),
    )
    .action(
      run(async (context, _options, [given = '']) => {
        const { sources, now, json, print, global } = context;
        const taskId = given.slice(given.lastIndexOf('/') + 1).trim();
        if (!/^task-[0-9a-z]+$/.test(taskId))
          throw new UsageError(
            `${given || 'That'} is no task id: task- and 13 of 0-9a-z, or an ARN that ends with it.`,
          );
        const all = await sources();
        const known = (
          await Promise.all(all.map(source => look(source, openTable(source, context), taskId, now())))
        ).flat();
        if (known.length === 0)
          throw new CommandFailure(
            `The poller of the stack ${global.stack} does not know ${taskId}: it ended before the first poll or is forgotten after retentionDays, its filters leave it out, or the id is wrong.`,
          );
        const [one, ...others] = known as [Known, ...Known[]];
        if (others.length > 0) theOnly(known.map(({ source }) => source));
        print(json ? JSON.stringify(asJson(one), null, 2) : asText(one, now()));
        return 0;
      }),
    );
};

async function look(source: DeployedSource, table: TableReader, taskId: string, now: number): Promise<Known[]> {
  const row = (await table.rowsOf([taskId])).get(taskId);
  if (!row) return [];
  const checkpoint = await table.checkpoint();
  return [{ source, row, stalled: isStalledIn(source, checkpoint?.emitSince, row, now) }];
}

/** The events that were published of it. */
const publishedEvents = ({ source: { settings }, row }: Known) =>
  [...row.publishedStatuses].filter(isTerminal).map(status => ({
    detailType: detailTypeOf({ settled: true, status }),
    status,
    eventId: eventId(settings.catalog, settings.taskFamily, row.taskId, status),
  }));

const asJson = (known: Known) => ({
  ...rowAsJson(known.source, known.row),
  stalled: known.stalled,
  events: publishedEvents(known),
});

function asText(known: Known, now: number): string {
  const { source, row, stalled } = known;
  const when = (at: number | undefined) => (at ? utcAndAge(at, now) : undefined);
  const reason = row.reasonCode === undefined ? undefined : reasonText(row.reasonCode);
  const lines: [string, string | undefined][] = [
    ['Source', formatSource(source.id)],
    ['ARN', row.taskArn],
    ['Started', when(row.startTime) ?? 'unknown'],
    [
      'Stalled',
      stalled
        ? `running for ${duration(now - (row.startTime ?? now))}, longer than ${source.settings.stalledAfterMinutes} minutes`
        : undefined,
    ],
    ['First seen', when(row.firstSeenAt)],
    ['Last change', when(row.lastSeenAt)],
    ['Ended', ended(row, now)],
    ['Before that', row.previousStatus],
    ['Reason', row.reasonCode && `${row.reasonCode} (${reasonCategory(row.reasonCode)})`],
    ['Message', row.message && `${row.message}${row.messageTruncated ? ' …' : ''}`],
    ['It means', reason?.meaning],
    ['What to do', reason?.action],
    ['Opportunity', row.opportunityId],
    ['Snapshot job', row.resourceSnapshotJobId],
    ['Engagement', row.engagementId],
    ['Invitation', row.engagementInvitationId],
    ['Context', row.contextId],
    ['Published', published(known)],
    ...publishedEvents(known).map((event): [string, string] => ['Event', `${event.detailType} ${event.eventId}`]),
    ['Stall reported', when(row.stalledAt)],
    ['Attempts', row.publishAttempts ? counted(row.publishAttempts, 'attempt') : undefined],
    ['Last error', row.lastError],
    [
      'Not listed',
      row.misses
        ? `${counted(row.misses, 'time')}, first ${row.firstMissedAt ? relative(row.firstMissedAt, now) : ''}${row.missing ? ': missing' : ''}`
        : undefined,
    ],
    ['Next check', nextCheck(row, now)],
    ['Forgotten', row.expiresAt ? `${utcAndAge(row.expiresAt, now)}, or some time after` : undefined],
  ];
  const text = lines.flatMap(([name, value]) => (value ? [`  ${name.padEnd(16)}${inLine(value)}`] : []));
  return [inLine(`${row.taskId}  ${row.status}`), ...text].join('\n');
}

/** Partner Central doesn't say when a task ended. */
function ended({ status, firstTerminalAt, detectedAfter }: TaskRow, now: number): string | undefined {
  if (!isTerminal(status) || firstTerminalAt === undefined) return undefined;
  const upTo = `${utc(firstTerminalAt)}, ${relative(firstTerminalAt, now)}`;
  return detectedAfter === undefined ? `by ${upTo}` : `between ${utc(detectedAfter)} and ${upTo}`;
}

function published({ source, row }: Known): string {
  const done = [...row.publishedStatuses].join(' and ');
  const shadow = source.settings.shadow ? ' (the poller is a shadow now, which only logs)' : '';
  if (row.settled) return `${done || 'nothing'}${shadow}`;
  if (!isTerminal(row.status)) return done ? `${done}; it was reopened since` : 'nothing yet, for it has not ended';
  return `${done ? `${done}, but ` : ''}not yet ${row.status}`;
}

function nextCheck({ settled, nextCheckAt = 0 }: TaskRow, now: number): string {
  if (settled) return 'none: it is done with, and looked at again only where a sweep or an audit lists it';
  return nextCheckAt > now ? utcAndAge(nextCheckAt, now) : 'with the next poll';
}
