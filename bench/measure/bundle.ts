import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../../infra/constructs/bundle-options';

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
