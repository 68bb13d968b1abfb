/** The package as it is built, without a registry; install.ts installs it as well. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { App } from 'aws-cdk-lib';
import { build as esbuild } from 'esbuild';
import { TasksStack } from '../../examples/cdk-app/tasks-stack';
import { bundleOptions } from '../../infra/constructs/bundle-options';
import { run } from '../../local/ministack/run-program';
import { readSynthesized } from '../../local/synthesized';
import { installedAt } from '../../scripts/third-party';
import { compile, pageOfTheConstruct, readTemplate, root, synthesizeApp } from './consumer';

const dist = join(root, 'dist');
const temporary = mkdtempSync(join(tmpdir(), 'package-test-'));
/** A project in which the package is installed, as far as that can be done without a registry. */
const project = join(temporary, 'project');

beforeAll(async () => {
  await run('npm', ['run', 'build'], { cwd: root });
  cpSync(join(root, 'examples', 'cdk-app'), project, { recursive: true });
  const installed = join(project, 'node_modules', 'partner-central-task-poller');
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  cpSync(dist, join(installed, 'dist'), { recursive: true });
  for (const peer of ['aws-cdk-lib', 'constructs'])
    symlinkSync(dirname(require.resolve(`${peer}/package.json`)), join(project, 'node_modules', peer));
});
afterAll(() => rmSync(temporary, { recursive: true }));

/** The files in it, as paths. */
async function packed(): Promise<string[]> {
  const printed = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const [{ files }] = JSON.parse(printed) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

test('it has what its users need, and neither source nor tests', async () => {
  const paths = await packed();
  expect(paths).toEqual(expect.arrayContaining(['docs/construct.md', 'docs/runbook.md', 'docs/security.md']));
  expect(
    paths.filter(path => !/^(docs\/[\w/-]+\.(md|json|svg)|examples\/[\w-]+\/[\w-]+\.(md|json|ts))$/.test(path)).sort(),
  ).toEqual([
    'README.md',
    'dist/THIRD-PARTY-NOTICES',
    'dist/events.js',
    'dist/events.mjs',
    'dist/functions/alerts/index.mjs',
    'dist/functions/poller/index.mjs',
    'dist/index.js',
    'dist/sbom.cdx.json',
    'dist/types/events/index.d.mts',
    'dist/types/events/index.d.ts',
    'dist/types/events/parse-task-event.d.ts',
    'dist/types/events/task-events.d.ts',
    'dist/types/infra/index.d.ts',
    'dist/types/infra/method-options.d.ts',
    'dist/types/infra/task-poller-settings.d.ts',
    'dist/types/infra/task-poller.d.ts',
    'dist/types/lambdas/event-names.d.ts',
    'dist/types/lambdas/poller/configuration-error.d.ts',
    'package.json',
  ]);
});

test('what its pages link to is in it', async () => {
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

test('its notices and its SBOM name every package with code in it, and no other', async () => {
  // esbuild names the file above its code, unless it may leave out white space.
  const common = { absWorkingDir: root, bundle: true, write: false } as const;
  const builds = await Promise.all([
    ...['infra/index.ts', 'events/index.ts'].map(entry =>
      esbuild({
        ...common,
        entryPoints: [entry],
        platform: 'node',
        mainFields: ['module', 'main'],
        external: ['aws-cdk-lib', 'constructs'],
      }),
    ),
    ...['poller', 'alerts'].map(name => {
      const { minify, ...options } = bundleOptions;
      const entryPoints = [`lambdas/${name}/handler.ts`];
      return esbuild({ ...common, ...options, minifySyntax: minify, minifyIdentifiers: minify, entryPoints });
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
  // Others may be fine, too: read their license first.
  for (const one of expected) expect(one).toMatch(/, (Apache-2\.0|MIT|MIT-0)$/);
});

test('whoever installs it gets nothing but its peers, of which those it was tested with are the newest', () => {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  expect({ dependencies, optionalDependencies }).toEqual({});
  expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
  const page = readFileSync(join(root, 'docs', 'construct.md'), 'utf8');
  for (const [peer, range] of Object.entries<string>(peerDependencies)) {
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
});

test('the functions in it are those that a synthesis bundles', () => {
  const {
    pollers: [poller],
    formatter,
  } = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');
  const content = (file: string) => readFileSync(file, 'utf8');
  expect(content(join(dist, 'functions', 'poller', 'index.mjs')) === content(poller.bundle)).toBe(true);
  expect(content(join(dist, 'functions', 'alerts', 'index.mjs')) === content(formatter.bundle)).toBe(true);
});

test('an app that uses it gets the template that the source makes', async () => {
  const outdir = join(temporary, 'of-the-package');
  await synthesizeApp('app.ts', project, outdir);
  // Not bundled once more: that the functions are the same is known, and that their hashes are so is seen on installing.
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
