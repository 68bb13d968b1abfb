/**
 * Runs a synthesized bundle like Lambda: in a process of its own that stays warm between invocations, sees only the
 * template's environment, and is killed at its timeout.
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
  /** Skips the function's own pauses, but not timeouts and retries of the SDK. */
  readonly skipPauses?: boolean | undefined;
  /** Decides when a pause ends. @returns the function's clock offset from then on, in milliseconds */
  readonly onPause?: ((ms: number) => Promise<number>) | undefined;
  /** Called with each log line of the function. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** Environment variable with the path of the Node.js for functions, such as Lambda's version. Default: this process's. */
export const FUNCTION_NODE = 'FUNCTION_NODE';

export interface InvokeOptions {
  readonly timeoutMs?: number;
  /** Offset of the current time from the machine's clock, for the function and Partner Central. */
  readonly clockOffsetMs?: number;
  /** Further offset of the function's clock alone. */
  readonly clockSkewMs?: number;
  /** Equal for two deliveries of one event. Default: a new one. */
  readonly requestId?: string;
}

export type Invocation<T> = {
  readonly cpuMs: number;
  /** Peak so far, and memory before the first invocation; 0 if the process died. */
  readonly peakRssBytes: number;
  readonly idleRssBytes: number;
} & (
  | { readonly result: T; readonly error?: undefined }
  | {
      readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
      readonly result?: undefined;
    }
);

/** The variables set by Lambda that our functions and the SDK read. */
const lambdaEnvironment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'secret-access-key-of-nobody',
  AWS_SESSION_TOKEN: 'session-token-of-nobody',
  AWS_LAMBDA_FUNCTION_NAME: 'local',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
  // The SDK doesn't warn about Lambda's version of Node.js.
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
        // Keeps Ctrl-C from reaching it, so that a running poll can finish.
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
     * @returns its result or error; the error is `ProcessDied` if the process died and `TimedOut` after the timeout
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

    /** Kills the process. The next invocation starts a new one. */
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
