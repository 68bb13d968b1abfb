/** The built package, without a registry; install.ts installs it too. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { App } from 'aws-cdk-lib';
import { build as esbuild } from 'esbuild';
import { TasksStack } from '../../examples/cdk-app/tasks-stack';
import { bundleOptions } from '../../infra/constructs/bundle-options';
import { run } from '../../local/ministack/run-program';
import { startPartnerCentral } from '../../local/services/partner-central';
import { readSynthesized } from '../../local/synthesized';
import { commandLineOptions } from '../../scripts/build';
import { installedAt } from '../../scripts/third-party';
import { openCommandLine } from '../cli/command-line';
import { ago, DAY } from '../durations';
import { openTestStack } from '../integration/test-stack';
import { compile, pageOfTheConstruct, readTemplate, root, synthesizeApp } from './consumer';

const dist = join(root, 'dist');
const callersClient = '@aws-sdk/client-partnercentral-selling';
const temporary = mkdtempSync(join(tmpdir(), 'package-test-'));
const packageName = 'partner-central-task-poller';

const waits = `\
import { PartnerCentralSellingClient } from '${callersClient}';
import { TaskHasFailed, type TaskSummary, waitForTask } from '${packageName}/wait';

const client = new PartnerCentralSellingClient({ region: 'us-east-1' });
export const task: Promise<TaskSummary> = waitForTask(client, {
  catalog: 'AWS',
  taskType: 'OpportunityFromEngagement',
  taskId: undefined as string | undefined,
  maxWaitTime: 60,
});
export const actionOf = (error: unknown): string | undefined => error instanceof TaskHasFailed ? error.action : undefined;
// @ts-expect-error no such family
waitForTask(client, { catalog: 'AWS', taskType: 'Opportunity', taskId: '' });
`;

const prints = `
const client = new PartnerCentralSellingClient({ region: 'us-east-1', endpoint: process.env.PARTNER_CENTRAL });
const wait = taskId => waitForTask(client, { catalog: 'AWS', taskType: 'OpportunityFromEngagement', taskId });
const [, , completes, fails] = process.argv;
wait(completes).then(({ TaskId, TaskStatus }) => console.log(TaskId, TaskStatus)).then(() => wait(fails)).catch(error =>
  console.log(error.name, error.reasonCode, error.reasonCategory),
);
`;

/** A project with the package installed, as far as possible without a registry. */
const project = join(temporary, 'project');

beforeAll(async () => {
  await run('npm', ['run', 'build'], { cwd: root });
  cpSync(join(root, 'examples', 'cdk-app'), project, { recursive: true });
  const installed = join(project, 'node_modules', packageName);
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  cpSync(dist, join(installed, 'dist'), { recursive: true });
  for (const peer of ['aws-cdk-lib', 'constructs'])
    symlinkSync(dirname(require.resolve(`${peer}/package.json`)), join(project, 'node_modules', peer));
});
afterAll(() => rmSync(temporary, { recursive: true }));

/** Paths of the files in it. */
async function packed(): Promise<string[]> {
  const printed = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const [{ files }] = JSON.parse(printed) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

test('contains what users need, and neither source nor tests', async () => {
  const paths = await packed();
  expect(paths).toEqual(expect.arrayContaining(['docs/construct.md', 'docs/runbook.md', 'docs/security.md']));
  expect(
    paths
      .filter(
        path => !/^(docs\/[\w/-]+\.(md|json|svg)|examples\/[\w/-]+\.(md|json|ts|py|java|xml|go|mod|sum))$/.test(path),
      )
      .sort(),
  ).toEqual([
    'README.md',
    'dist/THIRD-PARTY-NOTICES',
    'dist/events.js',
    'dist/events.mjs',
    'dist/functions/alerts/index.mjs',
    'dist/functions/poller/index.mjs',
    'dist/index.js',
    'dist/sbom.cdx.json',
    'dist/tasks.js',
    'dist/types/events/index.d.mts',
    'dist/types/events/index.d.ts',
    'dist/types/events/parse-task-event.d.ts',
    'dist/types/events/task-events.d.ts',
    'dist/types/events/task-started.d.ts',
    'dist/types/infra/index.d.ts',
    'dist/types/infra/method-options.d.ts',
    'dist/types/infra/task-poller-settings.d.ts',
    'dist/types/infra/task-poller.d.ts',
    'dist/types/lambdas/event-names.d.ts',
    'dist/types/lambdas/poller/configuration-error.d.ts',
    'dist/types/lambdas/poller/task-families.d.ts',
    'dist/types/wait/index.d.mts',
    'dist/types/wait/index.d.ts',
    'dist/types/wait/task-errors.d.ts',
    'dist/types/wait/wait-for-task.d.ts',
    'dist/wait.js',
    'dist/wait.mjs',
    'package.json',
  ]);
});

test('is reproducible, and contains nothing of this machine', async () => {
  const pack = async (folder: string, ...options: string[]) => {
    const destination = join(temporary, folder);
    mkdirSync(destination);
    await run('npm', ['pack', '--pack-destination', destination, ...options], { cwd: root });
    const [file] = readdirSync(destination);
    return readFileSync(join(destination, file as string));
  };
  const first = await pack('first', '--ignore-scripts');
  const again = await pack('again'); // builds again
  expect(again.equals(first)).toBe(true);
  const content = gunzipSync(first);
  expect(content.length).toBeGreaterThan(1_000_000);
  for (const ours of [root, homedir()]) expect(content.includes(`${ours}/`)).toBe(false);
});

test("contains the targets of its pages' links", async () => {
  const paths = await packed();
  const isPacked = (path: string) => paths.some(one => one === path || one.startsWith(`${path}/`));
  const links = paths
    .filter(path => path.endsWith('.md'))
    .flatMap(page =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, to = '']) => ({
        page,
        to,
        path: posix.join(page, '..', to).replace(/\/$/, ''),
      })),
    );
  expect(links.length).toBeGreaterThan(30);
  expect(links.filter(({ path }) => !isPacked(path))).toEqual([]);
});

test('notices and SBOM name every package with code in it, and no other', async () => {
  // esbuild puts a comment with the file name above its code, except when it removes white space.
  const common = { absWorkingDir: root, bundle: true, write: false } as const;
  const builds = await Promise.all([
    ...['infra/index.ts', 'events/index.ts', 'wait/index.ts'].map(entry =>
      esbuild({
        ...common,
        entryPoints: [entry],
        platform: 'node',
        mainFields: ['module', 'main'],
        external: ['aws-cdk-lib', 'constructs', callersClient],
      }),
    ),
    ...['poller', 'alerts'].map(name => {
      const { minify, ...options } = bundleOptions;
      const entryPoints = [`lambdas/${name}/handler.ts`];
      return esbuild({ ...common, ...options, minifySyntax: minify, minifyIdentifiers: minify, entryPoints });
    }),
    esbuild({
      ...{ ...common, ...commandLineOptions },
      ...{ minify: false, minifySyntax: true, minifyIdentifiers: true, entryPoints: ['cli/tasks.ts'] },
    }),
  ]);
  const files = builds.flatMap(({ outputFiles }) =>
    outputFiles.flatMap(({ text }) => [...text.matchAll(/^ *\/\/ (\S+)$/gm)].map(([, file]) => file as string)),
  );
  const folders = new Set(files.flatMap(file => installedAt(file) ?? []));
  const expected = [...folders]
    .map(folder => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')))
    .map(({ name, version, license }) => `${name} ${version}, ${license}`)
    .sort();
  expect(expected.length).toBeGreaterThan(20);

  const noticed = readFileSync(join(dist, 'THIRD-PARTY-NOTICES'), 'utf8').split('='.repeat(80));
  const listed = [...(noticed[0] as string).matchAll(/^ {2}(\S+ \S+, [^,\n]+)/gm)].map(([, one]) => one);
  expect(listed.sort()).toEqual(expected);
  const { components } = JSON.parse(readFileSync(join(dist, 'sbom.cdx.json'), 'utf8')) as {
    components: { group?: string; name: string; version: string; licenses: { license: { id: string } }[] }[];
  };
  const inSbom = components.map(
    ({ group, name, version, licenses: [first] }) =>
      `${group ? `${group}/` : ''}${name} ${version}, ${first?.license.id}`,
  );
  expect(inSbom.sort()).toEqual(expected);
  // Other licenses may be acceptable too. Read them first.
  for (const one of expected) expect(one).toMatch(/, (Apache-2\.0|ISC|MIT|MIT-0)$/);
});

test('installs nothing else, not even peers, and admits the tested peers as the newest', () => {
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  expect({ dependencies, optionalDependencies }).toEqual({});
  const { [callersClient]: ofClient, ...ofConstruct } = peerDependencies;
  expect({ ofClient, peerDependenciesMeta }).toEqual({
    ofClient: `^${devDependencies[callersClient]}`,
    peerDependenciesMeta: Object.fromEntries(Object.keys(peerDependencies).map(peer => [peer, { optional: true }])),
  });
  expect(Object.keys(ofConstruct)).toEqual(['aws-cdk-lib', 'constructs']);
  const page = readFileSync(join(root, 'docs', 'construct.md'), 'utf8');
  for (const [peer, range] of Object.entries<string>(ofConstruct)) {
    const [, major, minor] = /^\^(\d+)\.(\d+)\.0$/.exec(range) ?? [];
    expect(devDependencies[peer]).toMatch(new RegExp(`^${major}\\.`));
    expect(page).toContain(`\`${peer}\` from ${major}.${minor}`);
  }
  const required = [...readFileSync(join(dist, 'index.js'), 'utf8').matchAll(/\brequire\("([^"]+)"\)/g)].map(
    ([, name = '']) => name.split(/[/:]/)[0],
  );
  expect([...new Set(required)].sort()).toEqual(['aws-cdk-lib', 'constructs', 'node']);
  for (const file of ['events.js', 'events.mjs'])
    expect(readFileSync(join(dist, file), 'utf8')).not.toMatch(/\brequire\("|^import /m);
  for (const file of ['wait.js', 'wait.mjs']) {
    const [, ...others] = readFileSync(join(dist, file), 'utf8').split(`"${callersClient}"`);
    expect(others.join('')).not.toMatch(/\brequire\("|^import |\bfrom "/m);
  }
});

test("waitForTask accepts the caller's client by its types, and works as ES module and CommonJS", async () => {
  const folder = join(temporary, 'waiting');
  cpSync(join(project, 'node_modules', packageName), join(folder, 'node_modules', packageName), {
    recursive: true,
  });
  mkdirSync(join(folder, 'node_modules', '@aws-sdk'));
  const client = dirname(require.resolve(`${callersClient}/package.json`));
  symlinkSync(client, join(folder, 'node_modules', callersClient));
  for (const kind of ['mts', 'cts']) writeFileSync(join(folder, `waits.${kind}`), waits);
  const names = `{ PartnerCentralSellingClient }`;
  writeFileSync(
    join(folder, 'waits.mjs'),
    `import ${names} from '${callersClient}';\nimport { waitForTask } from '${packageName}/wait';\n${prints}`,
  );
  writeFileSync(
    join(folder, 'waits.cjs'),
    `const ${names} = require('${callersClient}');\nconst { waitForTask } = require('${packageName}/wait');\n${prints}`,
  );
  const partnerCentral = await startPartnerCentral();
  try {
    const tasks = partnerCentral.store('AWS');
    const [completes, fails] = [
      tasks.add({ status: 'COMPLETE' }),
      tasks.add({ status: 'FAILED', reasonCode: 'ContextNotFound' }),
    ];
    const env = { PARTNER_CENTRAL: partnerCentral.url, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
    const printed = ['waits.mjs', 'waits.cjs'].map(file =>
      run(process.execPath, [file, completes.taskId, fails.taskId], { cwd: folder, env }),
    );
    const files = ['waits.mts', 'waits.cts'];
    const modules = { module: 'node16', moduleResolution: 'node16', skipLibCheck: true };
    await compile(folder, files, { ...modules, exactOptionalPropertyTypes: true });
    for (const output of await Promise.all(printed))
      expect(output).toBe(`${completes.taskId} COMPLETE\nTaskHasFailed ContextNotFound not-found\n`);
  } finally {
    await partnerCentral.close();
  }
});

test('its functions equal those of a synthesis', () => {
  const {
    pollers: [poller],
    formatter,
  } = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');
  const content = (file: string) => readFileSync(file, 'utf8');
  expect(content(join(dist, 'functions', 'poller', 'index.mjs')) === content(poller.bundle)).toBe(true);
  expect(content(join(dist, 'functions', 'alerts', 'index.mjs')) === content(formatter.bundle)).toBe(true);
});

describe('its command line', () => {
  const source = openCommandLine();
  afterAll(() => source.close());

  test("prints the same as the source's", async () => {
    const stack = await openTestStack({ emitSince: ago(DAY) });
    try {
      stack.store.add({ taskId: 'task-dpf02ig3g2uui', status: 'FAILED', reasonCode: 'EngagementAccessDenied' });
      await stack.run();
      const environment = source.announce('stack', stack.endpoints);
      // The output of other commands depends on the time.
      for (const command of [['list'], ['show', 'task-dpf02ig3g2uui']]) {
        const args = [...command, '--local', '--json'];
        const expected = await source.run(args, environment);
        const packed = await source.startFile(join(dist, 'tasks.js'), args, environment).ended;
        expect(packed).toEqual({ ...expected, out: expected.out.trimEnd() });
      }
    } finally {
      await stack.close();
    }
  });

  test('uses its own name', async () => {
    const names = readdirSync(join(root, 'cli', 'commands'));
    for (const args of [['--help'], ...names.map(name => [name, '--help'])]) {
      const { code, out } = await source.startFile(join(dist, 'tasks.js'), args).ended;
      expect({ args, code, usage: out.split('\n')[0] }).toEqual({
        args,
        code: 0,
        usage: expect.stringMatching(/^Usage: partner-central-tasks /),
      });
      expect(out).not.toMatch(/npm run|Put --/);
    }
  });
});

test('an app with it gets the same template as with the source', async () => {
  const outdir = join(temporary, 'of-the-package');
  await synthesizeApp('app.ts', project, outdir);
  // Without bundling again: the functions are compared above, and their hashes in install.ts.
  const app = new App({ outdir: join(temporary, 'of-the-source'), context: { 'aws:cdk:bundling-stacks': [] } });
  new TasksStack(app, 'Tasks');
  const { template } = app.synth().getStackByName('Tasks');
  const withoutHashes = (json: object) => JSON.parse(JSON.stringify(json).replace(/[0-9a-f]{64}\.zip/g, 'code.zip'));
  expect(withoutHashes(readTemplate(outdir, 'Tasks'))).toEqual(withoutHashes(template));
});

test('the code of docs/construct.md compiles and synthesizes', async () => {
  writeFileSync(join(project, 'page.ts'), pageOfTheConstruct().program);
  const outdir = join(temporary, 'of-the-page');
  await Promise.all([
    compile(project, ['page.ts'], { module: 'node16', moduleResolution: 'node16', skipLibCheck: true }),
    synthesizeApp('page.ts', project, outdir),
  ]);
  for (const stack of ['Tasks', 'Consumers', 'Here', 'Linked', 'Elsewhere'])
    expect(Object.keys(readTemplate(outdir, stack).Resources).length).toBeGreaterThan(0);
});
