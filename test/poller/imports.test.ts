/** Allowed imports between parts of the poller. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const poller = join(__dirname, '../../lambdas/poller');

const modules = readdirSync(poller, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => {
    const text = readFileSync(join(poller, file), 'utf8');
    const imports = [...text.matchAll(/^(import type|import|export)\b[^'";]*?from '([^']+)'/gm)].map(
      ([, kind, from]) => ({
        isType: kind === 'import type',
        from: (from as string).startsWith('.')
          ? relative(poller, join(poller, dirname(file), from as string))
          : String(from),
      }),
    );
    return { file: file.replace(/\.ts$/, ''), imports };
  });

/** `importer -> imported` for each import that is not allowed. */
const forbiddenImports = (which: (file: string) => boolean, isAllowed: (from: string, isType: boolean) => boolean) =>
  modules
    .filter(({ file }) => which(file))
    .flatMap(({ file, imports }) =>
      imports.filter(({ from, isType }) => !isAllowed(from, isType)).map(({ from }) => `${file} -> ${from}`),
    );

const isCore = (file: string) => file.startsWith('core/');
const isEdge = (file: string) => file.startsWith('edges/');
const contract = ['../event-names', '../reason-categories', '../task-event'];

test('finds files to check', () => {
  expect(modules.filter(({ file }) => isCore(file)).length).toBeGreaterThan(5);
  expect(modules.flatMap(({ imports }) => imports).length).toBeGreaterThan(80);
});

test('the core imports itself, the event contract and a hash; no SDK, no clock, no environment', () => {
  const allowed = ['node:crypto', ...contract];
  expect(forbiddenImports(isCore, from => isCore(from) || allowed.includes(from))).toEqual([]);
  const texts = modules
    .filter(({ file }) => isCore(file))
    .map(({ file }) => readFileSync(join(poller, `${file}.ts`), 'utf8'));
  expect(texts.filter(text => /Date\.now|new Date\(\)|process\.\w|Math\.random|setTimeout/.test(text))).toEqual([]);
});

test('the ports are types only', () => {
  expect(
    forbiddenImports(
      file => file === 'ports',
      (_, isType) => isType,
    ),
  ).toEqual([]);
});

test('the phases import the ports, and neither an SDK nor an adapter', () => {
  const phases = [
    'phases/backlog',
    'phases/head',
    'phases/learn',
    'phases/recheck',
    'phases/report-stalled',
    'pager',
    'process-tasks',
    'publisher',
    'run-rows',
    'event-log',
    'tally',
    'sweep',
  ];
  expect(phases.filter(phase => !modules.some(({ file }) => file === phase))).toEqual([]);
  const isOurs = (from: string) => !isEdge(from) && (!from.startsWith('..') || contract.includes(from));
  expect(
    forbiddenImports(
      file => phases.includes(file),
      from => isOurs(from) && !from.startsWith('@') && !from.includes(':'),
    ),
  ).toEqual([]);
});

test('there are no import cycles', () => {
  const values = new Map(
    modules.map(({ file, imports }) => [file, imports.flatMap(({ from, isType }) => (isType ? [] : [from]))]),
  );
  const circles = [...values.keys()].flatMap(start => {
    const seen = new Set<string>();
    const toSee = [...(values.get(start) ?? [])];
    while (toSee.length > 0) {
      const next = toSee.pop() as string;
      if (next === start) return [start];
      if (seen.has(next)) continue;
      seen.add(next);
      toSee.push(...(values.get(next) ?? []));
    }
    return [];
  });
  expect(circles).toEqual([]);
});
