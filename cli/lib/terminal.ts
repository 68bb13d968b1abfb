import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
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
  async function ask(question: string, echo: NodeJS.WritableStream): Promise<string | undefined> {
    if (!stdin.isTTY || !stderr.isTTY) return undefined;
    clear();
    if (echo !== stderr) stderr.write(harmless(question));
    const asked = createInterface({ input: stdin, output: echo, terminal: true });
    asked.once('SIGINT', () => stopping.abort()); // the terminal gives it to whoever reads
    try {
      return (await asked.question(question, { signal })).trim();
    } finally {
      asked.close();
    }
  }
  const context: Context = {
    json,
    signal,
    now: Date.now,
    lineWidth: stdout.columns ?? Number.POSITIVE_INFINITY,
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
      const answer = await ask(`${question} [y/N] `, stderr);
      return /^y(es)?$/i.test(answer ?? '');
    },
    async ask(question) {
      const answer = await ask(question, new Writable({ write: (_chunk, _encoding, done) => done() }));
      if (answer !== undefined) stderr.write('\n');
      return answer;
    },
  };
  return { context, close: clear };
}
