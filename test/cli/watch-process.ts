/** The operators' command line in a process of its own, on the services of a bed. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(__dirname, '..', '..');

export function startTasks(endpoints: Readonly<Record<string, string>>, args: readonly string[]) {
  // Nothing of this machine's own AWS configuration: not even its files.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(AWS_|npm_)/.test(name));
  const child: ChildProcessWithoutNullStreams = spawn(
    process.execPath,
    ['--import', 'tsx', join(root, 'cli', 'tasks.ts'), ...args],
    {
      cwd: root,
      env: {
        ...Object.fromEntries(inherited),
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        ...endpoints,
      },
    },
  );
  child.stdin.end();
  const lines: string[] = [];
  const notes: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => lines.push(line));
  createInterface({ input: child.stderr }).on('line', line => notes.push(line));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    lines,
    out: lines.join('\n'),
    err: notes.join('\n'),
  }));
  return {
    child,
    lines,
    notes,
    ended,
    async until(happened: () => boolean) {
      while (!happened()) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`It has ended: ${notes.join('\n')} ${lines.join('\n')}`);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    },
  };
}

export const tasks = (endpoints: Readonly<Record<string, string>>, ...args: string[]) =>
  startTasks(endpoints, args).ended;
