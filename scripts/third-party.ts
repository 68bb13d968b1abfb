/** Third-party code in the package, from esbuild's metafiles: the required notices, and an SBOM. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface ShippedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly license: string;
  readonly homepage?: string;
  /** Texts of its license and notice files. */
  readonly texts: readonly string[];
  /** The shipped files that contain its code. */
  readonly occurrences: readonly string[];
}

interface Product {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** Requires no attribution: https://spdx.org/licenses/MIT-0.html */
const withoutNotice = ['MIT-0'];

/** Folder of a file's package, from the outermost `node_modules`; undefined for our own files. */
export function installedAt(file: string): string | undefined {
  return file.match(/(?:^|\/)(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//)?.[1];
}

/** Folders of the packages with code in an output, with those outputs. Removed code doesn't count. */
export function packagesIn(metafiles: readonly Metafile[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [output, { inputs }] of metafiles.flatMap(({ outputs }) => Object.entries(outputs)))
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const path = installedAt(file);
      if (path === undefined || bytesInOutput === 0) continue;
      found.set(path, [...new Set([...(found.get(path) ?? []), output])]);
    }
  return found;
}

/** @param root folder of the `node_modules` that was bundled */
export function shippedPackages(root: string, metafiles: readonly Metafile[]): ShippedPackage[] {
  const packages = [...packagesIn(metafiles)].map(([path, occurrences]) => {
    const folder = join(root, path);
    const { name, version, license, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter(file => /^(licen[cs]e|copying|notice)\b/i.test(file));
    const texts = files.sort().map(file => readFileSync(join(folder, file), 'utf8').trim());
    return { name, version, license, homepage, texts, occurrences: occurrences.sort() };
  });
  return packages.sort((a, b) => keyOf(a).localeCompare(keyOf(b), 'en'));
}

const keyOf = ({ name, version }: ShippedPackage) => `${name} ${version}`;

/**
 * The packages, and each license text once.
 * @throws Error for a package without a license, or whose license text no package has
 */
export function notices(packages: readonly ShippedPackage[]): string {
  const byText = new Map<string, ShippedPackage[]>();
  for (const one of packages)
    for (const text of textsOf(one, packages)) byText.set(text, [...(byText.get(text) ?? []), one]);
  const list = packages.map(one => `  ${[keyOf(one), one.license, one.homepage].filter(Boolean).join(', ')}`);
  const sections = [...byText].map(
    ([text, owners]) => `${'='.repeat(80)}\n${owners.map(keyOf).join(', ')}\n\n${text}\n`,
  );
  return `This package contains code of these packages, each under its own license:\n\n${list.join('\n')}\n\n${sections.join('\n')}`;
}

function textsOf(one: ShippedPackage, all: readonly ShippedPackage[]): readonly string[] {
  if (one.texts.length > 0) return one.texts;
  if (!one.license) throw new Error(`${keyOf(one)} ships, but has no license`);
  if (withoutNotice.includes(one.license)) return [];
  const sameLicense = all.find(({ license, texts }) => license === one.license && texts.length > 0);
  if (!sameLicense) throw new Error(`${keyOf(one)} ships without the text of its license, ${one.license}`);
  return sameLicense.texts;
}

/** CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/. Deterministic: equal packages give equal text. */
export function sbom(product: Product, packages: readonly ShippedPackage[]): object {
  const ofProduct = { type: 'library', 'bom-ref': purl(product), ...product };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: ofProduct },
    components: packages.map(({ name, version, license, homepage, occurrences }) => {
      const [, group, ownName] = /^(?:(@[^/]+)\/)?(.+)$/.exec(name) ?? [];
      return {
        type: 'library',
        'bom-ref': purl({ name, version }),
        ...(group && { group }),
        name: ownName,
        version,
        licenses: [{ license: { id: license } }],
        purl: purl({ name, version }),
        ...(homepage && { externalReferences: [{ type: 'website', url: homepage }] }),
        evidence: { occurrences: occurrences.map(location => ({ location })) },
      };
    }),
    dependencies: [{ ref: purl(product), dependsOn: packages.map(purl) }, ...packages.map(one => ({ ref: purl(one) }))],
  };
}

/** https://github.com/package-url/purl-spec */
const purl = ({ name, version }: { readonly name: string; readonly version: string }) =>
  `pkg:npm/${name.replace('@', '%40')}@${version}`;
