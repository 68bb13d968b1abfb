/**
 * Goes off at the first Ctrl-C (or SIGTERM, or a closed terminal); a second one ends the process at once.
 * @param onFirst told of the first one
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
