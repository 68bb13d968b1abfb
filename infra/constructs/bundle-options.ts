import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';

/** Bundling options of the functions, both for synthesis from source and for the prebuilt package (scripts/build.ts). */
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
