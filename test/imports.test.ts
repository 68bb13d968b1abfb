/** Which folders may know which others. What holds within the poller is in poller/imports.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '..');

/** Of types too: a circle of types is one to whoever reads it. */
const importsOf = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^(?:import|export)\b[^'";]*?from '(\.[^']*)'/gm)].map(
    ([, from]) => relative(root, join(root, dirname(file), from as string)),
  );

const modulesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map(file => join(folder, file))
    .map(file => ({ name: file.replace(/\.ts$/, ''), imports: importsOf(file) }));

test('no module knows itself by way of others', () => {
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
  '%s ships: it knows nothing that only tests and measures',
  folder => {
    const strangers = modulesIn(folder).flatMap(({ name, imports }) =>
      imports.filter(from => /^(local|bench|scripts|test)\//.test(from)).map(from => `${name} -> ${from}`),
    );
    expect(strangers).toEqual([]);
  },
);

test('of the command line, only the process around it knows the process', () => {
  const files = readdirSync(join(root, 'cli'), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  );
  const knows = files.filter(file =>
    /process\.(env|exit|argv|std)|console\./.test(readFileSync(join(root, 'cli', file), 'utf8')),
  );
  expect(knows.sort()).toEqual(['lib/process.ts', 'tasks.ts']);
});
