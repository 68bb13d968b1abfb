/** What people get wrong in the configuration and around it, and what they are told. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../infra/config';
import { configEntries } from '../../infra/config-entries';
import { synthesize } from '../../infra/synthesize';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { allowedValues } from '../../lambdas/poller/settings';
import { outdir } from './read-template';

const root = join(__dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'mistakes-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const newFolder = () => mkdtempSync(join(folder, 'one-'));

function problemsOf(context: Record<string, unknown>): readonly string[] {
  try {
    readConfig({ catalog: 'Sandbox', ...context });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

test.each([
  ['pollEveryMinute', 'pollEveryMinutes'],
  ['tasksFamily', 'taskFamily'],
  ['alertemail', 'alertEmail'],
  ['tag', 'tags'],
  ['colour', undefined],
  ['stage', undefined], // one letter in three is not a slip
])('fails when a key is %s: one line, which asks for %s', (key, meant) => {
  const advice = meant ? `did you mean ${meant}?` : 'docs/configuration.md has all keys';
  expect(problemsOf({ [key]: 'x' })).toEqual([`${key}: unknown key, got "x"; ${advice}`]);
});

test.each([
  [
    { taskFamly: 'EngagementFromOpportunity' },
    'taskFamly: unknown key, got "EngagementFromOpportunity"; did you mean taskFamily?',
  ],
  [{ colour: 'red' }, 'colour: unknown key, got "red"; docs/configuration.md has all keys'],
  [{ alertEmail: 'a@b.cd' }, 'alertEmail: got "a@b.cd", allowed: only beside furtherSources, for the whole stack'],
  [{ furtherSources: [] }, 'furtherSources: got [], allowed: only beside furtherSources, for the whole stack'],
])('fails when a key of a further source is wrong, as in %j: one line', (source, problem) => {
  expect(problemsOf({ furtherSources: [source] })).toEqual([`furtherSources[0].${problem}`]);
});

test('fails when a further source has a wrong key and a wrong value: a line for each', () => {
  expect(problemsOf({ furtherSources: [{ taskFamly: 'x', memoryMb: 1 }, { catalog: 'AWS' }] })).toEqual([
    'furtherSources[0].taskFamly: unknown key, got "x"; did you mean taskFamily?',
    'furtherSources[0].memoryMb: got 1, allowed: a whole number of megabytes from 128 to 3008',
  ]);
});

test.each([
  ['[{"catalog":"AWS",}]', 'Expected double-quoted property name in JSON at position 18 (line 1 column 19)'],
  ['[{catalog:AWS}]', "Expected property name or '}' in JSON at position 2 (line 1 column 3)"],
  ['[{"catalog":"AWS"}', "Expected ',' or ']' after array element in JSON at position 18 (line 1 column 19)"],
])('fails when furtherSources is %s: says where it stops being JSON', (text, where) => {
  expect(problemsOf({ furtherSources: text })).toEqual([
    expect.stringContaining(`furtherSources: got ${JSON.stringify(text)}, which is not JSON: ${where}; allowed: `),
  ]);
});

const wantsArn = Object.entries(configEntries).filter(([, entry]) => allowedValues(entry)?.match(/\bARNs?\b/));
test.each(wantsArn)('%s says what its ARN looks like', (_, entry) => {
  expect(allowedValues(entry)).toMatch(/arn:aws:(iam|sns|events|partnercentral):/);
});

describe("the user's own ~/.cdk.json", () => {
  const home = newFolder();
  writeFileSync(join(home, '.cdk.json'), '{"context":{"team":"crm","pollEveryMinute":5}}');
  const synthesized = (context: Record<string, unknown>) =>
    synthesize({ bundle: false, validate: false, outdir: outdir(), home, context });

  test('may have keys that are not ours: a warning names them', () => {
    const [stack] = synthesized({ team: 'crm' }).stacks;
    expect(stack?.messages.map(({ level, entry }) => [level, entry.data])).toContainEqual([
      'warning',
      "The context in ~/.cdk.json has keys that are not the poller's and are ignored: team [ack: partner-central-task-poller:keysOfOtherApps]",
    ]);
  });

  test.each([{ team: 'sales' }, { stage: 'test' }, { pollEveryMinute: 5 }])(
    'fails when a key is from elsewhere, or like one of ours: %j',
    context => {
      expect(() => synthesized(context)).toThrow(ConfigurationError);
    },
  );
});

test('fails when cdk.json is broken: says where', () => {
  const project = newFolder();
  writeFileSync(join(project, 'cdk.json'), '{\n  "context": {\n    "catalog": "AWS",\n  }\n}\n');
  expect(() => synthesize({ project })).toThrow(
    `${join(project, 'cdk.json')} can't be used:\n  - Expected double-quoted property name in JSON at position 41 (line 4 column 3)`,
  );
});

test.each([[[]], [['package-lock.json', 'pnpm-lock.yaml']]])('the lock files around may be %j', files => {
  const here = process.cwd();
  const elsewhere = newFolder();
  for (const file of files) writeFileSync(join(elsewhere, file), '');
  process.chdir(elsewhere);
  try {
    expect(synthesize({ bundle: false, validate: false, outdir: outdir() }).stacks).toHaveLength(1);
  } finally {
    process.chdir(here);
  }
});

test('leaves no feature flag for the CLI to count', () => {
  const { artifacts } = JSON.parse(readFileSync(join(process.env.SYNTHESIZED as string, 'manifest.json'), 'utf8'));
  const { flags } = artifacts['aws-cdk-lib/feature-flag-report'].properties as {
    flags: Record<string, { userValue?: unknown }>;
  };
  expect(Object.keys(flags).length).toBeGreaterThan(50);
  expect(Object.entries(flags).filter(([, { userValue }]) => userValue === undefined)).toEqual([]);
});

describe('before npm ci', () => {
  const project = newFolder();
  cpSync(join(root, 'package.json'), join(project, 'package.json'));
  mkdirSync(join(project, 'scripts'));
  cpSync(join(root, 'scripts', 'typescript.mjs'), join(project, 'scripts', 'typescript.mjs'));
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const ours = Object.entries(scripts).filter(([, command]) => /\.ts\b/.test(command));

  test('fails when a script is run: one sentence says what to do', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', scripts.start as string], {
      cwd: project,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'The dependencies are not installed: run npm ci first.\n',
    });
  });

  test.each(ours)('%s says so, too', (_, command) => {
    for (const part of command.split('&&').filter(part => /\.ts\b/.test(part)))
      expect(part).toContain('--import ./scripts/typescript.mjs ');
  });
});
