/** How the functions are bundled: at synthesis, from the source, and ahead of it, for the package (scripts/build.ts). */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  mainFields: ['module', 'main'],
  target: 'node24',
  minify: true,
  sourcemap: false,
  external: [],
  logLevel: 'warning',
} as const;
