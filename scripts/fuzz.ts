/** Runs the random lives of test/fuzz as often as wanted, from a seed that is printed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const usage = `npm run fuzz -- [--runs N] [--seed N]

Drives random task lives, polls and mishaps through the poller's bundle, and holds what comes of it against a model.

  --runs N   how many cases; 1000 unless told. Two or three a second.
  --seed N   repeats the cases of an earlier run, which printed its seed.
`;

/** @throws Error naming the option that can't be used, and what it allows */
export function readFuzzOptions(args: readonly string[]): { runs: number; seed?: number } | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) return 'help';
  const runs = wholeNumber('--runs', values.runs, 1);
  return { runs, ...(values.seed !== undefined && { seed: wholeNumber('--seed', values.seed, 0) }) };
}

function wholeNumber(name: string, given: string, min: number): number {
  const number = Number(given);
  if (/^\d+$/.test(given) && number >= min && number < 2 ** 31) return number;
  throw new Error(`${name}: got ${given}, allowed: a whole number from ${min} to ${2 ** 31 - 1}`);
}

function main(): number {
  const options = readFuzzOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  const env = { ...process.env, FUZZ_RUNS: String(options.runs) };
  if (options.seed !== undefined) Object.assign(env, { FUZZ_SEED: String(options.seed) });
  const jest = join(require.resolve('jest/package.json'), '..', 'bin', 'jest.js');
  const { status } = spawnSync(process.execPath, [jest, 'test/fuzz'], { env, stdio: 'inherit' });
  return status ?? 1;
}

if (require.main === module) {
  try {
    process.exitCode = main();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 1;
  }
}
