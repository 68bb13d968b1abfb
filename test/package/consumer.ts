/** A project that uses the package: runs and compiles it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from '../../local/ministack/run-program';

export const root = join(__dirname, '..', '..');
const tsx = pathToFileURL(require.resolve('tsx')).href;

/** Runs a CDK app, with tsx if it is TypeScript. */
export async function synthesizeApp(file: string, cwd: string, outdir: string): Promise<void> {
  await run(process.execPath, [...(file.endsWith('.ts') ? ['--import', tsx] : []), file], {
    cwd,
    env: { CDK_OUTDIR: outdir, CDK_VALIDATION: 'false' },
  });
}

export const readTemplate = (outdir: string, stack: string) =>
  JSON.parse(readFileSync(join(outdir, `${stack}.template.json`), 'utf8'));

/** The code of docs/construct.md: the first app alone, and the whole page. */
export function pageOfTheConstruct() {
  const page = readFileSync(join(root, 'docs', 'construct.md'), 'utf8');
  const snippets = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string);
  return { firstApp: snippets[0] as string, program: snippets.join('\n') };
}

/**
 * Compiles a project's files with the strictest settings, libraries included.
 * @throws Error with TypeScript's messages
 */
export async function compile(
  cwd: string,
  files: readonly string[],
  options: Readonly<Record<string, unknown>>,
  typescript = dirname(require.resolve('typescript/package.json')),
) {
  const tsconfig = {
    compilerOptions: {
      target: 'es2023',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'], // required by aws-cdk-lib
      typeRoots: [join(root, 'node_modules', '@types')],
      ...options,
    },
    files,
  };
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify(tsconfig));
  await run(process.execPath, [join(typescript, 'bin', 'tsc'), '--project', 'tsconfig.json'], { cwd });
}
