/** The command line of `npm run bench`. */
import { readFlags, shown, UsageError } from '../cli/lib/command-line';

export interface BenchOptions {
  /** Numbers of ended tasks, ascending. */
  readonly histories: readonly number[];
  readonly write: boolean;
  readonly help: boolean;
}

export const ALL_HISTORIES = [1_000, 10_000, 100_000, 1_000_000];

export const help = `Measures this poller beside the one that people write today (bench/peer), on local stand-ins for the AWS services.

  npm run bench                              everything, in about fifteen minutes on two cores
  npm run bench -- --history 1000,10000      the short histories only, in about a minute

Options (note the -- that keeps npm from taking them for its own):
  --history N,…  how many ended tasks there are, 2 to 4 of ${ALL_HISTORIES.join(', ')} (default: all)
  --write        puts what was measured into README.md and docs/; not with --history
  --help         this text

Exit codes: 0 every target holds, 1 a target failed or it could not run, 2 the command line is wrong.
`;

const flags = {
  history: { type: 'string', value: 'N,…' },
  write: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/**
 * @param args what follows the script's name
 * @throws UsageError saying what is allowed
 */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): BenchOptions {
  const values = readFlags('npm run bench', flags, args, environment);
  if (values.write && values.history !== undefined)
    throw new UsageError(
      '--write: got it with --history, allowed: only without, for the documents show every history.',
    );
  return {
    histories: values.history === undefined ? ALL_HISTORIES : histories(values.history),
    write: values.write === true,
    help: values.help === true,
  };
}

function histories(value: unknown): number[] {
  const asked = typeof value === 'string' ? [...new Set(value.split(','))] : [];
  const known = ALL_HISTORIES.filter(history => asked.includes(String(history)));
  if (known.length === asked.length && known.length >= 2) return known; // growth needs two
  throw new UsageError(
    `--history: got ${shown(value)}, allowed: at least two of ${ALL_HISTORIES.join(', ')}, with commas.`,
  );
}
