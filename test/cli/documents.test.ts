/** Commands in documents: those of the README run as written, and all of them exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ago, DAY } from '../durations';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { openCommandLine, project } from './command-line';

const read = (...path: string[]) => readFileSync(join(project, ...path), 'utf8');
const commandLine = openCommandLine();
let stack: TestStack;
let local: Record<string, string>;

const written = /npm run (?:--silent )?tasks -- ([a-z]+[^\n`#|]*)/g;
const commandsIn = (text: string) =>
  [...text.matchAll(written)].map(([, line]) => (line as string).trim().split(/\s+/) as [string, ...string[]]);
const ofReadme = commandsIn(read('README.md'));

beforeAll(async () => {
  stack = await openTestStack({ emitSince: ago(DAY) });
  stack.store.add({ taskId: 'task-dpf02ig3g2uui', status: 'FAILED', reasonCode: 'EngagementAccessDenied' });
  stack.store.add();
  await stack.run();
  local = commandLine.announce('stack', stack.endpoints);
});
afterAll(async () => {
  commandLine.close();
  await stack.close();
});

test('the README names every command', () => {
  const all = ['audit', 'doctor', 'list', 'plan', 'replay', 'show', 'status', 'wait', 'watch'];
  expect([...new Set(ofReadme.map(([name]) => name))].sort()).toEqual(all);
});

test.each(ofReadme.map(args => [args.join(' '), args] as const))('%s runs as written', async (_, args) => {
  const more = args[0] === 'watch' ? ['--keep', join(commandLine.folder, 'watch')] : [];
  const { code, out, err } = await commandLine.run([...args, '--local', ...more], local);
  // Commands that call Partner Central directly print what they do. The task of `wait` has failed.
  const isStraight = args[0] === 'watch' || args[0] === 'wait';
  expect({ code, err }).toEqual({ code: args[0] === 'wait' ? 1 : 0, err: isStraight ? expect.any(String) : '' });
  // A first poll that publishes nothing prints nothing.
  if (args[0] !== 'watch') expect(out).not.toBe('');
});

test('the runbook and docs/events.md name existing commands and options', async () => {
  const named = [...commandsIn(read('docs', 'runbook.md')), ...commandsIn(read('docs', 'events.md'))];
  expect(named.length).toBeGreaterThan(5);
  const names = [...new Set(named.map(([name]) => name))];
  const helps = new Map(
    await Promise.all(names.map(async name => [name, (await commandLine.run([name, '--help'])).out] as const)),
  );
  for (const [name, ...options] of named)
    for (const option of options.filter(one => one.startsWith('--')))
      expect({ name, option, help: helps.get(name) }).toEqual({
        name,
        option,
        help: expect.stringMatching(new RegExp(`^ +${option} `, 'm')),
      });
});

/** IAM actions whose name differs from `service:Operation`. */
const services: Readonly<Record<string, string>> = { eventbridge: 'events' };
const actions: Readonly<Record<string, string>> = { Invoke: 'InvokeFunction' };

test('docs/security.md lists each call of the commands', () => {
  const files = readdirSync(join(project, 'cli'), { encoding: 'utf8', recursive: true })
    .filter(file => file.endsWith('.ts'))
    .map(file => read('cli', file));
  files.push(read('lambdas', 'poller', 'edges', 'table-reader.ts'));
  const imported = files.flatMap(text => [
    ...text.matchAll(
      /import \{([^}]*)\} from '@aws-sdk\/client-(dynamodb|eventbridge|lambda|scheduler|cloudformation)'/g,
    ),
  ]);
  const calls = imported.flatMap(([, names, service]) =>
    [...(names as string).matchAll(/\b(?:paginate(\w+)|(\w+)Command)\b/g)].map(([, paged, single]) => {
      const operation = (paged ?? single) as string;
      return `${services[service as string] ?? service}:${actions[operation] ?? operation}`;
    }),
  );
  expect(new Set(calls).size).toBeGreaterThan(8);
  const [, section = ''] = read('docs', 'security.md').split('## What operators need\n');
  const listed = [...(section.split(/^#/m)[0] as string).matchAll(/`([a-z]+:[A-Za-z]+)`/g)].map(([, action]) => action);
  // Called by the poller's own code.
  const ours = [
    'events:PutEvents',
    'partnercentral:ListOpportunityFromEngagementTasks',
    'partnercentral:ListEngagementFromOpportunityTasks',
  ];
  expect([...new Set(listed)].sort()).toEqual(
    [...new Set([...calls, ...ours, 'sts:AssumeRole', 'kms:Decrypt'])].sort(),
  );
});
