// The process of a function: loads the bundle like Lambda, then handles one invocation at a time.
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [, , bundle, handlerName, pauses] = process.argv;
const describe = error => ({ name: error?.name, message: error?.message, stack: error?.stack?.slice(0, 2_000) });

/** Sampled, because the kernel's peak value may include the process that forked this one. */
let peakRssBytes = 0;
const sample = () => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
};
setInterval(sample, 20).unref();

// Virtual time: the bundle reads this clock through Date.now().
const realNow = Date.now;
let clockOffsetMs = 0;
Date.now = () => realNow() + clockOffsetMs;

// The bundle's own pauses: the pace of List calls, and the backoff before an entry is sent again.
const waiting = [];
if (pauses !== 'real') {
  timers.setTimeout = async (ms, value, { signal } = {}) => {
    signal?.throwIfAborted();
    if (pauses === 'ask') {
      process.send({ pauseMs: ms });
      await new Promise(resolve => waiting.push(resolve));
    }
    return value;
  };
  syncBuiltinESMExports();
}

let handler;
let initError;
try {
  handler = (await import(pathToFileURL(bundle).href))[handlerName];
} catch (error) {
  initError = describe(error);
}

/** Memory of Node.js and the bundle before the first invocation. */
const idleRssBytes = process.memoryUsage.rss();

process.on('message', async ({ input, timeoutMs, requestId, resume, ...more }) => {
  clockOffsetMs = (resume ?? more).clockOffsetMs;
  if (resume) return waiting.shift()();
  const deadline = Date.now() + timeoutMs;
  const context = { awsRequestId: requestId, getRemainingTimeInMillis: () => deadline - Date.now() };
  const cpuBefore = process.cpuUsage();
  let answer;
  try {
    answer = initError ? { error: initError } : { result: await handler(input, context) };
  } catch (error) {
    answer = { error: describe(error) };
  }
  sample();
  const cpu = process.cpuUsage(cpuBefore);
  process.send({
    ...answer,
    cpuMs: (cpu.user + cpu.system) / 1000,
    peakRssBytes,
    idleRssBytes,
  });
});
// The parent process has ended.
process.on('disconnect', () => process.exit());
process.send('ready');
