/** The command line of `npm start`. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

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

/** What the command line says can't be done; the message fits one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
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

Exit codes: 0 done or stopped, 1 it could not run, 2 the command line is wrong.
`;

const flags = {
  once: { type: 'boolean' },
  tasks: { type: 'string' },
  json: { type: 'boolean' },
  keep: { type: 'string' },
  port: { type: 'string' },
  app: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/**
 * @param args what follows the script's name
 * @throws UsageError saying what is allowed
 */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): StartOptions {
  refuseWhatNpmTook(environment);
  const { values, tokens } = parseArgs({ args, options: flags, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`Got "${token.value}", ${allowedFlags()}`);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(flags, token.name)) throw new UsageError(`Got ${token.rawName}, ${allowedFlags()}`);
    if (flags[token.name as keyof typeof flags].type === 'boolean' && token.value !== undefined)
      throw new UsageError(`${token.rawName}: got "${token.value}", allowed: no value.`);
  }
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

const allowedFlags = () => 'allowed: --once, --tasks N, --json, --keep DIR, --port N, --app DIR, --help.';

/** `npm start --once` without the `--`: npm takes the option for its own, and we would run without it. */
function refuseWhatNpmTook(environment: NodeJS.ProcessEnv) {
  const taken = ['once', 'tasks', 'keep', 'port', 'app'].find(name => environment[`npm_config_${name}`] !== undefined);
  if (taken)
    throw new UsageError(`npm took --${taken} for itself. Put -- before the options: npm start -- --${taken} …`);
}

// An option without its value is `true` here.

function wholeNumber(flag: string, value: unknown, least: number, most: number): number {
  const isIn = typeof value === 'string' && /^\d{1,7}$/.test(value) && Number(value) >= least && Number(value) <= most;
  if (isIn) return Number(value);
  throw new UsageError(`${flag}: got ${shown(value)}, allowed: a whole number from ${least} to ${most}.`);
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

const shown = (value: unknown) => (typeof value === 'string' ? `"${value}"` : 'no value');
