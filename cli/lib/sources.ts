/** Which of a stack's sources a command is about. */
import { InvalidArgumentError, Option } from 'commander';
import { sourceNamePattern } from '../../lambdas/poller/settings';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { formatSource } from '../../lambdas/source-id';
import type { GlobalOptions } from './command';
import { UsageError } from './command-line';
import { CommandFailure } from './context';
import type { DeployedSource, Deployment } from './deployment';

const catalogs = ['AWS', 'Sandbox'];

export const sourceOption = () =>
  new Option('--source <CATALOG/FAMILY[/NAME]>', 'only this source, where the stack has several').argParser(readSource);

function readSource(given: string): string {
  const [catalog = '', family = '', name, ...more] = given.split(/[/#]/);
  const isKnown = catalogs.includes(catalog) && (taskFamilyNames as string[]).includes(family);
  if (isKnown && more.length === 0 && (name === undefined || sourceNamePattern.test(name))) return formatSource(given);
  throw new InvalidArgumentError(
    `Allowed: ${catalogs.join(' or ')}, a slash, and ${taskFamilyNames.join(' or ')}; for a source with a name, another slash and the name.`,
  );
}

/** @throws CommandFailure when the stack hasn't the one that is asked for */
export function chooseSources({ stack, sources }: Deployment, wanted: string | undefined): readonly DeployedSource[] {
  if (wanted === undefined) return sources;
  const chosen = sources.filter(({ id }) => formatSource(id) === wanted);
  if (chosen.length > 0) return chosen;
  throw new CommandFailure(`The stack ${stack} has no source ${wanted}; it has: ${names(sources)}.`);
}

/**
 * For what asks no stack, which would ignore them silently.
 * @param isGiven whether an option is on the command line
 * @throws UsageError
 */
export function refuseStackOptions(isGiven: (name: keyof GlobalOptions) => boolean): void {
  const given = (['source', 'stack', 'region'] as const).find(isGiven);
  if (given !== undefined)
    throw new UsageError(`--${given} is for a deployed stack; name --catalog and --family here.`);
}

/** @throws CommandFailure when there are several */
export function theOnly(sources: readonly DeployedSource[]): DeployedSource {
  const [only, ...others] = sources;
  if (only && others.length === 0) return only;
  throw new CommandFailure(`There are several sources: name one with --source, of ${names(sources)}.`);
}

const names = (sources: readonly DeployedSource[]) => sources.map(({ id }) => formatSource(id)).join(', ');
