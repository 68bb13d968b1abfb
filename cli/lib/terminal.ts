import { createInterface } from 'node:readline/promises';
import type { Context } from './context';
import { escaped, harmless } from './words';

/** What commands have of the terminal, or of the pipes in its place. */
export function openTerminal(json: boolean, signal: AbortSignal): Context {
  const { stdin, stdout, stderr } = process;
  let showsProgress = false;
  const clear = () => {
    if (showsProgress) stderr.write('\r\u001b[K');
    showsProgress = false;
  };
  process.once('exit', clear);
  return {
    json,
    signal,
    now: Date.now,
    print(line) {
      clear();
      stdout.write(`${json ? escaped(line) : harmless(line)}\n`);
    },
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
      asked.once('SIGINT', () => process.emit('SIGINT')); // the terminal gives it to whoever reads
      try {
        return /^y(es)?$/i.test((await asked.question(`${question} [y/N] `, { signal })).trim());
      } finally {
        asked.close();
      }
    },
  };
}

/** `npm run tasks -- list | head`: nobody reads on, which is no failure. All else that can't be written is one. */
export function endWithOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      if (stream === process.stdout) process.stderr.write(`The output can't be written: ${error.message}.\n`);
      process.exit(1);
    });
}
