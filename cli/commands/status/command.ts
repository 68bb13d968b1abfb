/** `status`: how things stand, source by source. */

import type { Gap } from '../../../lambdas/poller/core/checkpoint';
import { withoutAbsent } from '../../../lambdas/poller/core/task';
import type { TaskRow } from '../../../lambdas/poller/core/task-row';
import { formatSource } from '../../../lambdas/source-id';
import { examples, type Register } from '../../lib/command';
import type { DeployedSource } from '../../lib/deployment';
import { rowAsJson } from '../../lib/row-json';
import { clockInWords, readStatus, type SourceStatus } from '../../lib/source-status';
import { openTable } from '../../lib/table';
import { counted, duration, inLine, iso, relative, utc, utcAndAge } from '../../lib/words';

export const register: Register = (program, run) => {
  program
    .command('status')
    .summary('show the last complete poll, backlog, running tasks, unpublished events')
    .description(
      'Shows for each source when the last poll was complete, which tasks run, and what is stalled, quarantined or not yet published.',
    )
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- status',
        'npm run tasks -- status --stack PartnerTasksProd --profile prod --region eu-central-1',
        "npm run --silent tasks -- status --json | jq '.sources[].lastSuccessAt'",
      ),
    )
    .action(
      run(async context => {
        const { sources, now, json, print, global } = context;
        const look = async (source: DeployedSource) => readStatus(source, openTable(source, context), now());
        const all = await Promise.all((await sources()).map(look));
        if (json) print(JSON.stringify({ stack: global.stack, sources: all.map(asJson) }, null, 2));
        else print(all.map(status => asText(status, now())).join('\n\n'));
        return 0;
      }),
    );
};

function asText(status: SourceStatus, now: number): string {
  const { source, checkpoint, lease, late, running, unpublished, missing, clockOffsetSeconds } = status;
  const { settings } = source;
  const stalled = running.filter(one => one.stalled).length;
  const lines: [string, string][] = [
    ['Last success', lastSuccess(checkpoint?.lastSuccessAt, late, settings.pollEveryMinutes, now)],
    ['Lease', lease ? `held by run ${lease.owner} for ${duration(lease.expiresAt - now)} more` : 'free'],
    ['Watermark', checkpoint?.watermark !== undefined ? utcAndAge(checkpoint.watermark, now) : 'none yet'],
    [
      'Publishing since',
      checkpoint?.emitSince !== undefined
        ? utcAndAge(checkpoint.emitSince, now)
        : 'the first poll, which is still to come',
    ],
    ['Backlog', backlog(checkpoint?.gaps ?? [], now)],
    ['Audit', audit(status, now)],
    ...(clockOffsetSeconds === undefined ? [] : [['Clock', clockInWords(clockOffsetSeconds)] as [string, string]]),
    [
      'Running',
      `${running.length}${stalled ? `, of them ${stalled} for longer than ${settings.stalledAfterMinutes} minutes` : ''}`,
    ],
    ...some(running, ({ row, stalled }) => runningLine(row, stalled, now)),
    ['Unpublished', String(unpublished.length)],
    ...some(unpublished, row => unpublishedLine(row, now)),
    ['Missing', String(missing.length)],
    ...some(missing, row => missingLine(row, now)),
  ];
  if (settings.shadow) lines.unshift(['Shadow', 'nothing is published, only logged']);
  const text = lines.map(([name, value]) => (name ? `  ${name.padEnd(18)}${value}` : `    ${inLine(value)}`));
  return [formatSource(source.id), ...text].join('\n');
}

const shown = 10;

/** The first of a group, indented, and how many more there are. */
function some<T>(group: readonly T[], line: (one: T) => string): [string, string][] {
  const lines = group.slice(0, shown).map((one): [string, string] => ['', line(one)]);
  return group.length > shown ? [...lines, ['', `and ${counted(group.length - shown, 'more', 'more')}`]] : lines;
}

function lastSuccess(at: number | undefined, late: boolean, pollEveryMinutes: number, now: number): string {
  if (at === undefined) return 'never: no poll has been complete so far';
  const expected = `, LATE: a poll is due every ${pollEveryMinutes === 1 ? 'minute' : `${pollEveryMinutes} minutes`}; see npm run tasks -- doctor`;
  return `${relative(at, now)} (${utc(at)})${late ? expected : ''}`;
}

function backlog(gaps: readonly Gap[], now: number): string {
  if (gaps.length === 0) return 'none';
  const each = gaps.map(({ floor, reached, driftBefore, lookBack, restarts, failures }) => {
    const what = lookBack ? 'look back' : driftBefore === undefined ? 'gap' : 'audit';
    const from = reached === undefined ? 'the top' : utc(reached);
    const failed = (restarts ?? 0) + (failures ?? 0);
    return `${what} from ${from} down to ${utc(floor)}, ${relative(floor, now)}${failed ? `, ${counted(failed, 'failure')} in a row` : ''}`;
  });
  return `${counted(gaps.length, 'part')} of the list to go: ${each.join('; ')}`;
}

function audit({ audit: { requestedAt, finishedAt, waits, atWork, overdue } }: SourceStatus, now: number): string {
  const last = finishedAt === undefined ? 'none has finished so far' : `the last finished ${relative(finishedAt, now)}`;
  const pending = [
    atWork && 'one is at work',
    waits &&
      !atWork &&
      requestedAt !== undefined &&
      `one was asked for ${relative(requestedAt, now)} and begins with the next poll`,
    overdue && 'OVERDUE',
  ];
  return [last, ...pending.filter(Boolean)].join(', ');
}

const forHowLong = ({ startTime }: TaskRow, now: number) =>
  startTime === undefined ? 'since an unknown moment' : `for ${duration(now - startTime)}`;

const error = ({ lastError }: TaskRow) => (lastError === undefined ? '' : `, quarantined: ${lastError}`);

const runningLine = (row: TaskRow, stalled: boolean, now: number) =>
  `${row.taskId}  ${row.status} ${forHowLong(row, now)}${stalled ? ', stalled' : ''}${error(row)}`;

function unpublishedLine(row: TaskRow, now: number): string {
  const attempts = row.publishAttempts ? `, ${counted(row.publishAttempts, 'attempt')}` : '';
  return `${row.taskId}  ${row.status}${attempts}${row.lastError ? `, refused: ${row.lastError}` : ''}, next ${nextCheck(row, now)}`;
}

const missingLine = (row: TaskRow, now: number) =>
  `${row.taskId}  last ${row.status}, not listed since ${row.firstMissedAt ? relative(row.firstMissedAt, now) : 'a while'}, looked for ${counted(row.misses ?? 0, 'time')}, next ${nextCheck(row, now)}`;

const nextCheck = ({ nextCheckAt }: TaskRow, now: number) =>
  nextCheckAt && nextCheckAt > now ? relative(nextCheckAt, now) : 'with the next poll';

function asJson(status: SourceStatus) {
  const { source, checkpoint, lease, late, running, unpublished, missing, clockOffsetSeconds } = status;
  const { waits: _, ...audit } = status.audit;
  const row = (one: TaskRow) => rowAsJson(source, one);
  return withoutAbsent({
    source: formatSource(source.id),
    catalog: source.settings.catalog,
    taskFamily: source.settings.taskFamily,
    sourceName: source.settings.name,
    functionName: source.functionName,
    tableName: source.tableName,
    eventBusName: source.eventBusName,
    shadow: source.settings.shadow || undefined,
    lastSuccessAt: iso(checkpoint?.lastSuccessAt),
    late,
    lease: lease && { owner: lease.owner, expiresAt: iso(lease.expiresAt) },
    watermark: iso(checkpoint?.watermark),
    emitSince: iso(checkpoint?.emitSince),
    clockOffsetSeconds,
    gaps: (checkpoint?.gaps ?? []).map(({ madeAt, floor, reached, driftBefore, restarts, failures }) =>
      withoutAbsent({
        madeAt: iso(madeAt),
        floor: iso(floor),
        reached: iso(reached),
        audit: driftBefore !== undefined,
        restarts,
        failures,
      }),
    ),
    audit: withoutAbsent({
      ...audit,
      requestedAt: iso(audit.requestedAt),
      finishedAt: iso(audit.finishedAt),
    }),
    running: running.map(one => ({ ...row(one.row), stalled: one.stalled })),
    unpublished: unpublished.map(row),
    missing: missing.map(row),
  });
}
