/** Runs the random lives of test/fuzz as often as wanted, from a seed that is printed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { readFlags, UsageError, wholeNumber } from '../cli/lib/command-line';

export const help = `Drives random task lives, polls and mishaps through the engine, on ports in memory, and holds what comes of it against a model.

  npm run fuzz -- --runs 5000                so many cases, from a seed of its own; some thirty a second
  npm run fuzz -- --runs 200 --seed 42       the same stories as the last time with this seed

Options (note the -- that keeps npm from taking them for its own):
  --runs N       how many cases, 1 to 1000000 (default 1000)
  --seed N       where chance begins, 0 to 2147483647 (default: anywhere; it is printed)
  --help         this text

Exit codes: 0 every case went well, 1 one did not and is shown in its shortest form, 2 the command line is wrong.
`;

const flags = {
  runs: { type: 'string', value: 'N' },
  seed: { type: 'string', value: 'N' },
  help: { type: 'boolean' },
} as const;

/**
 * @returns what the test reads from its environment, or undefined where help is asked for
 * @throws UsageError saying what is allowed
 */
export function readFuzzOptions(args: readonly string[], environment: NodeJS.ProcessEnv) {
  const { runs = '1000', seed, help } = readFlags('npm run fuzz', flags, args, environment);
  if (help) return undefined;
  return {
    FUZZ_RUNS: String(wholeNumber('--runs', runs, 1, 1_000_000)),
    ...(seed !== undefined && { FUZZ_SEED: String(wholeNumber('--seed', seed, 0, 2 ** 31 - 1)) }),
  };
}

/** @returns the exit code */
function main(): number {
  const options = readFuzzOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const jest = join(require.resolve('jest/package.json'), '..', 'bin', 'jest.js');
  const env = { ...process.env, ...options };
  return spawnSync(process.execPath, [jest, 'test/fuzz/random-lives.test'], { env, stdio: 'inherit' }).status ?? 1;
}

if (require.main === module) {
  try {
    process.exitCode = main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
