/**
 * `npm version` runs this before it commits and tags: it gives the unreleased section of CHANGELOG.md the version and the
 * date, and updates the version in pages and examples that install the package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
/** Files that contain the version. */
export const filesWithVersion = [
  'docs/runbook.md',
  'docs/construct.md',
  'examples/cdk-app/README.md',
  'examples/cdk-app-java/pom.xml',
];

/** @throws Error when nothing is unreleased, or the version has a section */
export function cutChangelog(text: string, version: string, date: string): string {
  if (text.includes(`\n## ${version} `)) throw new Error(`CHANGELOG.md has a section ${version} already`);
  const [, unreleased] = /\n## Unreleased\n([\s\S]*?)(?=\n## |$)/.exec(text) ?? [];
  if (!unreleased?.includes('\n- ')) throw new Error('CHANGELOG.md has no entries under "## Unreleased"');
  return text.replace('\n## Unreleased\n', `\n## Unreleased\n\n## ${version} - ${date}\n`);
}

/** The version in the name of the packed file, and of the library in an example's pom.xml. */
export const nameVersion = (text: string, version: string) =>
  text
    .replace(/\b(partner-central-task-poller-)\d[\w.-]*(\.tgz)\b/g, `$1${version}$2`)
    .replace(/(<task-poller\.version>)[^<]*/, `$1${version}`);

if (require.main === module) {
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  edit('CHANGELOG.md', text => cutChangelog(text, version, new Date().toISOString().slice(0, 10)));
  for (const file of filesWithVersion) edit(file, text => nameVersion(text, version));
}
