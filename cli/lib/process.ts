/** What only a process has: signals, and pipes whose reader is gone. */

/**
 * Goes off at the first Ctrl-C (or SIGTERM, or a closed terminal); a second one ends the process at once.
 * @param onFirst called at the first one
 */
export function stopOnRequest(onFirst: () => void = () => {}): AbortController {
  const stopping = new AbortController();
  let firstAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!stopping.signal.aborted) {
        firstAt = Date.now();
        stopping.abort();
        onFirst();
      } else if (Date.now() - firstAt > 500) {
        process.exit(130); // sooner it is the same Ctrl-C: npm and tsx pass on what the terminal has sent to us as well
      }
    });
  }
  return stopping;
}

/**
 * For a program that runs until it is stopped: also goes off when npm, which runs it, has ended without
 * passing a signal on, and when the reader of its output is gone.
 */
export function stopWhenUnwanted(): AbortSignal {
  const stopping = stopOnRequest(() => {
    if (process.stdout.isTTY) console.error('\nStopping; Ctrl-C again stops at once.');
  });
  const { ppid: parent } = process;
  const watchNpm = () => process.ppid === parent || stopping.abort();
  if (process.env.npm_lifecycle_event !== undefined) setInterval(watchNpm, 1_000).unref();
  // `npm start | head` and a closed terminal.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stopping.abort());
  return stopping.signal;
}

/** `npm run tasks -- list | head`: the reader is gone, which is no failure. Any other failure to write is one. */
export function endWithOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      if (stream === process.stdout) process.stderr.write(`The output can't be written: ${error.message}.\n`);
      process.exit(1);
    });
}
