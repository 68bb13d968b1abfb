/** The documents say what the code says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documents, replaceBetween } from '../scripts/write-docs';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

test.each([...documents().keys()].map(file => [file.slice(root.length + 1)]))(
  '%s is what `npm run docs` writes',
  file => {
    expect(read(file)).toBe(documents().get(join(root, file)));
  },
);

test('each guarantee names tests that exist', () => {
  const files = new Map(
    ['test', 'test/integration', 'test/poller/core'].flatMap(folder =>
      readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
        .filter(file => file.endsWith('.test.ts'))
        .map(file => [file, read(folder, file)] as const),
    ),
  );
  const named = [...read('README.md').matchAll(/`([\w/-]+\.test\.ts)` › ([^<|\n]+?)(?=<br>| \|)/g)];
  expect(named.length).toBeGreaterThanOrEqual(13);
  for (const [, file, title] of named) {
    expect({ title, isIn: file, found: files.get(file as string)?.includes(`'${title}'`) }).toEqual({
      title,
      isIn: file,
      found: true,
    });
  }
});

test('every command that the README names is one', () => {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
  const named = [...read('README.md').matchAll(/npm (?:run )?(start|test|[\w:]+)/g)]
    .map(([, name]) => name as string)
    .filter(name => name !== 'ci');
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(name => !scripts.includes(name))).toEqual([]);
});

test('fails when a document has lost the place for a table', () => {
  expect(() => replaceBetween('nothing', 'cost', 'x')).toThrow('no place for cost');
});
