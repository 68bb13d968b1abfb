/**
 * Builds the package into dist/: the construct, the event parser and waitForTask as JavaScript, their types, the bundles of
 * the functions, the operators' command line, and the notices. The construct needs aws-cdk-lib and constructs, waitForTask
 * the SDK client of its caller, the rest nothing.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { type BuildOptions, build as esbuild, type Metafile, type Plugin } from 'esbuild';
import { bundleOptions } from '../infra/constructs/bundle-options';
import { notices, sbom, shippedPackages } from './third-party';

const root = join(__dirname, '..');
const dist = join(root, 'dist');

/** External packages: an app must have only one copy, because constructs are compared by class. */
const peers = ['aws-cdk-lib', 'constructs'];
const entries = ['infra/index.ts', 'events/index.ts', 'wait/index.ts'];
/** External for the entry wait, whose types don't need it. */
const callersClient = '@aws-sdk/client-partnercentral-selling';
const functions = ['poller', 'alerts'];

/** @throws Error when an entry is missing or types need another package */
export async function build(): Promise<void> {
  const missing = entries.filter(entry => !existsSync(join(root, entry)));
  if (missing.length > 0) throw new Error(`Nothing was built, because these are missing: ${missing.join(' and ')}`);
  rmSync(dist, { recursive: true, force: true });
  const [metafiles] = await Promise.all([bundles({ write: true }), types()]);
  thirdParty(metafiles);
}

/** Everything in dist/ that has code of other packages in it, by esbuild's metafiles. */
export async function bundles(into: Pick<BuildOptions, 'write'>): Promise<Metafile[]> {
  const all = [...javaScript(), ...functions.map(bundle), commandLine];
  const built = await Promise.all(
    all.map(options => esbuild({ ...options, ...into, absWorkingDir: root, metafile: true })),
  );
  return built.map(({ metafile }) => metafile);
}

function thirdParty(metafiles: readonly Metafile[]): void {
  const { name, version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = shippedPackages(root, metafiles);
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES'), notices(packages));
  writeFileSync(
    join(dist, 'sbom.cdx.json'),
    `${JSON.stringify(sbom({ name, version, description }, packages), null, 2)}\n`,
  );
}

function javaScript(): BuildOptions[] {
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: [...peers, callersClient],
    logLevel: 'warning',
  } satisfies BuildOptions;
  const forBoth = (name: string) =>
    (['cjs', 'esm'] as const).map(format => ({
      ...common,
      entryPoints: [`${name}/index.ts`],
      format,
      outfile: `dist/${name}.${format === 'cjs' ? 'js' : 'mjs'}`,
    }));
  return [
    // CommonJS only: Node.js can import it too, and a second copy would have classes of its own.
    { ...common, entryPoints: ['infra/index.ts'], format: 'cjs', outfile: 'dist/index.js' },
    ...['events', 'wait'].flatMap(forBoth),
  ];
}

/** Where infra/constructs/bundled-function.ts looks for it. */
const bundle = (name: string): BuildOptions => ({
  ...bundleOptions,
  entryPoints: [`lambdas/${name}/handler.ts`],
  outfile: `dist/functions/${name}/index.mjs`,
});

/** The package has no npm scripts, so help and messages name the command instead. */
const namedAsCommand: Plugin = {
  name: 'named-as-command',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]cli[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replace(/npm run (--silent )?tasks --/g, 'partner-central-tasks')
        .replace(/^Put -- before the command: .*\n/m, ''),
      loader: 'ts',
    })),
};

export const commandLineOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  mainFields: ['module', 'main'],
  minify: true,
  // Proxy scripts (PAC) need an interpreter. Without it, such an HTTPS_PROXY is refused.
  external: ['pac-proxy-agent'],
  logLevel: 'warning',
  plugins: [namedAsCommand],
} satisfies BuildOptions;

const commandLine: BuildOptions = {
  ...commandLineOptions,
  entryPoints: ['cli/tasks.ts'],
  outfile: 'dist/tasks.js',
  banner: { js: '#!/usr/bin/env node' },
};

/** The declarations that the entries refer to, and no others. */
async function types(): Promise<void> {
  const all = mkdtempSync(join(tmpdir(), 'declarations-'));
  try {
    await tsc('--project', join(root, 'tsconfig.package.json'), '--outDir', all);
    for (const file of reachable(entries.map(entry => join(all, entry.replace(/\.ts$/, '.d.ts')))))
      cpSync(file, join(dist, 'types', relative(all, file)));
    // Types for an ES module import need their own extension.
    for (const name of ['events', 'wait'])
      writeFileSync(join(dist, 'types', name, 'index.d.mts'), "export * from './index.js';\n");
  } finally {
    rmSync(all, { recursive: true });
  }
}

async function tsc(...options: string[]): Promise<void> {
  const program = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  // `npm run types` checks the types. Errors here include files that can't have declarations and aren't needed;
  // a needed declaration that is missing fails when it is read.
  await promisify(execFile)(process.execPath, [program, ...options]).catch(() => undefined);
}

function reachable(files: readonly string[]): Set<string> {
  const found = new Set(files);
  for (const file of found)
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import) ?'([^']+)'/g)) {
      if (from.startsWith('.')) found.add(`${join(dirname(file), from)}.d.ts`);
      else if (!peers.includes(from.split('/')[0] as string))
        throw new Error(`${file} refers to ${from}: a user of the package would have to install its types`);
    }
  return found;
}

if (require.main === module)
  build().catch(error => {
    console.error(error);
    process.exitCode = 1;
  });
