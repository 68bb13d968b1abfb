/**
 * The operators' command line: for a poller that is deployed, or for the one that `npm start` runs. Results
 * go to standard output, everything else to standard error.
 */
import { Command, CommanderError, Option } from 'commander';
import { register as audit } from './commands/audit/command';
import { register as doctor } from './commands/doctor/command';
import { register as list } from './commands/list/command';
import { register as plan } from './commands/plan/command';
import { register as replay } from './commands/replay/command';
import { register as show } from './commands/show/command';
import { register as status } from './commands/status/command';
import { register as wait } from './commands/wait/command';
import { register as watch } from './commands/watch/command';
import { awsOf } from './lib/aws';
import { CannotStart } from './lib/cannot-start';
import type { Action, GlobalOptions, Register, RunCommand } from './lib/command';
import { refuseTakenOptions, UsageError } from './lib/command-line';
import type { Context } from './lib/context';
import { findDeployment } from './lib/deployment';
import { useAccount } from './lib/environment';
import { explain } from './lib/explain';
import { exitCodes, wholeHelp } from './lib/help-text';
import { chooseSources, sourceOption, theOnly } from './lib/sources';
import { openTerminal, type Streams } from './lib/terminal';

/** In the order of the help: what reads, then what changes something. */
const commands: readonly Register[] = [status, list, show, plan, doctor, wait, watch, audit, replay];

/**
 * Runs one command line.
 * @param args what follows the script's name
 * @param environment with account, region and endpoints; nothing below looks at another one
 * @param stopping goes off at Ctrl-C
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  streams: Streams,
  environment: NodeJS.ProcessEnv,
  stopping = new AbortController(),
): Promise<number> {
  const complain = (text: string) => void streams.stderr.write(`${text}\n`);
  let exitCode = 0;
  let used = environment;
  const run =
    <Options extends object>(action: Action<Options>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const isGiven = (name: string) => command.getOptionValueSourceWithGlobals(name) === 'cli';
      const account = useAccount(command.optsWithGlobals<GlobalOptions>(), isGiven('stack'), environment);
      used = account.environment;
      const { context, close } = openTerminal(streams, account.global.json === true, stopping);
      const connected = { ...context, isGiven, ...connect(account, context) };
      exitCode = await action(connected, command.opts<Options>(), command.args).finally(close);
    };
  try {
    const program = commandLine(run, streams);
    refuseTakenOptions(program, args, environment);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has said what is wrong
    if (error instanceof UsageError) {
      complain(error.message);
      return 2;
    }
    if (stopping.signal.aborted) return 130;
    if (environment.DEBUG) complain(String(error instanceof Error ? error.stack : error));
    complain(error instanceof CannotStart ? error.message : explain(error, used));
    return 1;
  }
}

function commandLine(run: RunCommand, { stdout, stderr }: Streams): Command {
  const program = new Command('npm run tasks --')
    .description('Shows what the Partner Central task poller knows and does, and operates it.')
    .usage('COMMAND [options]')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .configureOutput({ writeOut: text => stdout.write(text), writeErr: text => stderr.write(text) })
    .showHelpAfterError('--help shows what is allowed.')
    .exitOverride()
    .helpCommand(false)
    .helpOption('--help', 'show this help')
    .optionsGroup('Options of every command:')
    .addOption(new Option('--stack <NAME>', 'name of the stack').default('PartnerCentralTaskPoller'))
    .addOption(new Option('--region <REGION>', "the stack's region (default: AWS_REGION, or what the profile says)"))
    .addOption(new Option('--profile <NAME>', 'profile of the AWS CLI (default: AWS_PROFILE, or none)'))
    .addOption(new Option('--local', 'use the stack that npm start runs').conflicts(['region', 'profile']))
    .addOption(sourceOption())
    .addOption(new Option('--json', 'print one JSON document and nothing else'))
    .addHelpText('after', wholeHelp);
  for (const register of commands) register(program, run);
  for (const command of program.commands) command.addHelpText('after', exitCodes);
  return program;
}

function connect({ global, environment }: ReturnType<typeof useAccount>, { signal, ask }: Context) {
  const aws = awsOf(environment, ask);
  let found: ReturnType<typeof findDeployment> | undefined;
  const sources = async () => {
    found ??= findDeployment({ stack: global.stack, signal, aws });
    return chooseSources(await found, global.source);
  };
  return {
    global,
    aws,
    awsAnew: () => awsOf(environment, ask),
    explain: (error: unknown) => explain(error, environment),
    sources,
    source: async () => theOnly(await sources()),
  };
}
