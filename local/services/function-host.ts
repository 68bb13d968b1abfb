/**
 * Runs a synthesized bundle as Lambda would call it: in a process of its own that stays warm between invocations, sees
 * only the environment that the template gives it, and is killed when its time is up.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface FunctionOptions {
  /** Path of the bundle's module. */
  readonly bundle: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The function's own pauses take no time; timeouts and the SDK's retries do. */
  readonly skipPauses?: boolean | undefined;
  /** Decides when a pause ends. @returns the function's clock offset from then on, in milliseconds */
  readonly onPause?: ((ms: number) => Promise<number>) | undefined;
  /** Each line that the function writes to its log. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** Path of the Node.js that runs functions, such as the version that Lambda has; without it, our own does. */
export const FUNCTION_NODE = 'FUNCTION_NODE';

export interface InvokeOptions {
  readonly timeoutMs?: number;
  /** How much later it is than by our clock, for the function and for Partner Central. */
  readonly clockOffsetMs?: number;
  /** How far the function's clock is ahead of what the time is. */
  readonly clockSkewMs?: number;
  /** The same for two deliveries of one event; a new one unless given. */
  readonly requestId?: string;
}

export type Invocation<T> = {
  readonly cpuMs: number;
  /** The most so far, and what Node.js and the bundle took before the first invocation; 0 of a process that died. */
  readonly peakRssBytes: number;
  readonly idleRssBytes: number;
} & (
  | { readonly result: T; readonly error?: undefined }
  | {
      readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
      readonly result?: undefined;
    }
);

/** What Lambda sets, as far as our functions and the SDK look at it. */
const lambdaEnvironment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'secret-access-key-of-nobody',
  AWS_SESSION_TOKEN: 'session-token-of-nobody',
  AWS_LAMBDA_FUNCTION_NAME: 'local',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
  // Lambda runs a version of Node that the SDK doesn't warn about.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

export function hostFunction(options: FunctionOptions) {
  let child: Promise<ChildProcess> | undefined;

  function start(): Promise<ChildProcess> {
    return new Promise((resolve, reject) => {
      const started = fork(join(__dirname, 'lambda-child.mjs'), [options.bundle, options.handler, pausesOf(options)], {
        env: { ...lambdaEnvironment, ...options.environment },
        execPath: process.env[FUNCTION_NODE] || process.execPath,
        execArgv: [],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        // A Ctrl-C is for us: the poll in hand is let finish.
        detached: true,
      });
      for (const stream of [started.stdout, started.stderr]) {
        if (stream) createInterface({ input: stream }).on('line', line => options.onLog?.(line));
      }
      started.once('message', () => resolve(started));
      started.on('message', async (message: { pauseMs?: number }) => {
        if (message.pauseMs === undefined || !options.onPause) return;
        const clockOffsetMs = await options.onPause(message.pauseMs);
        if (started.connected) started.send({ resume: { clockOffsetMs } });
      });
      started.once('exit', () => {
        child = undefined;
        reject(new Error('The function ended before it was ready'));
      });
      started.once('error', reject);
    });
  }

  return {
    /**
     * Calls the handler, in a new process if there is none.
     * @returns what it returned or threw; a process that died or ran out of time is the error `ProcessDied` or `TimedOut`
     */
    async invoke<T = unknown>(
      input: unknown,
      {
        timeoutMs = options.timeoutMs,
        clockOffsetMs = 0,
        clockSkewMs = 0,
        requestId = randomUUID(),
      }: InvokeOptions = {},
    ): Promise<Invocation<T>> {
      child ??= start();
      const process = await child;
      return new Promise(resolve => {
        const end = (outcome: Invocation<T> | { pauseMs: number }) => {
          if ('pauseMs' in outcome) return;
          clearTimeout(timer);
          process.off('exit', onExit).off('message', end);
          resolve(outcome);
        };
        let died = { name: 'ProcessDied', message: 'The process ended during the invocation' };
        const onExit = () => end({ error: died, cpuMs: 0, peakRssBytes: 0, idleRssBytes: 0 });
        const timer = setTimeout(() => {
          died = { name: 'TimedOut', message: `Task timed out after ${timeoutMs / 1000} seconds` };
          process.kill('SIGKILL');
        }, timeoutMs);
        process.once('exit', onExit).on('message', end);
        process.send({ input, timeoutMs, clockOffsetMs: clockOffsetMs + clockSkewMs, requestId });
      });
    },

    /** Ends the process at once, whatever it is doing; the next invocation starts a new one. */
    async kill(): Promise<void> {
      const process = await child?.catch(() => undefined);
      if (!process || process.exitCode !== null || process.signalCode !== null) return;
      const gone = new Promise(resolve => process.once('exit', resolve));
      process.kill('SIGKILL');
      await gone;
    },
  };
}

const pausesOf = ({ skipPauses, onPause }: FunctionOptions) => (onPause ? 'ask' : skipPauses ? 'skip' : 'real');

export type FunctionHost = ReturnType<typeof hostFunction>;
