/** The command line of `npm start`. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { readFlags, shown, UsageError, wholeNumber } from '../../cli/lib/command-line';

export interface StartOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly help: boolean;
  /** How many ended tasks Partner Central begins with. */
  readonly tasks: number;
  readonly keep?: string | undefined;
  readonly port?: number | undefined;
  readonly app?: string | undefined;
}

export const help = `Runs the Partner Central task poller on this machine, on local stand-ins for the AWS services.
No AWS account, no Docker, no network beyond 127.0.0.1.

  npm start                                  until you press Ctrl-C
  npm start -- --once                        one scene from beginning to end, then exit

Options (note the -- that keeps npm from taking them for its own):
  --once         play one scene: what was running ends, and one more poll shows that nothing else is published
  --tasks N      how many ended tasks there are to begin with, 0 to 1000000 (default 1000)
  --json         every line of the story is one JSON object; its "type" is ready, note, task, poll, event, alert or summary
  --keep DIR     keep the state in this folder and go on from there the next time
  --port N       port of Partner Central, 1 to 65535 (default: a free one)
  --app DIR      run a stack that was synthesized before, such as cdk.out, instead of synthesizing it now
  --help         this text

Examples:
  npm start -- --once --tasks 100000         a long history costs no more than a short one
  npm start -- --keep .local-state           stop it, start it again: nothing old is published, nothing new is missed
  npm start -- --port 4700                   a fixed address for the AWS CLI or an SDK
  npm start --silent -- --json | jq 'select(.type == "event").event'
                                             the events as a rule on the bus would get them
  npx cdk synth -q -c includeMessage=false && npm start -- --app cdk.out
                                             the same with another configuration
  npm run tasks -- status --local            in another terminal: how things stand; without a command it tells the rest

Exit codes: 0 done or stopped, 1 it could not run, 2 the command line is wrong.
`;

const flags = {
  once: { type: 'boolean' },
  tasks: { type: 'string', value: 'N' },
  json: { type: 'boolean' },
  keep: { type: 'string', value: 'DIR' },
  port: { type: 'string', value: 'N' },
  app: { type: 'string', value: 'DIR' },
  help: { type: 'boolean' },
} as const;

/**
 * @param args what follows the script's name
 * @throws UsageError saying what is allowed
 */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): StartOptions {
  const values = readFlags('npm start', flags, args, environment);
  const { once = false, json = false, help = false } = values as Record<string, boolean>;
  return {
    once,
    json,
    help,
    tasks: values.tasks === undefined ? 1_000 : wholeNumber('--tasks', values.tasks, 0, 1_000_000),
    port: values.port === undefined ? undefined : wholeNumber('--port', values.port, 1, 65_535),
    keep: values.keep === undefined ? undefined : folder('--keep', values.keep, false),
    app: values.app === undefined ? undefined : folder('--app', values.app, true),
  };
}

function folder(flag: string, value: unknown, mustExist: boolean): string {
  const allowed = mustExist ? 'the path of a folder' : 'the path of a folder, which is made if need be';
  if (typeof value !== 'string' || value === '')
    throw new UsageError(`${flag}: got ${shown(value)}, allowed: ${allowed}.`);
  const found = statSync(value, { throwIfNoEntry: false });
  if (found ? !found.isDirectory() : mustExist)
    throw new UsageError(`${flag}: got "${value}", which is ${found ? 'a file' : 'not there'}, allowed: ${allowed}.`);
  return resolve(value);
}
