/** Runs the operators' command line in this process or, for signals, pipes and exit codes, as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { types } from 'node:util';
import { main } from '../../cli/main';

export const project = join(__dirname, '..', '..');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

// The command line must not read variables of this process in place of missing ones.
for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
process.env.AWS_EC2_METADATA_DISABLED = 'true';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

// Errors of Node.js come from outside of Jest's realm, and the SDK checks whether they are errors.
const isInstance = Function.prototype[Symbol.hasInstance];
Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, thrown: unknown) {
    return (this === Error && types.isNativeError(thrown)) || isInstance.call(this as never, thrown);
  },
});

/** Credentials and a region, for local endpoints. */
export const testCredentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

export function openCommandLine() {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-test-'));
  const children: ChildProcess[] = [];
  let announced = 0;

  /** Removes the user's account, profile, and options that npm consumed. */
  const ours = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(AWS_|npm_config_|DEBUG$|TASK_POLLER_)/.test(name)),
  );
  const cleared = {
    ...ours,
    HOME: folder,
    AWS_CONFIG_FILE: join(folder, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    TASK_POLLER_LOCAL: join(folder, 'nothing-runs.json'),
  };

  /** Calls it in this process. */
  function call(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const [stdout, stderr] = [collector(), collector()];
    const stopping = new AbortController();
    const streams = { stdin: Readable.from([]), stdout: stdout.stream, stderr: stderr.stream };
    const exitCode = main(args, streams, { ...cleared, ...environment }, stopping);
    return {
      /** Aborts like Ctrl-C. */
      stop: () => stopping.abort(),
      ended: exitCode.then((code): Ended => ({ code, out: stdout.text(), err: stderr.text() })),
    };
  }

  /** Starts it as a process, like a user. */
  const start = (args: readonly string[], environment?: Readonly<Record<string, string>>) =>
    startFile(join('cli', 'tasks.ts'), args, environment);

  function startFile(file: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [...(file.endsWith('.ts') ? ['--import', 'tsx'] : []), file, ...args], {
      cwd: project,
      env: { ...cleared, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const lines: string[] = [];
    const notes: string[] = [];
    createInterface({ input: child.stdout }).on('line', line => lines.push(line));
    createInterface({ input: child.stderr }).on('line', line => notes.push(line));
    return {
      child,
      /** Of standard output. */
      lines,
      /** Of standard error. */
      notes,
      ended: new Promise<Ended>(resolve =>
        child.once('close', code => resolve({ code, out: lines.join('\n'), err: notes.join('\n') })),
      ),
      async until(happened: () => boolean) {
        while (!happened()) {
          if (child.exitCode !== null || child.signalCode !== null)
            throw new Error(`It has ended: ${notes.join('\n')} ${lines.join('\n')}`);
          await new Promise(resolve => setTimeout(resolve, 20));
        }
      },
    };
  }

  return {
    folder,
    call,
    start,
    startFile,
    run: (args: readonly string[], environment?: Readonly<Record<string, string>>) => call(args, environment).ended,

    /** Writes the file of `npm start`. @returns the environment by which `--local` finds it */
    announce(name: string, endpoints: Readonly<Record<string, string>>, pid = process.pid) {
      // A file for each, because a file that is being rewritten may be read incomplete.
      announced += 1;
      const file = join(folder, `${name}-${announced}.json`);
      writeFileSync(file, JSON.stringify({ pid, stackName: 'PartnerCentralTaskPoller', endpoints }));
      return { TASK_POLLER_LOCAL: file };
    },

    write(name: string, text: string) {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    },

    close() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function collector() {
  let all = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      all += chunk;
      done();
    },
  });
  return { stream, text: () => all };
}
