/** `list`: the tasks that the snapshot knows, newest first. */

import { InvalidArgumentError } from 'commander';
import { isTerminal } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { reasonCategory } from '../../../lambdas/reason-categories';
import { formatSource } from '../../../lambdas/source-id';
import { type CommandContext, examples, type Register } from '../../lib/command';
import { UsageError } from '../../lib/command-line';
import type { DeployedSource } from '../../lib/deployment';
import { momentsAllowed, readMoment } from '../../lib/instants';
import { rowAsJson } from '../../lib/row-json';
import { isStalledIn } from '../../lib/source-status';
import { openTable } from '../../lib/table';
import { duration, table, utc } from '../../lib/words';
import { idIn, openSeen } from './seen';

interface Options {
  readonly status?: readonly string[];
  readonly reason?: readonly string[];
  readonly engagement?: string;
  readonly opportunity?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
}

interface Found {
  readonly source: DeployedSource;
  readonly row: TaskRow;
  readonly stalled: boolean;
}

export const register: Register = (program, run) => {
  program
    .command('list')
    .summary('list the tasks that the poller knows, newest first')
    .description(
      'Lists the tasks that the poller knows, newest first. It does not know tasks that ended before its first poll.',
    )
    .option('--status <STATUS>', 'FAILED, COMPLETE or IN_PROGRESS; separate several with commas', words)
    .option('--reason <REASON>', 'reason code or category, such as access; separate several with commas', words)
    .option('--engagement <ID>', 'only tasks of this engagement; its id or ARN', idIn)
    .option('--opportunity <ID>', 'only tasks of this opportunity; its id or ARN', idIn)
    .option('--since <T>', 'only tasks that started at or after this moment', given => readMoment(given))
    .option('--until <T>', 'only tasks that started before this moment', given => readMoment(given))
    .option('--limit <N>', 'maximum number of tasks', limit, 50)
    .addHelpText('after', `\nA moment is ${momentsAllowed}.`)
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- list --status FAILED --since 24h',
        'npm run tasks -- list --reason access,validation --since 2026-11-01 --until 2026-11-08',
        "npm run --silent tasks -- list --status FAILED --limit 1000 --json | jq -r '.[].taskId'",
      ),
    )
    .action(
      run<Options>(async (context, options) => {
        const { sources, now, json, print, note, lineWidth } = context;
        if ((options.since ?? Number.NEGATIVE_INFINITY) >= (options.until ?? Number.POSITIVE_INFINITY))
          throw new UsageError('--since has to be before --until.');
        const all = await sources();
        const { found, matching, read, unknown } = await newest(all, options, context);
        if (json)
          print(
            JSON.stringify(
              found.map(({ source, row, stalled }) => ({ ...rowAsJson(source, row), stalled })),
              null,
              2,
            ),
          );
        else for (const line of asTable(found, all.length > 1, now(), lineWidth)) print(line);
        if (matching > found.length)
          note(`${(matching - found.length).toLocaleString('en-US')} more; --limit N shows more of them.`);
        else if (matching === 0 && !json)
          note(read === 0 ? 'The poller knows no task yet.' : `None of ${read.toLocaleString('en-US')} tasks.`);
        if (read > 0) for (const line of unknown) note(line);
        return 0;
      }),
    );
};

const words = (given: string) => given.split(',').map(word => word.trim().toLowerCase());

function limit(given: string): number {
  if (/^[1-9]\d{0,6}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('Allowed: a whole number from 1 to 9999999.');
}

/** All rows have to be read, for they lie in the order of their ids; what is kept is bounded. */
async function newest(sources: readonly DeployedSource[], options: Options, context: CommandContext) {
  let found: Found[] = [];
  let [matching, read] = [0, 0];
  const seen = openSeen();
  for (const source of sources) {
    const snapshot = openTable(source, context);
    const checkpoint = await snapshot.checkpoint();
    for await (const rows of snapshot.allRows()) {
      read += rows.length;
      for (const row of rows) {
        seen.add(row);
        if (!matches(row, options)) continue;
        matching += 1;
        found.push({ source, row, stalled: isStalledIn(source, checkpoint?.emitSince, row, context.now()) });
      }
      if (found.length > 10_000 + 2 * options.limit) found = cut(found, options.limit);
      context.progress(`Read ${read.toLocaleString('en-US')} tasks, ${matching.toLocaleString('en-US')} of them match`);
    }
  }
  return { found: cut(found, options.limit), matching, read, unknown: seen.unknownIn(options) };
}

const startOf = ({ startTime, firstSeenAt }: TaskRow) => startTime ?? firstSeenAt;

const cut = (found: readonly Found[], most: number) =>
  found.toSorted((a, b) => startOf(b.row) - startOf(a.row) || (a.row.taskId < b.row.taskId ? -1 : 1)).slice(0, most);

function matches(row: TaskRow, { status, reason, engagement, opportunity, since, until }: Options): boolean {
  const { reasonCode } = row;
  if (status && !status.includes(row.status.toLowerCase())) return false;
  if (reason) {
    if (reasonCode === undefined) return false;
    if (!reason.includes(reasonCode.toLowerCase()) && !reason.includes(reasonCategory(reasonCode))) return false;
  }
  if (engagement && row.engagementId !== engagement) return false;
  if (opportunity && row.opportunityId !== opportunity) return false;
  return startOf(row) >= (since ?? 0) && startOf(row) < (until ?? Number.POSITIVE_INFINITY);
}

function asTable(found: readonly Found[], severalSources: boolean, now: number, lineWidth: number): string[] {
  if (found.length === 0) return [];
  const header = ['TASK', 'SOURCE', 'STATUS', 'STARTED (UTC)', 'SEEN ENDED', 'REASON', 'OPPORTUNITY'];
  const minute = (at: number) => utc(at).slice(0, 16);
  const rows = found.map(one => {
    const { row, source } = one;
    const ended = isTerminal(row.status) ? row.firstTerminalAt : undefined;
    return [
      row.taskId,
      severalSources ? formatSource(source.id) : '',
      row.status,
      row.startTime === undefined ? '?' : minute(row.startTime),
      ended === undefined ? '' : minute(ended),
      said(one, now),
      row.opportunityId ?? '',
    ];
  });
  return table(header, rows, lineWidth);
}

/** The reason, and what else there is to know at a glance. */
function said({ row, stalled }: Found, now: number): string {
  const remark = [
    stalled && `stalled, for ${duration(now - (row.startTime ?? now))}`,
    row.missing && 'missing',
    !row.settled && isTerminal(row.status) && 'unpublished',
  ].filter(Boolean);
  return [row.reasonCode, remark.length > 0 && `(${remark.join(', ')})`].filter(Boolean).join(' ');
}
