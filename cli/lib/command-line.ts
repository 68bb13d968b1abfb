/** What the command lines of `npm start`, `npm run bench` and `npm run fuzz` have in common. */
import { parseArgs } from 'node:util';

/** What the command line says can't be done; the message fits one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Flags = Readonly<Record<string, { readonly type: 'boolean' | 'string'; readonly value?: string }>>;

/** Options that npm has as well, and may have from a file: that they are set says nothing. */
const npmsOwn = ['help', 'json'];

/**
 * The options given, text for those with a value; one that lacks its value is `true`.
 * @param command what comes before the options, such as `npm start`
 * @throws UsageError for what is no option, and for options that npm has taken for its own
 */
export function readFlags(
  command: string,
  flags: Flags,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Record<string, string | boolean | undefined> {
  // `npm start --once` without the `--`: npm takes the option for its own, and we would run without it.
  const taken = Object.keys(flags).find(
    name => !npmsOwn.includes(name) && environment[`npm_config_${name}`] !== undefined,
  );
  if (taken)
    throw new UsageError(`npm took --${taken} for itself. Put -- before the options: ${command} -- --${taken} …`);

  const usages = Object.entries(flags).map(([name, { value }]) => `--${name}${value === undefined ? '' : ` ${value}`}`);
  const allowed = `allowed: ${usages.join(', ')}.`;
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]));
  const { values, tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`Got "${token.value}", ${allowed}`);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(flags, token.name)) throw new UsageError(`Got ${token.rawName}, ${allowed}`);
    if (flags[token.name]?.type === 'boolean' && token.value !== undefined)
      throw new UsageError(`${token.rawName}: got "${token.value}", allowed: no value.`);
  }
  return values as Record<string, string | boolean | undefined>;
}

/** @throws UsageError naming the flag, what it got and what it allows */
export function wholeNumber(flag: string, value: unknown, least: number, most: number): number {
  const isIn = typeof value === 'string' && /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most;
  if (isIn) return Number(value);
  throw new UsageError(`${flag}: got ${shown(value)}, allowed: a whole number from ${least} to ${most}.`);
}

export const shown = (value: unknown) => (typeof value === 'string' ? `"${value}"` : 'no value');
