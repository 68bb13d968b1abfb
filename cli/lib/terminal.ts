import { createInterface } from 'node:readline/promises';
import type { Context } from './context';
import { escaped, harmless } from './words';

/** Standard input and output, as a process has them. */
export type Streams = {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
};

/**
 * What commands have of the terminal, or of the pipes in its place.
 * @param stopping goes off at Ctrl-C, also where a question is being asked
 */
export function openTerminal({ stdin, stdout, stderr }: Streams, json: boolean, stopping: AbortController) {
  const { signal } = stopping;
  let showsProgress = false;
  const clear = () => {
    if (showsProgress) stderr.write('\r\u001b[K');
    showsProgress = false;
  };
  const context: Context = {
    json,
    signal,
    now: Date.now,
    lineWidth: stdout.columns ?? 100,
    print(line) {
      clear();
      stdout.write(`${json ? escaped(line) : harmless(line)}\n`);
    },
    write: text =>
      new Promise((done, failed) => {
        stdout.write(text, error => (error ? failed(error) : done()));
      }),
    note(line) {
      clear();
      stderr.write(`${harmless(line)}\n`);
    },
    progress(text) {
      if (!stderr.isTTY) return;
      stderr.write(`\r${text.slice(0, (stderr.columns || 80) - 1)}\u001b[K`);
      showsProgress = true;
    },
    async confirm(question) {
      if (!stdin.isTTY || !stderr.isTTY) return false;
      clear();
      const asked = createInterface({ input: stdin, output: stderr });
      asked.once('SIGINT', () => stopping.abort()); // the terminal gives it to whoever reads
      try {
        return /^y(es)?$/i.test((await asked.question(`${question} [y/N] `, { signal })).trim());
      } finally {
        asked.close();
      }
    },
  };
  return { context, close: clear };
}
