import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ALL_HISTORIES, help, readOptions } from '../../bench/options';

test.each<[string[], object]>([
  [[], { histories: ALL_HISTORIES, write: false, help: false }],
  [['--write'], { write: true }],
  [['--help'], { help: true }],
  [['--history', '10000,1000'], { histories: [1_000, 10_000] }],
  [['--history=1000,1000000'], { histories: [1_000, 1_000_000] }],
])('%j', (args, options) => {
  expect(readOptions(args, {})).toMatchObject(options);
});

test.each<[string[], string]>([
  [['--histroy', '1000'], 'Got --histroy, allowed: --history N,…, --write, --help.'],
  [['1000'], 'Got "1000", allowed: --history N,…, --write, --help.'],
  [['--history'], '--history: got no value, allowed: at least two of 1000, 10000, 100000, 1000000, with commas.'],
  [['--history', '1000'], '--history: got "1000", allowed: at least two of'],
  [['--history', '1000,5000'], '--history: got "1000,5000", allowed: at least two of'],
  [['--write=yes'], '--write: got "yes", allowed: no value.'],
  [['--write', '--history', '1000,10000'], '--write: got it with --history, allowed: only without'],
])('fails when the command line is %j, with the allowed values', (args, message) => {
  expect(() => readOptions(args, {})).toThrow(message);
});

test('fails when npm consumed an option', () => {
  expect(() => readOptions([], { npm_config_history: '1000' })).toThrow('npm run bench -- --history');
});

test('help shows the short example', () => {
  expect(help).toContain('npm run bench -- --history 1000,10000');
});

test('fails when an option is wrong, with exit code 2', () => {
  const run = (option: string) =>
    execFileSync(process.execPath, ['--import', 'tsx', join('bench', 'run.ts'), option], {
      cwd: join(__dirname, '..', '..'),
      encoding: 'utf8',
      stdio: 'pipe',
    });
  expect(() => run('--nope')).toThrow(expect.objectContaining({ status: 2 }));
});
