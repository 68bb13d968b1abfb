import { connectPartnerCentral } from '../../../lambdas/poller/edges/partner-central';
import { connectSnapshotTable } from '../../../lambdas/poller/edges/snapshot-table';
import { formatSource, sourceId } from '../../../lambdas/source-id';
import { type CommandContext, examples, type Register } from '../../lib/command';
import { UsageError } from '../../lib/command-line';
import { momentsAllowed, readMoment } from '../../lib/instants';
import { emptyTable } from '../../lib/overlay-table';
import { moment } from '../../lib/plan-words';
import { refuseStackOptions } from '../../lib/sources';
import { openTable } from '../../lib/table';
import { addSourceOptions, givenSourceOptions, type SourceOptions, settingsOf } from '../../lib/watch-options';
import { makePlan } from './plan';
import { endedInText, planInText } from './plan-text';

interface Options extends SourceOptions {
  readonly table: boolean;
  readonly since?: number;
}

export const register: Register = (program, run) => {
  const command = program
    .command('plan')
    .summary('show what the next poll would publish and why; changes nothing')
    .description(
      'Shows what the next poll would publish, what it would not, and why. It lists tasks and reads the table as a poll does. It publishes and writes nothing.\n\nWith --no-table it needs no stack: it lists the tasks that started since --since, and shows those that ended. --catalog, --family and the identifiers are for --no-table only; a deployed source has its own.\n\nThe exit code is 1 if a request failed, because the plan may be incomplete.',
    )
    .option('--no-table', 'list from Partner Central alone, without a stack')
    .option('--since <T>', 'with --no-table: tasks that started at or after this moment (default: 24h)', given =>
      readMoment(given),
    );
  addSourceOptions(command)
    .addHelpText('after', `\nA moment is ${momentsAllowed}.`)
    .addHelpText(
      'after',
      examples(
        'npm run tasks -- plan',
        'npm run tasks -- plan --source Sandbox/OpportunityFromEngagement --json',
        'npm run tasks -- plan --no-table --catalog AWS --since 7d',
      ),
    )
    .action(
      run<Options>((context, options) =>
        options.table ? planDeployed(context, options) : planUndeployed(context, options),
      ),
    );
};

const STRAIGHT_TIMEOUT_MS = 10 * 60_000;
const TIMEOUT_MS = 2 * 60_000;

async function planDeployed(context: CommandContext, options: Options): Promise<number> {
  const [first] = [...givenSourceOptions(options), ...(options.since === undefined ? [] : ['--since'])];
  if (first !== undefined)
    throw new UsageError(`${first} is for plan --no-table; a deployed source is named with --source.`);
  const source = await context.source();
  const { id, tableName, settings } = source;
  const partnerCentral = connectPartnerCentral(settings, context.now, context.aws);
  const { checkpoint } = openTable(source, context);
  const under = {
    ...connectSnapshotTable(tableName, id, settings.includeMessage, context.aws('DYNAMODB')),
    checkpoint,
  };
  const plan = await makePlan({ settings, partnerCentral, under, context, timeoutMs: TIMEOUT_MS });
  if (context.json) printJson(context, { source: formatSource(id), nothingWasChanged: true, ...plan });
  else for (const line of planInText(formatSource(id), settings, plan)) context.print(line);
  return plan.endedEarly ? 1 : 0;
}

/** A first run with `--since` as its `emitSince` finds just the tasks that started since and ended. */
async function planUndeployed(context: CommandContext, options: Options): Promise<number> {
  refuseStackOptions(context.isGiven);
  const since = options.since ?? readMoment('24h');
  const settings = settingsOf(options, {
    emitSince: new Date(since).toISOString(),
    maxEventsPerRun: 10_000,
    maxListCallsPerRun: 1_000,
  });
  const partnerCentral = connectPartnerCentral(settings, context.now, context.aws);
  const plan = await makePlan({ settings, partnerCentral, under: emptyTable, context, timeoutMs: STRAIGHT_TIMEOUT_MS });
  const source = formatSource(sourceId(settings));
  if (context.json) printJson(context, { source, since: moment(since), nothingWasChanged: true, ...plan });
  else for (const line of endedInText(source, moment(since), plan)) context.print(line);
  return plan.endedEarly ? 1 : 0;
}

const printJson = ({ print }: CommandContext, document: object) => print(JSON.stringify(document, null, 2));
