import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../../infra/constructs/bundle-options';

/**
 * Bundles a file as the stack bundles its functions (infra/constructs/bundled-function.ts).
 * @param alias what replaces packages of the SDK; nothing, for what others write has all of it
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
