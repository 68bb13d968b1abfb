import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../../infra/constructs/bundle-options';

/**
 * Bundles a file like the stack bundles its functions (infra/constructs/bundled-function.ts).
 * @param alias replacements for SDK packages; none by default, as other authors bundle the whole SDK
 * @returns path of the bundle
 */
export async function bundle(
  entry: string,
  directory: string,
  name: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<string> {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    ...bundleOptions,
    alias,
  });
  return outfile;
}
