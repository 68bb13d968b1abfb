/** Terminals and pipes of commands. */
import { PassThrough } from 'node:stream';
import { openTerminal } from '../../cli/lib/terminal';

const open = (isTTY: boolean, json = false) => {
  const stream = () => Object.assign(new PassThrough(), { isTTY, columns: 20 });
  const streams = { stdin: stream(), stdout: stream(), stderr: stream() };
  const stopping = new AbortController();
  const { context, close } = openTerminal(streams, json, stopping);
  const written = (which: 'stdout' | 'stderr') => String(streams[which].read() ?? '');
  return { ...streams, context, close, stopping, written };
};

test('progress is one line that is overwritten, and removed before the next line and at the end', () => {
  const { context, close, written } = open(true);
  context.progress('1 of 100 rows read');
  context.progress('a progress that is longer than the terminal');
  context.print('result');
  context.progress('2');
  close();
  expect(written('stderr')).toBe(
    '\r1 of 100 rows read\u001b[K\ra progress that is \u001b[K\r\u001b[K\r2\u001b[K\r\u001b[K',
  );
  expect(written('stdout')).toBe('result\n');
});

test('without a terminal there is no progress and no question', async () => {
  const { context, written } = open(false);
  context.progress('1 of 100 rows read');
  expect(await context.confirm('Publish?')).toBe(false);
  expect(written('stderr')).toBe('');
});

test.each([
  ['y\n', true],
  ['YES\n', true],
  ['n\n', false],
  ['\n', false],
])('the answer %j', async (answer, confirmed) => {
  const { context, stdin, written } = open(true);
  const answered = context.confirm('Publish?');
  stdin.write(answer);
  expect(await answered).toBe(confirmed);
  expect(written('stderr')).toContain('Publish? [y/N] ');
});

test('Ctrl-C ends a question', async () => {
  const { context, stopping } = open(true);
  const answered = context.confirm('Publish?');
  stopping.abort();
  await expect(answered).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
});

test('control characters are made visible, and escaped in JSON', () => {
  const people = open(true);
  people.context.print('a\u001b[31mb');
  expect(people.written('stdout')).toBe('a\ufffd[31mb\n');
  const programs = open(false, true);
  programs.context.print('"a\u009bb"');
  expect(programs.written('stdout')).toBe('"a\\u009bb"\n');
});
