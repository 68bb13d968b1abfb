import { isAbsolute, relative, resolve } from 'node:path';
import { Option } from 'commander';
import { connectPartnerCentral } from '../../../lambdas/poller/edges/partner-central';
import { formatSource, sourceId } from '../../../lambdas/source-id';
import { type CommandContext, examples, type Register } from '../../lib/command';
import { UsageError } from '../../lib/command-line';
import { momentsAllowed, readMoment } from '../../lib/instants';
import { moment } from '../../lib/plan-words';
import { refuseStackOptions } from '../../lib/sources';
import { addSourceOptions, readPeriod, type SourceOptions, settingsOf } from '../../lib/watch-options';
import { duration } from '../../lib/words';
import { openFolderTable } from './folder-table';
import { watch } from './watch';

interface Options extends SourceOptions {
  readonly since?: number;
  readonly every: number;
  readonly once?: true;
  readonly keep: string;
}

export const register: Register = (program, run) => {
  const command = program
    .command('watch')
    .summary('poll from this machine, and write events to standard output; needs no stack')
    .description(
      'Polls Partner Central from this machine. Writes each event to standard output, as one line of JSON with the fields that a rule on the bus would get.\n\nIt keeps its state in a folder. Started again, it writes what has ended meanwhile. It writes nothing twice, except events that it was writing when it was killed.\n\nIt needs AWS credentials with the permission to list tasks, and nothing else in AWS.\n\nCtrl-C lets the current poll finish, with exit code 0. A second Ctrl-C ends it at once. With --once, the exit code is 1 if the poll was not complete; the next one continues there.',
    )
    .option(
      '--since <T>',
      'tasks that started at or after this moment (default: the first poll of the folder)',
      given => readMoment(given),
    )
    .addOption(
      new Option('--every <TIME>', 'from one poll to the next, such as 30s or 5m')
        .argParser(readPeriod)
        .conflicts('once')
        .default(60_000, '1m'),
    )
    .option('--once', 'poll once, then exit')
    .option('--keep <DIR>', 'folder for the state', '.tasks-watch');
  addSourceOptions(command)
    .addHelpText('after', `\nA moment is ${momentsAllowed}.`)
    .addHelpText(
      'after',
      examples(
        'npm run --silent tasks -- watch --catalog AWS --since 24h',
        'npm run --silent tasks -- watch | jq -r \'[."detail-type", .detail.taskId, .detail.reasonCode] | @tsv\'',
        'npm run --silent tasks -- watch --once >> events.jsonl     from cron',
      ),
    )
    .action(run<Options>(start));
};

async function start(context: CommandContext, options: Options): Promise<number> {
  refuseStackOptions(context.isGiven);
  if (context.json) throw new UsageError('--json is for one document; watch writes each event as a line of JSON.');
  const { since, every: everyMs } = options;
  const pollEveryMinutes = Math.min(1_440, Math.max(1, Math.round(everyMs / 60_000)));
  settingsOf(options, { pollEveryMinutes }); // before a folder is made for what can't work
  const id = sourceId(settingsOf(options, {}));
  const folder = resolve(options.keep);
  const kept = openFolderTable(folder, id, context.now());
  try {
    // With --since 24h, a later start must still publish what ended between the last poll and 24 hours ago.
    const checkpoint = kept.checkpoint();
    const before = checkpoint?.emitSince;
    const emitSince = since === undefined ? before : Math.min(since, before ?? since);
    const settings = settingsOf(options, {
      pollEveryMinutes,
      ...(emitSince !== undefined && { emitSince: new Date(emitSince).toISOString() }),
    });
    context.note(
      `Watching ${formatSource(id)} ${options.once ? 'once' : `every ${duration(everyMs)}`}, tasks that started since ${moment(emitSince ?? context.now())}; ` +
        `kept in ${shortest(folder)}.${options.once ? '' : ' Ctrl-C stops it.'}`,
    );
    return await watch({
      settings,
      partnerCentral: connectPartnerCentral(settings, context.now, context.aws),
      connectAnew: () => connectPartnerCentral(settings, context.now, context.awsAnew()),
      table: kept.table,
      checkpoint,
      write: context.write,
      everyMs,
      once: options.once ?? false,
      context,
    });
  } finally {
    kept.close();
  }
}

function shortest(folder: string): string {
  const path = relative('', folder);
  return path === '' || path.startsWith('..') || isAbsolute(path) ? folder : path;
}
