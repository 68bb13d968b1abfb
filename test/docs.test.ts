/** The documents say what the code says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseTaskEvent, TASK_COMPLETED, type TaskFailedDetail } from 'partner-central-task-poller/events';
import { readConfig } from '../infra/config';
import { eventId } from '../lambdas/poller/core/build-event';
import { knownReasonCodes } from '../lambdas/reason-codes';
import { documents, replaceBetween } from '../scripts/write-docs';
import { headingAnchors } from './heading-anchors';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

test.each([...documents().keys()].map(file => [file.slice(root.length + 1)]))(
  '%s is what `npm run docs` writes',
  file => {
    expect(read(file)).toBe(documents().get(join(root, file)));
  },
);

const pictures = readdirSync(join(root, 'docs')).filter(file => file.endsWith('.svg'));
test.each(pictures)('docs/%s is well-formed XML', file => {
  const open: string[] = [];
  const rest = read('docs', file).replace(
    /<(\/?)(\w+)((?: [\w:-]+="[^"<&]*")*) ?(\/?)>/g,
    (_, closes, name, __, isEmpty) => {
      if (closes) expect(open.pop()).toBe(name);
      else if (!isEmpty) open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!#\d+;)/);
  expect(read('docs', file)).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
});

describe('the examples of events', () => {
  const blocks = (language: string, ...path: string[]) =>
    [...read(...path).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) =>
      String(text),
    );

  test('in docs/events.md is one that the poller could publish', () => {
    const [example] = blocks('json', 'docs', 'events.md');
    const event = parseTaskEvent(JSON.parse(String(example)));
    const { catalog, taskType, taskId, taskStatus, reasonCode } = event.detail as TaskFailedDetail;
    expect(event.detail.eventId).toBe(eventId(catalog, taskType, taskId, taskStatus));
    expect(knownReasonCodes).toContain(reasonCode);
    expect(event.resources).toEqual([event.detail.taskArn]);
  });

  test('in the README has the same fields', () => {
    const example = blocks('json', 'README.md').find(block => block.includes('"schemaVersion"'));
    const [whole] = blocks('json', 'docs', 'events.md');
    expect(Object.keys(JSON.parse(String(example)))).toEqual(Object.keys(JSON.parse(String(whole)).detail));
  });

  test('that the example consumer is tried with is one that it can read', () => {
    const [, entries] = read('examples', 'consumer', 'README.md').match(/<<END\n([\s\S]*?)\nEND/) ?? [];
    const [{ DetailType, Source, Detail }] = JSON.parse(String(entries));
    const envelope = {
      version: '0',
      id: '1',
      account: '1',
      region: 'us-east-1',
      time: '2026-11-23T00:00:00Z',
      resources: [],
    };
    const event = { ...envelope, 'detail-type': DetailType, source: Source, detail: JSON.parse(Detail) };
    expect(parseTaskEvent(event)['detail-type']).toBe(TASK_COMPLETED);
  });
});

describe('links', () => {
  const filesIn = (folder: string, name: RegExp) =>
    readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
      .filter(file => name.test(file) && !/(^|\/)(node_modules|cdk\.out|target)\//.test(file))
      .map(file => join(folder, file));
  const pages = ['README.md', 'CHANGELOG.md', ...filesIn('docs', /\.md$/), ...filesIn('examples', /\.md$/)];
  const isThere = (file: string, anchor = '') =>
    existsSync(join(root, file)) &&
    (anchor === '' || headingAnchors(read(file)).some(({ slug }) => slug === anchor.slice(1)));

  test.each(pages)('and pictures in %s lead to files and headings that exist', page => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)]+)?\)/g)];
    const broken = links.filter(([, to, anchor]) => !isThere(to ? join(dirname(page), to) : page, anchor));
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test('there are enough of them to believe that they are found', () => {
    const counts = pages.map(page => read(page).match(/\]\((?!https?:)/g)?.length ?? 0);
    expect(pages.length).toBeGreaterThan(30);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(100);
  });

  test('in code and in what it prints lead to pages that exist', () => {
    const code = ['bench', 'cli', 'events', 'examples', 'infra', 'lambdas', 'local', 'scripts', 'wait'].flatMap(
      folder => filesIn(folder, /\.(ts|mjs|py|java|go)$/),
    );
    const named = code.flatMap(file =>
      [...read(file).matchAll(/\b(docs\/[\w/-]+\.(?:md|svg|json))(#[a-z][\w-]*)?/g)].map(link => [file, ...link]),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(([, , to, anchor]) => !isThere(to as string, anchor))).toEqual([]);
  });
});

test('each guarantee names tests that exist', () => {
  const files = new Map(
    ['test', 'test/integration', 'test/poller/core'].flatMap(folder =>
      readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
        .filter(file => file.endsWith('.test.ts'))
        .map(file => [file, read(folder, file)] as const),
    ),
  );
  const named = [...read('docs/guarantees.md').matchAll(/`([\w/-]+\.test\.ts)` › ([^<|\n]+?)(?=<br>| \|)/g)];
  expect(named.length).toBeGreaterThanOrEqual(13);
  for (const [, file, title] of named) {
    expect({ title, isIn: file, found: files.get(file as string)?.includes(`'${title}'`) }).toEqual({
      title,
      isIn: file,
      found: true,
    });
  }
});

test.each(['README.md', 'docs/architecture.md'])('every command that %s names is one', file => {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
  const named = [...read(file).matchAll(/npm (?:run )?(?:--silent )?(start|test|[\w:]+)/g)]
    .map(([, name]) => name as string)
    .filter(name => !['ci', 'pack', 'install'].includes(name));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(name => !scripts.includes(name))).toEqual([]);
});

describe('settings', () => {
  // -c holds for one deployment: the next one without it takes the setting back, and with an address its subscription.
  test.each(['README.md', 'docs/construct.md', 'docs/runbook.md', 'examples/cdk-app/README.md'])(
    'that %s deploys with -c are only those that another deployment ends',
    file => {
      const deployments = [...read(file).matchAll(/npx cdk deploy((?:[^`\n]|\\\n)*)/g)].map(([, rest]) => String(rest));
      const keys = deployments.flatMap(rest => [...rest.matchAll(/-c '?(\w+)=/g)].map(([, key]) => key));
      expect(deployments.length).toBeGreaterThan(0);
      expect(keys.filter(key => !['enabled', 'shadow', 'existingTableName'].includes(key as string))).toEqual([]);
    },
  );

  test('that the README and the runbook put into cdk.json are ones that can be read', () => {
    const blocks = ['README.md', 'docs/configuration.md', 'docs/runbook.md'].flatMap(file =>
      [...read(file).matchAll(/^```json\n(\{\n {2}"context"[\s\S]*?)^```/gm)].map(([, text]) =>
        JSON.parse(String(text)),
      ),
    );
    expect(blocks).toHaveLength(3);
    for (const { context } of blocks) expect(readConfig(context).sources.length).toBeGreaterThan(0);
  });
});

test('fails when a document has lost the place for a table', () => {
  expect(() => replaceBetween('nothing', 'cost', 'x')).toThrow('no place for cost');
});

test('the README can be read in one go', () => {
  const text = read('README.md');
  expect(text.split('\n').length).toBeLessThanOrEqual(150);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(12_000);
});
