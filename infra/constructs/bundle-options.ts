import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';

/** How the functions are bundled: at synthesis, from the source, and ahead of it, for the package (scripts/build.ts). */
export const bundleOptions = {
  bundle: true as const,
  platform: 'node' as const,
  format: 'esm' as const,
  mainFields: ['module', 'main'],
  target: 'node24',
  minify: true,
  sourcemap: false as const,
  external: [] as string[],
  alias: { '@aws-sdk/credential-provider-node': join(__dirname, '..', '..', 'lambdas', 'role-credentials.ts') },
  logLevel: 'warning' as const,
} satisfies BuildOptions;
