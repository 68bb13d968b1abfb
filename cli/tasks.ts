/**
 * `npm run tasks -- COMMAND`: what operators ask of a poller that is deployed, or of the one that `npm start` runs. Results
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
import { register as watch } from './commands/watch/command';
import type { Action, CommandContext, GlobalOptions, Register, RunCommand } from './lib/command';
import { UsageError } from './lib/command-line';
import { CommandFailure } from './lib/context';
import { findDeployment } from './lib/deployment';
import { useAccount } from './lib/environment';
import { explain } from './lib/explain';
import { exitCodes, wholeHelp } from './lib/help-text';
import { refuseTakenOptions } from './lib/npm-options';
import { chooseSources, sourceOption, theOnly } from './lib/sources';
import { stopOnRequest } from './lib/stop-on-request';
import { endWithOutput, openTerminal } from './lib/terminal';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made

/** In the order of the help: how things stand, then what changes something. */
const commands: readonly Register[] = [status, list, show, plan, doctor, watch, audit, replay];

const stopping = stopOnRequest().signal;
endWithOutput();

main(process.argv.slice(2)).then(
  exitCode => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    console.error(error); // a bug of ours
    process.exitCode = 1;
  },
);

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const run =
    <Options extends object>(action: Action<Options>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const global = useAccount(command.optsWithGlobals<GlobalOptions>(), isStackNamed(command), process.env);
      exitCode = await action(contextOf(global), command.opts<Options>(), command.args);
    };
  const program = commandLine(run);
  try {
    refuseTakenOptions(program, process.env);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has told already
    if (error instanceof UsageError) {
      console.error(error.message);
      return 2;
    }
    if (stopping.aborted) return 130;
    if (process.env.DEBUG) console.error(error instanceof Error ? error.stack : error);
    console.error(error instanceof CommandFailure ? error.message : explain(error, process.env));
    return 1;
  }
}

function commandLine(run: RunCommand): Command {
  const program = new Command('npm run tasks --')
    .description('What operators ask of the Partner Central task poller.')
    .usage('COMMAND [options]')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .showHelpAfterError('With --help it tells what is allowed.')
    .exitOverride()
    .helpCommand(false)
    .helpOption('--help', 'this text')
    .optionsGroup('Options of every command:')
    .addOption(new Option('--stack <NAME>', 'name of the stack').default('PartnerCentralTaskPoller'))
    .addOption(new Option('--region <REGION>', "the stack's region (default: AWS_REGION, or what the profile says)"))
    .addOption(new Option('--profile <NAME>', 'profile of the AWS CLI (default: AWS_PROFILE, or none)'))
    .addOption(new Option('--local', 'ask the stack that npm start runs').conflicts(['region', 'profile']))
    .addOption(sourceOption())
    .addOption(new Option('--json', 'print one JSON document and nothing else'))
    .addHelpText('after', wholeHelp);
  for (const register of commands) register(program, run);
  for (const command of program.commands) command.addHelpText('after', exitCodes);
  return program;
}

function isStackNamed(command: Command): boolean {
  return command.getOptionValueSourceWithGlobals('stack') === 'cli';
}

function contextOf(global: GlobalOptions): CommandContext {
  const terminal = openTerminal(global.json === true, stopping);
  let found: ReturnType<typeof findDeployment> | undefined;
  const sources = async () => {
    found ??= findDeployment({ stack: global.stack, signal: stopping });
    return chooseSources(await found, global.source);
  };
  return { ...terminal, global, sources, source: async () => theOnly(await sources()) };
}
