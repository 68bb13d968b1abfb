// The inside of a function's process: loads the bundle as Lambda does, then answers one invocation after the other.
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [, , bundle, handlerName, pauses] = process.argv;
const describe = error => ({ name: error?.name, message: error?.message, stack: error?.stack?.slice(0, 2_000) });

/** Sampled, for what the kernel calls the peak of this process may be the peak of the one it was forked from. */
let peakRssBytes = 0;
const sample = () => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
};
setInterval(sample, 20).unref();

// Time that passes without waiting: the bundle sees this clock, wherever it asks for the time in milliseconds.
const realNow = Date.now;
let clockOffsetMs = 0;
Date.now = () => realNow() + clockOffsetMs;

// Pauses that our own code makes on purpose: the pace of List calls, and the wait before an entry is sent again.
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

/** What Node.js and the bundle take before there is anything to do. */
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
// Whoever started us is gone, however it ended: nothing is left to work for.
process.on('disconnect', () => process.exit());
process.send('ready');
