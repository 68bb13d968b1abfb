import { randomBytes } from 'node:crypto';
import { Option } from 'commander';
import { eventId } from '../../../lambdas/poller/core/build-event';
import { isTerminal, type TerminalStatus } from '../../../lambdas/poller/core/task';
import { connectEventBus } from '../../../lambdas/poller/edges/event-bus';
import { formatSource } from '../../../lambdas/source-id';
import { type CommandContext, examples, type GlobalOptions, type Register } from '../../lib/command';
import { UsageError, wholeNumber } from '../../lib/command-line';
import { CommandFailure } from '../../lib/context';
import type { DeployedSource } from '../../lib/deployment';
import { momentsAllowed, readMoment } from '../../lib/instants';
import { moment } from '../../lib/plan-words';
import { openTable } from '../../lib/table';
import { counted, shellWord } from '../../lib/words';
import { publishAgain, type Replayed } from './replay';
import { beginReplayFile, type Replay, type ReplayProgress, resumeReplayFile } from './replay-file';
import { findOutcomes, type Outcome, outcomeOf } from './replay-rows';

interface Options {
  readonly task?: readonly string[];
  readonly endedSince?: number;
  readonly endedUntil?: number;
  readonly status?: TerminalStatus;
  readonly alerts?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly perSecond: number;
  readonly resume?: string;
  readonly state: string;
}

/** More events than this are not published without a confirmation. */
const MOST_UNASKED = 10;
const DEFAULT_STATE = '.tasks';
const DEFAULT_STACK = 'PartnerCentralTaskPoller';

export const register: Register = (program, run) => {
  program
    .command('replay')
    .summary('publish events again, from the snapshot table')
    .description(
      'Publishes the events of finished tasks again, with the same eventId, source, detail type and bus, and with a replayId in the detail. The table keeps a finished task for retentionDays, and the first KB of its message. Replays cause no alerts, unless --alerts is given.\n\nA replay that was stopped or failed says how to resume it. A replay that was killed may publish up to ten events twice, with the same eventId. The exit code is 1 until all events are published.',
    )
    .option('--task <IDS...>', 'only these tasks')
    .option('--ended-since <T>', 'tasks that the poller saw to have ended at or after this moment', given =>
      readMoment(given),
    )
    .option('--ended-until <T>', 'with --ended-since: before this moment (default: now)', given => readMoment(given))
    .addOption(new Option('--status <STATUS>', 'with --ended-since: only these').choices(['COMPLETE', 'FAILED']))
    .option('--alerts', 'send alerts again')
    .option('--dry-run', 'show what it would publish, and publish nothing')
    .option('--yes', `publish more than ${MOST_UNASKED} without asking`)
    .option('--per-second <N>', 'events per second', wholeNumber('--per-second', 1, 1_000), 20)
    .option('--resume <REPLAY>', 'resume this replay')
    .option('--state <DIR>', 'folder for the progress of replays that are not complete', DEFAULT_STATE)
    .addHelpText('after', `\nA moment is ${momentsAllowed}.`)
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- replay --task task-dpf02ig3g2uui',
        'npm run tasks -- replay --ended-since 2026-11-20 --ended-until 2026-11-21 --dry-run',
        'npm run tasks -- replay --ended-since 24h --status FAILED --alerts --yes',
      ),
    )
    .action(run<Options>(replay));
};

async function replay(context: CommandContext, options: Options): Promise<number> {
  refuseCombinations(options);
  const source = await context.source();
  if (source.settings.shadow && !options.dryRun)
    throw new CommandFailure(
      `${formatSource(source.id)} is in shadow and publishes nothing; deploy it with shadow=false first.`,
    );

  if (options.resume !== undefined) {
    const progress = resumeReplayFile(options.state, options.resume);
    const { replay: given, done } = progress;
    if (given.source !== source.id || given.tableName !== source.tableName)
      throw new CommandFailure(
        `Replay ${given.replayId} is one of ${formatSource(given.source)} in table ${given.tableName}; --stack, --region and --source name another.`,
      );
    if (options.dryRun) {
      const left = given.tasks.filter(([taskId]) => !done.has(taskId));
      return show(
        context,
        source,
        left.map(([taskId, status]) => ({ taskId, status })),
      );
    }
    return publish(context, options, source, progress);
  }

  const outcomes = await (options.task
    ? outcomesOf(options.task, source, context)
    : outcomesSince(options, source, context));
  if (options.dryRun) return show(context, source, outcomes);
  if (outcomes.length === 0) {
    if (context.json) context.print(JSON.stringify({ published: 0, refused: [], changed: [] }));
    else context.print('No finished task of that period is in the table; nothing was published.');
    return 0;
  }
  if (outcomes.length > MOST_UNASKED && !options.yes) await ask(context, source, outcomes, options.alerts ?? false);
  const replayId = newReplayId(context.now());
  const progress = beginReplayFile(options.state, {
    replayId,
    source: source.id,
    tableName: source.tableName,
    alerts: options.alerts ?? false,
    tasks: outcomes.map(({ taskId, status }) => [taskId, status] as const),
  });
  return publish(context, options, source, progress);
}

function refuseCombinations({ task, endedSince, endedUntil, status, resume, alerts, yes, dryRun }: Options): void {
  const selections = [task && '--task', endedSince !== undefined && '--ended-since', resume && '--resume'].filter(
    Boolean,
  );
  if (selections.length === 0)
    throw new UsageError(
      'Say what to publish again: --task with ids, --ended-since with a moment, or --resume with a replay.',
    );
  if (selections.length > 1) throw new UsageError(`${selections.join(' and ')} exclude each other.`);
  if (endedSince === undefined && endedUntil !== undefined) throw new UsageError('--ended-until is for --ended-since.');
  if (endedSince === undefined && status !== undefined) throw new UsageError('--status is for --ended-since.');
  if (resume !== undefined && alerts)
    throw new UsageError('--alerts is decided when a replay begins, not with --resume.');
  if (dryRun && (yes || alerts)) throw new UsageError('--dry-run publishes nothing: leave out --yes and --alerts.');
}

async function outcomesSince(
  { endedSince: since = 0, endedUntil: until, status }: Options,
  source: DeployedSource,
  context: CommandContext,
): Promise<Outcome[]> {
  const period = { since, until: until ?? context.now(), status };
  if (period.since >= period.until) throw new UsageError('--ended-since has to be before --ended-until.');
  return findOutcomes(openTable(source, context), period, rows => context.progress(`${counted(rows, 'row')} read`));
}

/** @throws CommandFailure saying of every task that can't be published again why not */
async function outcomesOf(
  given: readonly string[],
  source: DeployedSource,
  context: CommandContext,
): Promise<Outcome[]> {
  const taskIds = [...new Set(given.map(task => task.slice(task.lastIndexOf('/') + 1)))];
  const rows = await openTable(source, context).rowsOf(taskIds);
  const problems: string[] = [];
  const outcomes = taskIds.flatMap(taskId => {
    const row = rows.get(taskId);
    const outcome = row && outcomeOf(row);
    if (outcome) return [outcome];
    if (row === undefined) problems.push(`${taskId} is not in the table of ${formatSource(source.id)}`);
    else if (isTerminal(row.status))
      problems.push(`${taskId} has ended, but its event is still to be published by a poll`);
    else problems.push(`${taskId} has not ended (${row.status})`);
    return [];
  });
  if (problems.length > 0) throw new CommandFailure(`Nothing was published: ${problems.join('; ')}.`);
  return outcomes;
}

async function ask(context: CommandContext, { id }: DeployedSource, outcomes: readonly Outcome[], alerts: boolean) {
  const failed = outcomes.filter(({ status }) => status === 'FAILED').length;
  const [first, last] = [outcomes[0] as Outcome, outcomes.at(-1) as Outcome];
  const what =
    `${counted(outcomes.length, 'event')} of ${formatSource(id)}, ${failed.toLocaleString('en-US')} of them of failed tasks, ` +
    `seen ended from ${moment(first.seenAt)} (${first.taskId}) to ${moment(last.seenAt)} (${last.taskId})`;
  if (await context.confirm(`Publish ${what}, again${alerts ? ', and alert people once more' : ''}?`)) return;
  throw new CommandFailure(`Nothing was published: this is about ${what}; --yes publishes them without asking.`);
}

/** Sorts by time, and holds no data. */
const newReplayId = (now: number) =>
  `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${randomBytes(3).toString('hex')}`;

function show(
  context: CommandContext,
  { id, settings }: DeployedSource,
  outcomes: readonly (Omit<Outcome, 'seenAt'> & Partial<Outcome>)[],
): number {
  if (context.json) {
    const wouldPublish = outcomes.map(({ taskId, status, seenAt }) => ({
      taskId,
      taskStatus: status,
      eventId: eventId(settings.catalog, settings.taskFamily, taskId, status),
      ...(seenAt !== undefined && { seenEndedAt: moment(seenAt) }),
    }));
    context.print(JSON.stringify({ source: formatSource(id), wouldPublish }, null, 2));
    return 0;
  }
  context.print(
    `This would publish ${counted(outcomes.length, 'event')} of ${formatSource(id)} again. Nothing was published.`,
  );
  for (const { taskId, status, seenAt } of outcomes)
    context.print(`  ${status.padEnd(8)}  ${taskId}${seenAt === undefined ? '' : `  seen ended ${moment(seenAt)}`}`);
  return 0;
}

async function publish(
  context: CommandContext,
  options: Options,
  source: DeployedSource,
  progress: ReplayProgress,
): Promise<number> {
  const { replay, done } = progress;
  const before = done.size;
  const goOn = resumeCommand(context.global, options.state, replay);
  if (replay.tasks.length - before > 100) context.note(`Replay ${replay.replayId}; if it is stopped: ${goOn}`);
  const replayed = await publishAgain({
    source,
    progress,
    rowsOf: openTable(source, context).rowsOf,
    bus: connectEventBus(context.aws('EVENTBRIDGE')),
    perSecond: options.perSecond,
    context,
  });
  const left = replay.tasks.length - done.size;
  if (left === 0) progress.remove();
  if (context.json) {
    const { replayId } = replay;
    const all = { replayId, source: formatSource(source.id), ...replayed, left, ...(left > 0 && { resume: goOn }) };
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
  const words = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${shellWord(value)}`],
  );
  return ['npm run tasks -- replay --resume', replayId, ...words, ...(local ? ['--local'] : [])].join(' ');
}
