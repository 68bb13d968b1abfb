import { randomBytes } from 'node:crypto';
import { Option } from 'commander';
import { openBudget } from '../../../lambdas/poller/budget';
import { eventId } from '../../../lambdas/poller/core/build-event';
import { isTerminal, type TerminalStatus } from '../../../lambdas/poller/core/task';
import { connectEventBus } from '../../../lambdas/poller/edges/event-bus';
import { connectSnapshotTable } from '../../../lambdas/poller/edges/snapshot-table';
import { type CommandContext, examples, type GlobalOptions, type Register } from '../../lib/command';
import { UsageError, wholeNumber } from '../../lib/command-line';
import { CommandFailure } from '../../lib/context';
import type { DeployedSource } from '../../lib/deployment';
import { momentsAllowed, readMoment } from '../../lib/instants';
import { moment } from '../../lib/plan-words';
import { spoken } from '../../lib/sources';
import { counted } from '../../lib/words';
import { publishAgain, type Replayed } from './replay';
import { beginReplayFile, type Replay, type ReplayProgress, resumeReplayFile } from './replay-file';
import { type Ending, endingOf, findEndings } from './replay-rows';

interface Options {
  readonly task?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly status?: TerminalStatus;
  readonly alerts?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly perSecond: string;
  readonly resume?: string;
  readonly state: string;
}

/** More than this is asked about. */
const MOST_UNASKED = 10;
const DEFAULT_STATE = '.tasks';
const DEFAULT_STACK = 'PartnerCentralTaskPoller';

export const register: Register = (program, run) => {
  program
    .command('replay')
    .summary('publish events again, from what the table remembers')
    .description(
      'Publishes the events of ended tasks again: the same eventId, source, detail type and bus, and a replayId in the ' +
        'detail. The table remembers an ending for as long as retentionDays says, and the first KB of its message. ' +
        'Alerts for people leave replays out, unless --alerts is given.\n\nA replay that was stopped or failed says how ' +
        'to go on with it. Whoever stops it dead may have a batch of ten published twice, with the same eventId. The exit code is 1 as long as any is left.',
    )
    .option('--task <IDS...>', 'these tasks')
    .option('--since <T>', 'what was seen to have ended at or after this moment', given => readMoment(given))
    .option('--until <T>', 'with --since: and before this moment (default: now)', given => readMoment(given))
    .addOption(new Option('--status <STATUS>', 'with --since: only these').choices(['COMPLETE', 'FAILED']))
    .option('--alerts', 'let it alert people once more')
    .option('--dry-run', 'show what it would publish, and publish nothing')
    .option('--yes', `publish more than ${MOST_UNASKED} without asking`)
    .option('--per-second <N>', 'so many events a second', '20')
    .option('--resume <REPLAY>', 'go on with this replay')
    .option('--state <DIR>', 'folder that keeps how far a replay came, while it is not complete', DEFAULT_STATE)
    .addHelpText('after', `\nA moment is ${momentsAllowed}.`)
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- replay --task task-dpf02ig3g2uui',
        'npm run tasks -- replay --since 2026-11-20 --until 2026-11-21 --dry-run',
        'npm run tasks -- replay --since 24h --status FAILED --alerts --yes',
      ),
    )
    .action(run<Options>(replay));
};

async function replay(context: CommandContext, options: Options): Promise<number> {
  const perSecond = wholeNumber('--per-second', options.perSecond, 1, 1_000);
  refuseCombinations(options);
  const source = await context.source();
  if (source.settings.shadow && !options.dryRun)
    throw new CommandFailure(
      `${spoken(source.id)} is in shadow and publishes nothing; deploy it with shadow=false first.`,
    );

  if (options.resume !== undefined) {
    const progress = resumeReplayFile(options.state, options.resume);
    const { replay: given, done } = progress;
    if (given.source !== source.id || given.tableName !== source.tableName)
      throw new CommandFailure(
        `Replay ${given.replayId} is one of ${spoken(given.source)} in table ${given.tableName}; --stack, --region and --source name another.`,
      );
    if (options.dryRun) {
      const left = given.tasks.filter(([taskId]) => !done.has(taskId));
      return show(
        context,
        source,
        left.map(([taskId, status]) => ({ taskId, status })),
      );
    }
    return publish(context, options, source, progress, perSecond);
  }

  const endings = await (options.task
    ? endingsOf(options.task, source, context)
    : endingsSince(options, source, context));
  if (options.dryRun) return show(context, source, endings);
  if (endings.length === 0) {
    if (context.json) context.print(JSON.stringify({ published: 0, refused: [], changed: [] }));
    else context.print('No ending of that period is in the table; nothing was published.');
    return 0;
  }
  if (endings.length > MOST_UNASKED && !options.yes) await ask(context, source, endings, options.alerts ?? false);
  const replayId = newReplayId(context.now());
  const progress = beginReplayFile(options.state, {
    replayId,
    source: source.id,
    tableName: source.tableName,
    alerts: options.alerts ?? false,
    tasks: endings.map(({ taskId, status }) => [taskId, status] as const),
  });
  return publish(context, options, source, progress, perSecond);
}

function refuseCombinations({ task, since, until, status, resume, alerts }: Options): void {
  const selections = [task && '--task', since !== undefined && '--since', resume && '--resume'].filter(Boolean);
  if (selections.length === 0)
    throw new UsageError(
      'Say what to publish again: --task with ids, --since with a moment, or --resume with a replay.',
    );
  if (selections.length > 1) throw new UsageError(`${selections.join(' and ')} exclude each other.`);
  if (since === undefined && until !== undefined) throw new UsageError('--until is for --since.');
  if (since === undefined && status !== undefined) throw new UsageError('--status is for --since.');
  if (resume !== undefined && alerts)
    throw new UsageError('--alerts is decided when a replay begins, not with --resume.');
}

async function endingsSince(
  { since = 0, until, status }: Options,
  source: DeployedSource,
  { now, progress, signal }: CommandContext,
): Promise<Ending[]> {
  const period = { since, until: until ?? now(), status };
  if (period.since >= period.until) throw new UsageError('--since has to be before --until.');
  return findEndings(source, period, rows => progress(`${counted(rows, 'row')} read`), signal);
}

/** @throws CommandFailure saying of every task that can't be published again why not */
async function endingsOf(
  given: readonly string[],
  { id, tableName, settings }: DeployedSource,
  { now }: CommandContext,
): Promise<Ending[]> {
  const taskIds = [...new Set(given.map(task => task.slice(task.lastIndexOf('/') + 1)))];
  const budget = openBudget({ now, deadline: now() + 60_000, listCalls: 0, listCallsPerSecond: 1, events: 0 });
  const { rows } = await connectSnapshotTable(tableName, id, settings.includeMessage).readRows(taskIds, budget);
  budget.close();
  const problems: string[] = [];
  const endings = taskIds.flatMap(taskId => {
    const row = rows.get(taskId);
    const ending = row && endingOf(row);
    if (ending) return [ending];
    if (row === undefined) problems.push(`${taskId} is not in the table of ${spoken(id)}`);
    else if (isTerminal(row.status))
      problems.push(`${taskId} has ended, but its event is still to be published by a poll`);
    else problems.push(`${taskId} has not ended (${row.status})`);
    return [];
  });
  if (problems.length > 0) throw new CommandFailure(`Nothing was published: ${problems.join('; ')}.`);
  return endings;
}

async function ask(context: CommandContext, { id }: DeployedSource, endings: readonly Ending[], alerts: boolean) {
  const failed = endings.filter(({ status }) => status === 'FAILED').length;
  const [first, last] = [endings[0] as Ending, endings.at(-1) as Ending];
  const what =
    `${counted(endings.length, 'event')} of ${spoken(id)}, ${failed.toLocaleString('en-US')} of them of failed tasks, ` +
    `seen ended from ${moment(first.seenAt)} (${first.taskId}) to ${moment(last.seenAt)} (${last.taskId})`;
  if (await context.confirm(`Publish ${what}, again${alerts ? ', and alert people once more' : ''}?`)) return;
  throw new CommandFailure(`Nothing was published: this is about ${what}; --yes publishes them without asking.`);
}

/** Sorts by time, and says nothing to anybody. */
const newReplayId = (now: number) =>
  `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${randomBytes(3).toString('hex')}`;

function show(
  context: CommandContext,
  { id, settings }: DeployedSource,
  endings: readonly (Omit<Ending, 'seenAt'> & Partial<Ending>)[],
): number {
  if (context.json) {
    const wouldPublish = endings.map(({ taskId, status, seenAt }) => ({
      taskId,
      taskStatus: status,
      eventId: eventId(settings.catalog, settings.taskFamily, taskId, status),
      ...(seenAt !== undefined && { seenEndedAt: moment(seenAt) }),
    }));
    context.print(JSON.stringify({ source: spoken(id), wouldPublish }, null, 2));
    return 0;
  }
  context.print(
    `This would publish ${counted(endings.length, 'event')} of ${spoken(id)} again. Nothing was published.`,
  );
  for (const { taskId, status, seenAt } of endings)
    context.print(`  ${status.padEnd(8)}  ${taskId}${seenAt === undefined ? '' : `  seen ended ${moment(seenAt)}`}`);
  return 0;
}

async function publish(
  context: CommandContext,
  options: Options,
  source: DeployedSource,
  progress: ReplayProgress,
  perSecond: number,
): Promise<number> {
  const { replay, done } = progress;
  const before = done.size;
  const goOn = resumeCommand(context.global, options.state, replay);
  if (replay.tasks.length - before > 100) context.note(`Replay ${replay.replayId}; if it is stopped: ${goOn}`);
  const replayed = await publishAgain({
    source,
    progress,
    table: connectSnapshotTable(source.tableName, source.id, source.settings.includeMessage),
    bus: connectEventBus(),
    perSecond,
    context,
  });
  const left = replay.tasks.length - done.size;
  if (left === 0) progress.remove();
  if (context.json) {
    const { replayId } = replay;
    const all = { replayId, source: spoken(source.id), ...replayed, left, ...(left > 0 && { resume: goOn }) };
    context.print(JSON.stringify(all, null, 2));
  } else for (const line of inWords(replay, replayed, left, goOn)) context.print(line);
  return left === 0 && replayed.changed.length === 0 ? 0 : 1;
}

function inWords({ replayId, tasks }: Replay, replayed: Replayed, left: number, goOn: string): string[] {
  const { published, refused, changed, stopped } = replayed;
  const all = published === tasks.length ? '' : ` of ${tasks.length.toLocaleString('en-US')}`;
  return [
    ...(stopped === undefined ? [] : [`${stopped}.`]),
    `Published ${published.toLocaleString('en-US')}${all} ${tasks.length === 1 ? 'event' : 'events'} again, with replayId ${replayId}.`,
    ...refused.map(({ taskId, code }) => `  EventBridge refused that of ${taskId}: ${code}`),
    ...changed.map(taskId => `  ${taskId} has another status by now, or is no longer in the table: left out`),
    ...(left > 0 ? [`${left.toLocaleString('en-US')} ${left === 1 ? 'is' : 'are'} left. To go on: ${goOn}`] : []),
  ];
}

function resumeCommand({ stack, region, profile, local, source }: GlobalOptions, state: string, { replayId }: Replay) {
  const options = {
    stack: stack === DEFAULT_STACK ? undefined : stack,
    region,
    profile,
    source,
    state: state === DEFAULT_STATE ? undefined : state,
  };
  const words = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]));
  return ['npm run tasks -- replay --resume', replayId, ...words, ...(local ? ['--local'] : [])].join(' ');
}
