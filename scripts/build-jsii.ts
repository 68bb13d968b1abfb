/**
 * Builds the construct for other languages from the output of `npm run build`:
 * `npm run build:jsii -- python java go dotnet` writes a folder of dist-jsii for each, and API references in
 * dist-jsii/api. The default language is Python. For .NET it writes source and does not compile it. jsii gets the npm
 * package's declarations, rewritten to types that it supports, and then the same bundle.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../local/ministack/run-program';

const root = join(__dirname, '..');
const dist = join(root, 'dist');
const outdir = join(root, 'dist-jsii');
/** Exports of the entry. ConfigurationError is left out, because other languages have their own errors. */
const declarations = ['task-poller', 'method-options', 'task-poller-settings'];
const { name, version, description, license, engines, peerDependencies, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const peers = Object.keys(peerDependencies).filter(peer => ['aws-cdk-lib', 'constructs'].includes(peer));
const versionsOfPeers = (all: Record<string, string>) => Object.fromEntries(peers.map(peer => [peer, all[peer]]));

const manifest = {
  ...{ name, version, description, license, engines },
  author: { name, organization: true },
  repository: { type: 'git', url: 'file:.' },
  stability: 'experimental',
  main: 'dist/index.js',
  types: 'dist/index.d.ts',
  peerDependencies: versionsOfPeers(peerDependencies),
  devDependencies: versionsOfPeers(devDependencies),
  jsii: {
    outdir,
    versionFormat: 'short',
    targets: {
      python: { distName: name, module: 'partner_central_task_poller' },
      java: {
        package: 'partnercentral.taskpoller',
        maven: { groupId: 'partnercentral', artifactId: 'task-poller' },
      },
      // It is published nowhere. A path without a dot is one that Go can't fetch: an app needs a replace directive.
      go: { moduleName: 'partnercentral', packageName: 'taskpoller' },
      dotnet: { namespace: 'PartnerCentral.TaskPoller', packageId: 'PartnerCentral.TaskPoller' },
    },
  },
};

/** jsii has no read-only lists, supports text as the only key type of maps, and treats unused imports as errors. */
export const forJsii = (declaration: string) =>
  declaration
    .replace(/^import .* from '\.\.\/events\/task-events';\n/m, '')
    .replace(/\bReasonCategory\[\]/g, 'string[]')
    .replace(/\breadonly ([\w.]+\[\])/g, '$1')
    .replace(/Readonly<Partial<Record<[^<>]*>>>/g, '{ [key: string]: string }');

export async function buildJsii(languages: readonly string[]): Promise<void> {
  // In another folder: tools of the project would find two packages of one name.
  const stage = mkdtempSync(join(tmpdir(), 'jsii-'));
  try {
    rmSync(outdir, { recursive: true, force: true });
    mkdirSync(join(outdir, 'api'), { recursive: true });
    await buildIn(stage, languages);
  } finally {
    rmSync(stage, { recursive: true });
  }
}

async function buildIn(stage: string, languages: readonly string[]): Promise<void> {
  const jsii = (tool: string, ...args: string[]) =>
    run(join(__dirname, 'jsii', 'node_modules', '.bin', tool), args, { cwd: stage });
  mkdirSync(join(stage, 'dist'), { recursive: true });
  mkdirSync(join(stage, 'node_modules'));
  for (const peer of peers)
    symlinkSync(dirname(require.resolve(`${peer}/package.json`)), join(stage, 'node_modules', peer));
  writeFileSync(join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
  writeFileSync(join(stage, 'README.md'), `# ${name}\n\n${description}. Its documentation is in the npm package.\n`);
  for (const file of declarations) {
    const text = readFileSync(join(dist, 'types', 'infra', `${file}.d.ts`), 'utf8');
    writeFileSync(join(stage, 'dist', `${file}.ts`), forJsii(text));
  }
  writeFileSync(join(stage, 'dist', 'index.ts'), declarations.map(file => `export * from './${file}';\n`).join(''));
  await jsii('jsii');
  // Replaces jsii's output, which contains no code.
  for (const file of ['index.js', 'functions', 'THIRD-PARTY-NOTICES', 'sbom.cdx.json'])
    cpSync(join(dist, file), join(stage, 'dist', file), { recursive: true });
  const packed = languages.filter(language => language !== 'dotnet');
  if (packed.length > 0) await jsii('jsii-pacmak', '--outdir', outdir, '--targets', ...packed);
  if (languages.includes('dotnet')) await jsii('jsii-pacmak', '--outdir', outdir, '--code-only', '--targets', 'dotnet');
  // In one call, because it loads the library once.
  const documented = languages.flatMap(language => ['--language', language === 'dotnet' ? 'csharp' : language]);
  await jsii('jsii-docgen', ...documented, '--output', join(outdir, 'api', 'construct'));
}

if (require.main === module) {
  const [...languages] = process.argv.slice(2);
  buildJsii(languages.length > 0 ? languages : ['python']).catch(error => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
