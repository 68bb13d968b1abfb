/**
 * Packs the package, installs it into an empty folder as a user does, and uses it there: a part of `npm run test:package`.
 * It asks the registry for aws-cdk-lib and constructs, or npm's cache.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { run } from '../../local/ministack/run-program';
import { compile, pageOfTheConstruct, readTemplate, root, synthesizeApp } from './consumer';

const name = 'partner-central-task-poller';
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const peers = ['aws-cdk-lib', 'constructs'];

const usesConstruct = `\
import { App, Stack } from 'aws-cdk-lib';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '${name}';

const props: PartnerCentralTaskPollerProps = { catalog: 'AWS', furtherSources: [{ catalog: 'Sandbox' }] };
const stack = new Stack(new App(), 'Tasks');
const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', props);
tasks.onTaskFailed('Failed', { reasonCategories: ['access'], source: 'Sandbox/OpportunityFromEngagement' });
// @ts-expect-error What completed has no reason
tasks.onTaskCompleted('Completed', { reasonCategories: ['access'] });
// @ts-expect-error There is no such catalog
new PartnerCentralTaskPoller(stack, 'Other', { catalog: 'Sandpit' });
`;

const usesEvents = `\
import { parseTaskEvent, type TaskEvent } from '${name}/events';

const event: TaskEvent = parseTaskEvent({});
export const reason: string | undefined = event['detail-type'] === 'TaskFailed' ? event.detail.reasonCode : '';
// @ts-expect-error There is no such field
event.detail.colour;
`;

const reads = `
try {
  parseTaskEvent({});
} catch (error) {
  if (error instanceof NotATaskEvent) console.log(TASK_FAILED);
}
`;

async function main(temporary: string): Promise<void> {
  const folder = (...path: string[]) => {
    const made = join(temporary, ...path);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const app = folder('app');
  const say = (what: string) => console.log(`${(process.uptime() | 0).toString().padStart(3)} s  ${what}`);

  const printed = await run('npm', ['pack', '--json', '--pack-destination', temporary], { cwd: root });
  const [{ filename, size }] = JSON.parse(printed.slice(printed.indexOf('[\n')));
  say(`packed ${filename}, ${Math.round(size / 1024)} KB`);

  const versions = peers.map(peer => `${peer}@${devDependencies[peer]}`);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', join(temporary, filename), ...versions], { cwd: app });
  const installed = readdirSync(join(app, 'node_modules')).filter(entry => !entry.startsWith('.'));
  // What aws-cdk-lib brings along, it brings for itself.
  expectSame(
    'what is installed',
    installed.filter(entry => !entry.startsWith('@aws-cdk')).sort(),
    [...peers, name].sort(),
  );
  for (const missing of ['esbuild', 'valibot', '@aws-sdk/client-eventbridge']) {
    const found = canResolve(missing, app);
    if (found) throw new Error(`${missing} can be resolved from the app, at ${found}: this would prove nothing`);
  }
  say(`installed it beside ${versions.join(' and ')}, and nothing else`);

  const { firstApp, program } = pageOfTheConstruct();
  writeFileSync(join(app, 'app.mjs'), firstApp);
  await synthesizeApp('app.mjs', app, join(temporary, 'first'));
  readTemplate(join(temporary, 'first'), 'Tasks');
  say('synthesized the first app of docs/construct.md, without a bundler');

  for (const file of ['app.ts', 'tasks-stack.ts']) cpSync(join(root, 'examples', 'cdk-app', file), join(app, file));
  await synthesizeApp('app.ts', app, join(temporary, 'package'));
  await synthesizeApp('app.ts', join(root, 'examples', 'cdk-app'), join(temporary, 'source'));
  const [ofPackage, ofSource] = ['package', 'source'].map(made => readTemplate(join(temporary, made), 'Tasks'));
  expectSame('the template of examples/cdk-app', ofPackage, ofSource);
  say('synthesized examples/cdk-app: the template is that of the source, to the hash of each function');

  for (const kind of ['mts', 'cts']) {
    writeFileSync(join(app, `construct.${kind}`), usesConstruct);
    writeFileSync(join(app, `events.${kind}`), usesEvents);
  }
  writeFileSync(join(app, 'page.ts'), program);
  const events = ['events.mts', 'events.cts'];
  const construct = ['construct.mts', 'construct.cts', 'page.ts'];
  const exactly = { exactOptionalPropertyTypes: true };
  for (const modules of [
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'esnext', moduleResolution: 'bundler' },
  ]) {
    await compile(app, [...construct, ...events], modules);
    await compile(app, events, { ...modules, ...exactly, types: [] });
    // Under exact types, aws-cdk-lib's own declarations are wrong: they can't be looked at.
    await compile(app, construct, { ...modules, ...exactly, skipLibCheck: true });
  }
  say('compiled users of both entries: strict, libraries included, node16 and bundler, optional types exact and not');

  const consumer = folder('consumer');
  cpSync(join(app, 'node_modules', name), join(consumer, 'node_modules', name), { recursive: true });
  const names = '{ NotATaskEvent, parseTaskEvent, TASK_FAILED }';
  writeFileSync(join(consumer, 'reads.mjs'), `import ${names} from '${name}/events';${reads}`);
  writeFileSync(join(consumer, 'reads.cjs'), `const ${names} = require('${name}/events');${reads}`);
  for (const file of ['reads.mjs', 'reads.cjs'])
    expectSame(file, await run(process.execPath, [file], { cwd: consumer }), 'TaskFailed\n');
  say('read events with nothing else installed, as a module and as CommonJS');
}

function canResolve(module: string, from: string): string | undefined {
  try {
    return createRequire(join(from, 'app.cjs')).resolve(module);
  } catch {
    return undefined;
  }
}

function expectSame(what: string, got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected))
    throw new Error(`${what}: got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
}

const temporary = mkdtempSync(join(tmpdir(), 'package-'));
main(temporary)
  .catch(error => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(temporary, { recursive: true }));
