import type { Command } from 'commander';
import { UsageError } from './command-line';

/** Options that npm has as well, and may have from a file, or that do no harm where they are lost. */
const npmsOwn = ['help', 'json', 'yes'];

/**
 * `npm run tasks list --limit 5` without the `--`: npm takes the option for its own, and we would run without it. (Of
 * --local it makes its own --local-address, and nobody can see that.)
 * @throws UsageError
 */
export function refuseTakenOptions(program: Command, environment: NodeJS.ProcessEnv): void {
  const names = [program, ...program.commands]
    .flatMap(({ options }) => options.map(({ long }) => long?.slice(2) ?? ''))
    .filter(name => !npmsOwn.includes(name));
  const taken = names.find(name => environment[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (taken)
    throw new UsageError(
      `npm took --${taken} for itself. Put -- before the command: npm run tasks -- COMMAND --${taken} …`,
    );
}
