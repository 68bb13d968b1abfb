/** What all command lines have in common: `npm run tasks`, `npm start`, `npm run bench` and the others. */
import { type Command, CommanderError, type Option } from 'commander';
import { optionsTakenByNpm } from './npm-log';

/** The command line is wrong; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Options of npm too, which in the environment may come from an .npmrc, and one that is harmless when it is lost. */
const npmsOwn = ['help', 'json', 'yes'];

/**
 * `npm start --once` without the `--`: npm takes the option for its own, and we would run without it.
 * @throws UsageError
 */
export function refuseTakenOptions(
  program: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  now = Date.now(),
): void {
  const names = [program, ...program.commands].flatMap(({ options }) => options.map(nameOf));
  const logged = optionsTakenByNpm(args, environment, now);
  const taken = names.find(
    name =>
      logged.includes(`--${name}`) ||
      (!npmsOwn.includes(name) && environment[`npm_config_${name.replaceAll('-', '_')}`] !== undefined),
  );
  if (taken === undefined) return;
  const [before, command] = program.commands.length > 0 ? ['the command', 'COMMAND '] : ['the options', ''];
  throw new UsageError(
    `npm took --${taken} for itself. Put -- before ${before}: ${program.name()} ${command}--${taken} …`,
  );
}

/** Settings of a command line that has options and nothing else. @param program named as people call it: `npm start --` */
export const optionsOnly = (program: Command): Command =>
  program
    .configureHelp({ helpWidth: 120, optionTerm: withoutBrackets })
    .configureOutput({ writeOut: () => {}, writeErr: () => {} }) // the caller prints what is wrong
    .exitOverride()
    .allowExcessArguments()
    .helpOption(false)
    .option('--help', 'show this help');

/**
 * The options given.
 * @throws UsageError for what is no option, and for options that npm has taken for its own
 */
export function readOptionsOf(
  program: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Readonly<Record<string, unknown>> {
  refuseTakenOptions(program, args, environment);
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? new UsageError(whatIsWrong(program, error)) : error;
  }
  const [stray] = program.args;
  if (stray !== undefined) throw new UsageError(`Got "${stray}", ${allowedOptions(program)}`);
  return program.opts();
}

function whatIsWrong(program: Command, { code, message }: CommanderError): string {
  const [, named = ''] = /'(.*)'/.exec(message) ?? [];
  if (code === 'commander.optionMissingArgument') {
    const option = program.options.find(({ flags }) => flags === named);
    option?.parseArg?.(undefined as never, undefined); // it says what is allowed
  }
  if (code !== 'commander.unknownOption') return message;
  const [flag = '', value] = named.split('=');
  if (value !== undefined && program.options.some(({ long }) => long === flag))
    return `${flag}: got "${value}", allowed: no value.`;
  return `Got ${named}, ${allowedOptions(program)}`;
}

const allowedOptions = ({ options }: Command) => `allowed: ${options.map(withoutBrackets).join(', ')}.`;

const withoutBrackets = ({ flags }: Option) => flags.replace(/[<>]/g, '');

const nameOf = ({ long }: Option) => long?.slice(2) ?? '';

/** The text of --help, with what is added after it. */
export function helpOf(program: Command): string {
  let text = '';
  program.configureOutput({
    writeOut: part => {
      text += part;
    },
  });
  program.outputHelp();
  return text;
}

/** Reads an option's value. @throws UsageError naming the flag, what it got and what it allows */
export const wholeNumber = (flag: string, least: number, most: number) => (value: unknown) => {
  const isIn = typeof value === 'string' && /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most;
  if (isIn) return Number(value);
  throw new UsageError(`${flag}: got ${shown(value)}, allowed: a whole number from ${least} to ${most}.`);
};

export const shown = (value: unknown) => (typeof value === 'string' ? `"${value}"` : 'no value');
