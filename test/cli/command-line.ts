/** The operators' command line as a person runs it: a process of its own, told of a stack on this machine by a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const project = join(__dirname, '..', '..');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function openCommandLine() {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-test-'));
  const children: ChildProcess[] = [];
  let announced = 0;

  /** Nothing of whoever runs the tests: no account, no profile, no options that npm took. */
  const ours = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(AWS_|npm_config_|DEBUG$|TASK_POLLER_)/.test(name)),
  );
  const nobody = {
    HOME: folder,
    AWS_CONFIG_FILE: join(folder, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    TASK_POLLER_LOCAL: join(folder, 'nothing-runs.json'),
  };

  function start(args: readonly string[], environment: Record<string, string> = {}) {
    const child = spawn(process.execPath, ['--import', 'tsx', join('cli', 'tasks.ts'), ...args], {
      cwd: project,
      env: { ...ours, ...nobody, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', text => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      err += text;
    });
    const ended = new Promise<Ended>(resolve => child.once('close', code => resolve({ code, out, err })));
    return { child, ended };
  }

  return {
    folder,
    start,
    run: (args: readonly string[], environment?: Record<string, string>) => start(args, environment).ended,

    /** What `npm start` writes. @returns the environment by which `--local` finds it */
    announce(name: string, endpoints: Readonly<Record<string, string>>, pid = process.pid) {
      // Each its own: a file that is just being written anew may be read half.
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
