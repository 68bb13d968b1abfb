/** Options of the commands that go straight to Partner Central, without anything deployed: `watch`, `wait` and `plan --no-table`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { parseFlat, type Settings, settingsEntries } from '../../lambdas/poller/settings';
import { filterKeys, filterProblems } from '../../lambdas/poller/source-filters';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { UsageError } from './command-line';
import { unitMs } from './instants';

type Identifiers = Partial<Record<(typeof filterKeys)[number], string>>;

export interface FamilyOptions {
  readonly catalog?: string;
  readonly family?: string;
}

export interface SourceOptions extends FamilyOptions, Identifiers {}

export const addFamilyOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--catalog <CATALOG>', 'Partner Central catalog (default: Sandbox)').choices(['AWS', 'Sandbox']),
    )
    .addOption(
      new Option('--family <FAMILY>', `which tasks (default: ${taskFamilyNames[0]})`).choices(taskFamilyNames),
    );

export function addSourceOptions(command: Command): Command {
  addFamilyOptions(command);
  for (const name of filterKeys) command.option(`--${name} <IDS>`, 'as in the configuration, separated by commas');
  return command;
}

/** Which of these options were given, as they are written. */
export const givenSourceOptions = (options: SourceOptions) =>
  (['catalog', 'family', ...filterKeys] as const).filter(name => options[name] !== undefined).map(name => `--${name}`);

/** @throws UsageError naming every option that can't work */
export function settingsOf(options: SourceOptions, more: Readonly<Partial<Settings>>): Settings {
  const { catalog = 'Sandbox', family: taskFamily = taskFamilyNames[0] } = options;
  const identifiers = Object.fromEntries(
    filterKeys.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  try {
    const where = 'The command line';
    const settings = parseFlat(settingsEntries, { catalog, taskFamily, ...identifiers, ...more }, where);
    const problems = filterProblems(settings);
    if (problems.length > 0) throw new ConfigurationError(where, problems);
    return settings;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UsageError(error.problems.map(problem => `--${problem}`).join('; '));
  }
}

/** Far below what a timer takes: more than 24 days would be none at all. */
const LONGEST_MS = 7 * unitMs.d;

/** A length of time on the command line, as milliseconds. @throws InvalidArgumentError naming what is allowed */
export function readPeriod(given: string): number {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  const ms = Number(digits) * unitMs[unit as keyof typeof unitMs];
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError('Allowed: a number with s, m, h or d, such as 30s, 15m or 1h, and at most 7d.');
}
