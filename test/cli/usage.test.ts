/** Help and usage errors of the command line, and options that npm consumes. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { refuseTakenOptions, UsageError } from '../../cli/lib/command-line';
import { readMoment } from '../../cli/lib/instants';
import { type Ended, openCommandLine, project } from './command-line';

const commandLine = openCommandLine();
afterAll(() => commandLine.close());

const isHelp = ({ code, out, err }: Ended, usage: string, ...parts: string[]) => {
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out.startsWith(`Usage: npm run tasks -- ${usage}`)).toBe(true);
  for (const part of [...parts, 'Examples:\n  npm run tasks -- ', 'Exit codes: 0 done, 1 ', '--stack <NAME>'])
    expect(out).toContain(part);
  expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(110);
};

test('--help lists each command that has a folder', async () => {
  const { out } = await commandLine.run(['--help']);
  const folders = readdirSync(join(project, 'cli', 'commands'));
  expect(folders.length).toBeGreaterThan(7);
  for (const command of folders) expect(out).toMatch(new RegExp(`^ +${command} `, 'm'));
});

test('--help lists all commands, and for each one its options and examples', async () => {
  const [whole, list, show] = await Promise.all(
    [['--help'], ['list', '--help'], ['show', '--help']].map(args => commandLine.run(args)),
  );
  isHelp(
    whole as Ended,
    'COMMAND [options]',
    'status ',
    'list ',
    'show ',
    'doctor ',
    '--local',
    'Put -- before the command',
  );
  isHelp(list as Ended, 'list [options]', '--status <STATUS>', '--reason', '--since <T>', 'how long ago (24h, 7d)');
  isHelp(show as Ended, 'show [options] <TASK>', 'id or ARN');
});

const refused: [args: string[], message: string][] = [
  [[], 'Usage: npm run tasks -- COMMAND'],
  [['stat'], "unknown command 'stat'"],
  [['list', '--limit', '-1'], "'--limit <N>' argument '-1' is invalid. Allowed: a whole number from 1 to"],
  [
    ['list', '--since', 'yesterday'],
    "argument 'yesterday' is invalid. Allowed: an instant (2026-11-01T00:00:00Z), a date",
  ],
  [['status', '--local', '--profile', 'prod'], "'--local' cannot be used with option '--profile <NAME>'"],
  [
    ['status', '--source', 'Sandbox'],
    "argument 'Sandbox' is invalid. Allowed: AWS or Sandbox, a slash, and Opportunity",
  ],
  [['list', '--since', '1h', '--until', '2h'], '--since has to be before --until.'],
  [['watch', '--once', '--every', '30d'], 'and at most 7d'],
  // The SDK would omit it, and the command would show all tasks.
  [
    ['watch', '--once', '--family', 'EngagementByAcceptingInvitation', '--engagementIdentifiers', 'eng-0123456789abcd'],
    '--engagementIdentifiers with taskFamily: got ["eng-0123456789abcd"] with EngagementByAcceptingInvitation, allowed',
  ],
  // Without a stack, the source's settings would be ignored silently.
  [
    ['watch', '--once', '--source', 'AWS/OpportunityFromEngagement'],
    '--source is for a deployed stack; name --catalog',
  ],
  [['watch', '--once', '--stack', 'Production'], '--stack is for a deployed stack; name --catalog'],
  [['watch', '--once', '--region', 'eu-west-1'], '--region is for a deployed stack; name --catalog'],
  [['watch', '--once', '--json'], '--json is for one document; watch writes each event as a line of JSON.'],
  [['watch', '--once', '--every', '30s'], "option '--every <TIME>' cannot be used with option '--once'"],
  [['plan', '--no-table', '--stack', 'Production'], '--stack is for a deployed stack'],
  [
    ['replay', '--ended-since', '1h', '--dry-run', '--yes'],
    '--dry-run publishes nothing: leave out --yes and --alerts.',
  ],
  [['show', 'opp-1'], 'opp-1 is no task id: task- and 13 of 0-9a-z, or an ARN that ends with it.'],
  [['plan', '--no-table', '--source', 'AWS/OpportunityFromEngagement'], '--source is for a deployed stack'],
  [['wait', 'task-0000000000000', '--stack', 'Prod'], '--stack is for a deployed stack'],
];

test('fails when the command line is wrong: exit code 2, the allowed values, and nothing on standard output', async () => {
  const outcomes = await Promise.all(refused.map(([args]) => commandLine.run(args)));
  for (const [at, [, message]] of refused.entries()) {
    expect(outcomes[at]?.err).toContain(message);
    expect(outcomes[at]).toMatchObject({ code: 2, out: '' });
  }
});

test('fails when npm consumed an option because -- is missing', async () => {
  // As a process, for its exit code.
  const { code, out, err } = await commandLine.start(['list', '5'], { npm_config_limit: 'true' }).ended;
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toBe('npm took --limit for itself. Put -- before the command: npm run tasks -- COMMAND --limit …');

  const program = new Command().option('--json').option('--stack <NAME>');
  program.command('replay').option('--dry-run');
  expect(() => refuseTakenOptions(program, [], { npm_config_dry_run: 'true' })).toThrow(UsageError);
  expect(() => refuseTakenOptions(program, [], { npm_config_stack: 'Prod' })).toThrow('--stack');
  expect(() =>
    refuseTakenOptions(program, [], { npm_config_json: 'true', npm_config_loglevel: 'silent' }),
  ).not.toThrow();
});

test.each([
  ['"run" "tasks" "status" "--json"', '--json'],
  ['"--json" "run" "tasks" "status"', '--json'],
  ['"run" "--json" "tasks" "--" "status"', '--json'],
  ['"run" "tasks" "status" "--no-global"', '--local'], // npm expands it
  ['"run" "tasks" "--local" "status"', '--local'],
  ['"run" "tasks" "--" "status" "--json"', undefined],
  ['"run" "other" "status" "--json"', undefined],
  ['"run" "tasks" "list" "--json"', undefined], // of another process at the same time
])('from its log, npm %s has consumed %s', (argv, taken) => {
  const now = Date.UTC(2026, 10, 28, 22, 19, 8);
  const environment = npmLog(argv, '2026-11-28T22_19_07_950Z');
  const program = new Command().option('--json').option('--local');
  const refuse = (at: number) =>
    refuseTakenOptions(
      program,
      argv.includes('"--" "status" "--json"') ? ['status', '--json'] : ['status'],
      environment,
      at,
    );
  if (taken === undefined) expect(() => refuse(now)).not.toThrow();
  else expect(() => refuse(now)).toThrow(`npm took ${taken} for itself.`);
  expect(() => refuse(now + 120_000)).not.toThrow();
});

test('fails when npm itself reads --local as its --no-global', async () => {
  // Uses npm itself, because the format of the log is npm's.
  const cache = join(commandLine.folder, 'cache');
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'tasks', 'list', '--local'], {
    cwd: project,
    env: { ...process.env, npm_config_cache: cache },
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(
    'npm took --local for itself. Put -- before the command: npm run tasks -- COMMAND --local …',
  );
});

/** @returns the environment in which npm runs a script */
function npmLog(argv: string, name: string) {
  const cache = mkdtempSync(join(commandLine.folder, 'npm-'));
  mkdirSync(join(cache, '_logs'));
  writeFileSync(join(cache, '_logs', `${name}-debug-0.log`), `7 verbose title npm run tasks\n8 verbose argv ${argv}\n`);
  return { npm_config_cache: cache, npm_lifecycle_event: 'tasks' };
}

test('times: instants, dates, and durations ago', () => {
  const now = Date.UTC(2026, 10, 23, 12);
  expect(readMoment('2026-11-01T00:00:00Z', now)).toBe(Date.UTC(2026, 10, 1));
  expect(readMoment('2026-11-01', now)).toBe(Date.UTC(2026, 10, 1));
  expect(readMoment('90m', now)).toBe(Date.UTC(2026, 10, 23, 10, 30));
  expect(readMoment('24h', now)).toBe(Date.UTC(2026, 10, 22, 12));
  expect(readMoment('7d', now)).toBe(Date.UTC(2026, 10, 16, 12));
  for (const wrong of ['', '7', 'd', '-7d', '2026-13-01', '2026-11-01 00:00', 'now'])
    expect(() => readMoment(wrong, now)).toThrow('Allowed: an instant');
});
