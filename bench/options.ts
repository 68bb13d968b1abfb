/** The command line of `npm run bench`. */
import { Command } from 'commander';
import { helpOf, optionsOnly, readOptionsOf, shown, UsageError } from '../cli/lib/command-line';

export interface BenchOptions {
  /** Numbers of ended tasks, ascending. */
  readonly histories: readonly number[];
  readonly write: boolean;
  readonly help: boolean;
}

export const ALL_HISTORIES = [1_000, 10_000, 100_000, 1_000_000];

const commandLine = () =>
  optionsOnly(
    new Command('npm run bench --')
      .description(
        'Compares this poller with the usual tutorial poller (bench/peer), on local stand-ins for the AWS services. All of it takes about fifteen minutes on two cores.',
      )
      .option(
        '--history <N,…>',
        `numbers of ended tasks, 2 to 4 of ${ALL_HISTORIES.join(', ')} (default: all)`,
        histories,
      )
      .option('--write', 'update README.md and docs/ with the results; not with --history')
      .addHelpText(
        'after',
        `
Put -- before the options: without it, npm takes them for its own.

Examples:
  npm run bench                              everything
  npm run bench -- --history 1000,10000      the short histories only, in about a minute

Exit codes: 0 every target holds, 1 a target failed or it could not run, 2 the command line is wrong.`,
      ),
  );

export const help = helpOf(commandLine());

/**
 * @param args arguments after the script's name
 * @throws UsageError with the allowed values
 */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): BenchOptions {
  const { history, write = false, help = false } = readOptionsOf(commandLine(), args, environment);
  if (write && history !== undefined)
    throw new UsageError(
      '--write: got it with --history, allowed: only without, because the documents show every history.',
    );
  return { histories: history ?? ALL_HISTORIES, write, help } as BenchOptions;
}

function histories(value: unknown): number[] {
  const asked = typeof value === 'string' ? [...new Set(value.split(','))] : [];
  const known = ALL_HISTORIES.filter(history => asked.includes(String(history)));
  if (known.length === asked.length && known.length >= 2) return known; // growth needs two
  throw new UsageError(
    `--history: got ${shown(value)}, allowed: at least two of ${ALL_HISTORIES.join(', ')}, with commas.`,
  );
}
