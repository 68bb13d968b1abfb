import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutChangelog, filesWithVersion, nameVersion } from '../../scripts/cut-changelog';

const root = join(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const changelog = '# Changelog\n\n## Unreleased\n\n### Added\n\n- This.\n\n## 0.1.0 - 2026-11-01\n\n- That.\n';

test('gives the unreleased section the version and date, and adds an empty one', () => {
  expect(cutChangelog(changelog, '0.2.0', '2026-12-01')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n### Added\n\n- This.\n\n## 0.1.0 - 2026-11-01\n\n- That.\n',
  );
});

test('fails when nothing is unreleased, or the version is released already', () => {
  const cut = cutChangelog(changelog, '0.2.0', '2026-12-01');
  expect(() => cutChangelog(cut, '0.3.0', '2026-12-02')).toThrow('has no entries under "## Unreleased"');
  expect(() => cutChangelog('# Changelog\n', '0.3.0', '2026-12-02')).toThrow('has no entries');
  expect(() => cutChangelog(changelog, '0.1.0', '2026-12-02')).toThrow('has a section 0.1.0 already');
});

test("cuts the project's own changelog", () => {
  expect(cutChangelog(read('CHANGELOG.md'), '99.0.0', '2026-12-01')).toMatch(/^## 99\.0\.0 - 2026-12-01\n\n[^#\s]/m);
});

test('pages and examples name this version, and are updated to the next', () => {
  const { version } = JSON.parse(read('package.json'));
  for (const file of filesWithVersion) {
    const text = read(file);
    expect(nameVersion(text, version)).toBe(text);
    const next = nameVersion(text, '99.0.0-rc.1');
    expect(next).toMatch(/partner-central-task-poller-99\.0\.0-rc\.1\.tgz|<task-poller\.version>99\.0\.0-rc\.1</);
    expect(nameVersion(next, version)).toBe(text);
  }
});
