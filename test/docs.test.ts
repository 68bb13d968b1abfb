/** The documents say what the code says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

test.each([
  ['README.md'],
  ['docs/alerts.md'],
  ['docs/architecture.md'],
  ['docs/configuration.md'],
  ['docs/construct.md'],
  ['docs/events.md'],
  ['docs/guarantees.md'],
  ['docs/performance.md'],
  ['docs/testing.md'],
  ['examples/consumer/README.md'],
  ['examples/cdk-app/README.md'],
  ['examples/webhook/README.md'],
  ['examples/dead-mans-switch/README.md'],
  ['examples/restart-tasks/README.md'],
  ['examples/cdk-app-python/README.md'],
  ['examples/cdk-app-java/README.md'],
  ['docs/releasing.md'],
])('what %s links to in this repository exists', file => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(0);
  for (const [, to, anchor] of links) {
    const target = to ? join(root, file, '..', to) : join(root, file);
    expect({ to, exists: existsSync(target) }).toEqual({ to, exists: true });
    if (anchor) expect(headingAnchors(readFileSync(target, 'utf8')).map(({ slug }) => slug)).toContain(anchor);
  }
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

test.each(['README.md', 'docs/testing.md'])(
  '%s says what is real, what stands in, and that AWS has not been tried',
  file => {
    const text = read(file);
    expect(text).toContain('It has not been run against AWS yet');
    for (const name of ['Partner Central', 'DynamoDB', 'EventBridge', 'SNS', 'dynalite', 'stand-in'])
      expect(text).toContain(name);
    expect(`${text}${read('test', 'integration', 'test-stack.ts')}`).not.toMatch(/\bmocked\b/i);
  },
);

test('the README says how long what a newcomer runs first takes', () => {
  for (const command of ['npm start -- --once', 'npm run deploy:local'])
    expect(read('README.md').split(command)[1]).toMatch(/^[\s\S]{1,400}about \d+ seconds on two cores/);
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

  test('one place says how long -c holds', () => {
    const files = [
      'README.md',
      ...readdirSync(join(root, 'docs'))
        .filter(file => file.endsWith('.md'))
        .map(file => `docs/${file}`),
    ];
    const saying = files.flatMap(
      file =>
        read(file)
          .match(/\bholds for (that )?one deployment/g)
          ?.map(() => file) ?? [],
    );
    expect(saying).toEqual(['README.md']);
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
