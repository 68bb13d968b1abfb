import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

/** How the stack bundles. A test holds the two together. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  mainFields: ['module', 'main'],
  target: 'node24',
  minify: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Bundles a file as the stack bundles its functions (infra/constructs/bundled-function.ts): what is compared differs in
 * what was written, not in how it was built.
 * @returns path of the bundle
 */
export async function bundle(entry: string, directory: string, name: string): Promise<string> {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    ...bundleOptions,
  });
  return outfile;
}
