import type { Metafile } from 'esbuild';
import { notices, packagesIn, type ShippedPackage, sbom } from '../../scripts/third-party';

const one = (name: string, license: string, ...texts: string[]): ShippedPackage => ({
  name,
  version: '1.2.3',
  license,
  texts,
  occurrences: ['dist/index.js'],
});

test('a package ships if an output has code of it', () => {
  const output = (inputs: Record<string, number>) => ({
    inputs: Object.fromEntries(Object.entries(inputs).map(([file, bytesInOutput]) => [file, { bytesInOutput }])),
  });
  const metafiles = [
    { outputs: { 'dist/a.js': output({ 'node_modules/x/a.js': 5, 'node_modules/x/b.js': 5, 'infra/index.ts': 9 }) } },
    { outputs: { 'dist/b.js': output({ 'node_modules/x/a.js': 5, 'node_modules/only-read/a.js': 0 }) } },
  ] as unknown as Metafile[];
  expect([...packagesIn(metafiles)]).toEqual([['node_modules/x', ['dist/a.js', 'dist/b.js']]]);
});

test('prints each license text once, with all its packages', () => {
  const text = notices([one('a', 'MIT', 'Copyright A'), one('b', 'MIT-0'), one('c', 'MIT', 'Copyright A', 'NOTICE C')]);
  expect(text).toMatch(/ {2}a 1\.2\.3, MIT\n {2}b 1\.2\.3, MIT-0\n {2}c 1\.2\.3, MIT\n/);
  expect(text).toMatch(/=\na 1\.2\.3, c 1\.2\.3\n\nCopyright A\n/);
  expect(text).toMatch(/=\nc 1\.2\.3\n\nNOTICE C\n/);
  expect(text.match(/Copyright A/g)).toHaveLength(1);
});

test('a package without a license text gets the text of its license', () => {
  expect(notices([one('a', 'Apache-2.0'), one('b', 'Apache-2.0', 'Apache License')])).toMatch(
    /=\na 1\.2\.3, b 1\.2\.3\n\nApache License\n/,
  );
});

test.each([
  ['a license', one('a', ''), 'a 1.2.3 ships, but has no license'],
  ['the text of its license', one('a', 'BSD-3-Clause'), 'a 1.2.3 ships without the text of its license, BSD-3-Clause'],
])('fails when a package lacks %s', (_, shipped, message) => {
  expect(() => notices([shipped, one('b', 'MIT', 'Copyright B')])).toThrow(message);
});

test('the SBOM names each package by its package URL, with its dependents', () => {
  const product = { name: 'ours', version: '0.1.0', description: 'What it does' };
  expect(sbom(product, [one('@scope/a', 'MIT')])).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    metadata: { component: { 'bom-ref': 'pkg:npm/ours@0.1.0', ...product } },
    components: [
      {
        group: '@scope',
        name: 'a',
        purl: 'pkg:npm/%40scope/a@1.2.3',
        licenses: [{ license: { id: 'MIT' } }],
        evidence: { occurrences: [{ location: 'dist/index.js' }] },
      },
    ],
    dependencies: [
      { ref: 'pkg:npm/ours@0.1.0', dependsOn: ['pkg:npm/%40scope/a@1.2.3'] },
      { ref: 'pkg:npm/%40scope/a@1.2.3' },
    ],
  });
});
