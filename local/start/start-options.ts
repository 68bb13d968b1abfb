/** The command line of `npm start`. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { helpOf, optionsOnly, readOptionsOf, shown, UsageError, wholeNumber } from '../../cli/lib/command-line';

export interface StartOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly help: boolean;
  /** Number of ended tasks at the start. */
  readonly tasks: number;
  readonly keep?: string | undefined;
  readonly port?: number | undefined;
  readonly app?: string | undefined;
}

const commandLine = () =>
  optionsOnly(
    new Command('npm start --')
      .description(
        'Runs the Partner Central task poller on this machine, on local stand-ins for the AWS services.\n' +
          'No AWS account, no Docker, no network beyond 127.0.0.1. Without options it runs until you press Ctrl-C.\n' +
          '--once takes about 5 seconds on two cores, half of them to synthesize the stack; 10 when they are busy.',
      )
      .option(
        '--once',
        'run one short scene: the running tasks end, and one more poll shows that nothing is published twice',
      )
      .option(
        '--tasks <N>',
        'number of ended tasks in each source at the start, 0 to 1000000',
        wholeNumber('--tasks', 0, 1_000_000),
        1_000,
      )
      .option(
        '--json',
        'print each line as one JSON object; its "type" is ready, note, task, poll, event, alert or summary, its "source" such as Sandbox/OpportunityFromEngagement',
      )
      .option(
        '--keep <DIR>',
        'keep the state in this folder and continue from it the next time',
        folder('--keep', false),
      )
      .option(
        '--port <N>',
        'port of Partner Central, 1 to 65535 (default: a free one)',
        wholeNumber('--port', 1, 65_535),
      )
      .option(
        '--app <DIR>',
        'run all sources of a stack that was synthesized before, such as cdk.out',
        folder('--app', true),
      )
      .addHelpText(
        'after',
        `
Put -- before the options: without it, npm takes them for its own.

Examples:
  npm start -- --once                        one short scene, then exit
  npm start -- --once --tasks 100000         a long history costs no more than a short one
  npm start -- --keep .local-state           keep the state: a restart loses and repeats nothing
  npm start -- --port 4700                   a fixed address for the AWS CLI or an SDK
  npm start --silent -- --json | jq 'select(.type == "event").event'
                                             the events as a rule on the bus gets them
  npx cdk synth -q -c includeMessage=false && npm start -- --app cdk.out
                                             the same with another configuration
  npm run tasks -- status --local            in another terminal; without a command it lists all

Exit codes: 0 done or stopped, 1 it could not run, 2 the command line is wrong.`,
      ),
  );

export const help = helpOf(commandLine());

/**
 * @param args arguments after the script's name
 * @throws UsageError with the allowed values
 */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): StartOptions {
  const { once = false, json = false, help = false, ...options } = readOptionsOf(commandLine(), args, environment);
  return { once, json, help, ...options } as StartOptions;
}

function folder(flag: string, mustExist: boolean) {
  const allowed = mustExist ? 'the path of a folder' : 'the path of a folder, which is created if necessary';
  return (value: unknown): string => {
    if (typeof value !== 'string' || value === '')
      throw new UsageError(`${flag}: got ${shown(value)}, allowed: ${allowed}.`);
    const found = statSync(value, { throwIfNoEntry: false });
    if (found ? !found.isDirectory() : mustExist)
      throw new UsageError(`${flag}: got "${value}", which is ${found ? 'a file' : 'not there'}, allowed: ${allowed}.`);
    return resolve(value);
  };
}
