import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CannotStart } from '../../cli/lib/cannot-start';

const MOST_OUTPUT = 64 * 1024 * 1024;

interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Aborts it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end, in our environment without the user's AWS settings and without variables set by an outer
 * CDK CLI, npm or loader.
 * @returns its standard output
 * @throws CannotStart with its whole output, if it fails
 */
export async function run(program: string, args: readonly string[], { env, ...more }: RunOptions) {
  const own = Object.entries(process.env).filter(([key]) => !/^(AWS_|CDK_|NODE_OPTIONS$|npm_)/.test(key));
  const options = { ...more, env: { ...Object.fromEntries(own), ...env }, maxBuffer: MOST_OUTPUT };
  try {
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    throw new CannotStart(`${program} ${args.join(' ')} failed:\n${stdout}${stderr || message}`, { cause: error });
  }
}
