/**
 * `npm version` runs this before it commits and tags: what is unreleased in CHANGELOG.md gets the version and the date,
 * and the pages that install the packed file name the new one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
/** Pages with the name of the packed file in them. */
export const pagesWithPackedFile = ['README.md', 'docs/construct.md', 'examples/cdk-app/README.md'];

/** @throws Error when nothing is unreleased, or the version is there already */
export function cutChangelog(text: string, version: string, date: string): string {
  if (text.includes(`\n## ${version} `)) throw new Error(`CHANGELOG.md has a section ${version} already`);
  const [, unreleased] = /\n## Unreleased\n([\s\S]*?)(?=\n## |$)/.exec(text) ?? [];
  if (!unreleased?.includes('\n- ')) throw new Error('CHANGELOG.md has no entries under "## Unreleased"');
  return text.replace('\n## Unreleased\n', `\n## Unreleased\n\n## ${version} - ${date}\n`);
}

export const packedFile = (version: string) => `partner-central-task-poller-${version}.tgz`;

export const namePackedFile = (text: string, version: string) =>
  text.replace(/\bpartner-central-task-poller-\d[\w.-]*\.tgz\b/g, packedFile(version));

if (require.main === module) {
  const edit = (page: string, change: (text: string) => string) =>
    writeFileSync(join(root, page), change(readFileSync(join(root, page), 'utf8')));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  edit('CHANGELOG.md', text => cutChangelog(text, version, new Date().toISOString().slice(0, 10)));
  for (const page of pagesWithPackedFile) edit(page, text => namePackedFile(text, version));
}
