/**
 * The file by which the command line finds a local run: `npm run tasks -- status --local` finds the stack of
 * the `npm start` in another terminal.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export interface LocalRun {
  readonly pid: number;
  readonly stackName: string;
  /** Environment variables of the SDK, such as AWS_ENDPOINT_URL_DYNAMODB. */
  readonly endpoints: Readonly<Record<string, string>>;
}

const inThisProject = join('node_modules', '.cache', 'partner-central-task-poller', 'local.json');

/** Each run beside another needs a file of its own. */
export const runFile = (environment: NodeJS.ProcessEnv) =>
  environment.TASK_POLLER_LOCAL ? resolve(environment.TASK_POLLER_LOCAL) : join(__dirname, '..', '..', inThisProject);

/**
 * Announces this process until it ends. Of two runs with one file, the later is found.
 * @throws Error when the file can't be written
 */
export function announce(file: string, run: Omit<LocalRun, 'pid'>): void {
  mkdirSync(dirname(file), { recursive: true });
  // A reader never finds half a file.
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, JSON.stringify({ pid: process.pid, ...run } satisfies LocalRun));
  renameSync(unfinished, file);
  process.once('exit', () => {
    if (read(file)?.pid === process.pid) rmSync(file, { force: true });
  });
}

/** @returns undefined when there is none, or it has ended without a word */
export function findRun(file: string): LocalRun | undefined {
  const run = read(file);
  return run && isAlive(run.pid) ? run : undefined;
}

function read(file: string): LocalRun | undefined {
  try {
    const run = JSON.parse(readFileSync(file, 'utf8')) as Partial<LocalRun> | null;
    return run?.pid && run.stackName && run.endpoints ? (run as LocalRun) : undefined;
  } catch {
    return undefined;
  }
}

/** Also for a process of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // a process of another user
  }
}
