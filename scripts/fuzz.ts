/** Runs the random lives of test/fuzz with a printed seed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { helpOf, optionsOnly, readOptionsOf, UsageError, wholeNumber } from '../cli/lib/command-line';

const commandLine = () =>
  optionsOnly(
    new Command('npm run fuzz --')
      .description(
        'Runs random task lives, polls and faults through the engine, on in-memory ports, and compares the result with a model.',
      )
      .option('--runs <N>', 'how many cases, 1 to 1000000', wholeNumber('--runs', 1, 1_000_000), 1_000)
      .option(
        '--seed <N>',
        'seed of the random cases, 0 to 2147483647 (default: random; it is printed)',
        wholeNumber('--seed', 0, 2 ** 31 - 1),
      )
      .addHelpText(
        'after',
        `
Put -- before the options: without it, npm takes them for its own.

Examples:
  npm run fuzz -- --runs 5000                so many cases, from a seed of its own; some eighty a second
  npm run fuzz -- --runs 200 --seed 42       the same stories as the last time with this seed

Exit codes: 0 every case went well, 1 one did not and is shown in its shortest form, 2 the command line is wrong.`,
      ),
  );

/**
 * @returns environment variables for the test, or undefined if help is requested
 * @throws UsageError with the allowed values
 */
export function readFuzzOptions(args: readonly string[], environment: NodeJS.ProcessEnv) {
  const { runs, seed, help } = readOptionsOf(commandLine(), args, environment);
  if (help) return undefined;
  return { FUZZ_RUNS: String(runs), ...(seed !== undefined && { FUZZ_SEED: String(seed) }) };
}

/** @returns the exit code */
function main(): number {
  const options = readFuzzOptions(process.argv.slice(2), process.env);
  if (options === undefined) {
    process.stdout.write(helpOf(commandLine()));
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
