/** Allowed imports between folders. Imports within the poller are in poller/imports.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '..');

/** Type imports count too. */
const importsOf = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^(?:import|export)\b[^'";]*?from '(\.[^']*)'/gm)].map(
    ([, from]) => relative(root, join(root, dirname(file), from as string)),
  );

const modulesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map(file => join(folder, file))
    .map(file => ({ name: file.replace(/\.ts$/, ''), imports: importsOf(file) }));

test.each(['lambdas', 'cli', 'local'])('no file in %s has more than 300 lines', folder => {
  const lines = (name: string) => readFileSync(join(root, `${name}.ts`), 'utf8').split('\n').length - 1;
  const long = modulesIn(folder).map(({ name }) => [name, lines(name)] as const);
  expect(long.filter(([, count]) => count > 300)).toEqual([]);
});

test('there are no import cycles', () => {
  const all = ['cli', 'local', 'bench', 'events', 'infra', 'lambdas', 'wait'].flatMap(modulesIn);
  const modules = new Map(all.map(({ name, imports }) => [name, imports]));
  expect(modules.size).toBeGreaterThan(150);
  const circles = [...modules.keys()].filter(start => {
    const seen = new Set<string>();
    const toSee = [...(modules.get(start) ?? [])];
    for (let next = toSee.pop(); next !== undefined; next = toSee.pop()) {
      if (next === start) return true;
      if (!seen.has(next)) toSee.push(...(modules.get(next) ?? []));
      seen.add(next);
    }
    return false;
  });
  expect(circles).toEqual([]);
});

test.each(['lambdas', 'events', 'infra', 'cli', 'wait'])(
  '%s ships: it imports nothing from tests, bench, local or scripts',
  folder => {
    const forbidden = modulesIn(folder).flatMap(({ name, imports }) =>
      imports.filter(from => /^(local|bench|scripts|test)\//.test(from)).map(from => `${name} -> ${from}`),
    );
    expect(forbidden).toEqual([]);
  },
);

test('in the command line, only the entry point uses the process', () => {
  const files = readdirSync(join(root, 'cli'), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  );
  const knows = files.filter(file =>
    /process\.(env|exit|argv|std)|console\./.test(readFileSync(join(root, 'cli', file), 'utf8')),
  );
  expect(knows.sort()).toEqual(['lib/process.ts', 'tasks.ts']);
});
