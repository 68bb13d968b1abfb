/** The operators' command line, read line by line while it is at work. */
import { createInterface } from 'node:readline';
import { openCommandLine } from './command-line';

jest.setTimeout(180_000); // on a busy machine, each process takes its time to start
const commandLine = openCommandLine();
afterAll(() => commandLine.close());

/** By --local, it finds what a running `npm start` would have told of itself. */
export const announced = (endpoints: Readonly<Record<string, string>>) => commandLine.announce('local', endpoints);

const somebody = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

export function startTasks(environment: Readonly<Record<string, string>>, args: readonly string[]) {
  const { child, ended } = commandLine.start(args, { ...somebody, ...environment });
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
    ended: ended.then(({ code }) => ({ code, lines, out: lines.join('\n'), err: notes.join('\n') })),
    async until(happened: () => boolean) {
      while (!happened()) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`It has ended: ${notes.join('\n')} ${lines.join('\n')}`);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    },
  };
}

export const tasks = (environment: Readonly<Record<string, string>>, ...args: string[]) =>
  startTasks(environment, args).ended;
