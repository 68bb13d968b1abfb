/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Numbers of ended tasks, ascending. */
  readonly histories: readonly number[];
  readonly write: boolean;
  readonly help: boolean;
}

/** What the command line says can't be done; the message fits one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
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
  history: { type: 'string' },
  write: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/**
 * @param args what follows the script's name
 * @throws UsageError saying what is allowed
 */
export function readOptions(args: string[]): BenchOptions {
  const { values, tokens } = parseArgs({ args, options: flags, strict: false, tokens: true });
  const allowed = 'allowed: --history N,…, --write, --help.';
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`Got "${token.value}", ${allowed}`);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(flags, token.name)) throw new UsageError(`Got ${token.rawName}, ${allowed}`);
    if (flags[token.name as keyof typeof flags].type === 'boolean' && token.value !== undefined)
      throw new UsageError(`${token.rawName}: got "${token.value}", allowed: no value.`);
  }
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
  const got = typeof value === 'string' ? `"${value}"` : 'no value';
  throw new UsageError(`--history: got ${got}, allowed: at least two of ${ALL_HISTORIES.join(', ')}, with commas.`);
}
