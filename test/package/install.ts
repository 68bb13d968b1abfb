/**
 * Packs the package, installs it into an empty folder like a user, and uses it there; part of `npm run test:package`. Uses
 * the oldest peers that the package admits, from the registry or npm's cache. package.test.ts uses the newest.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { run } from '../../local/ministack/run-program';
import { compile, pageOfTheConstruct, readTemplate, root, synthesizeApp } from './consumer';

const name = 'partner-central-task-poller';
const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const peers = ['aws-cdk-lib', 'constructs'];
/** The last major version that supports `moduleResolution: node10`. */
const olderTypeScript = 'typescript@5.9.3';

const usesConstruct = `\
import { App, Stack } from 'aws-cdk-lib';
import { ConfigurationError, PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '${name}';

const props: PartnerCentralTaskPollerProps = { catalog: 'AWS', furtherSources: [{ catalog: 'Sandbox' }] };
const stack = new Stack(new App(), 'Tasks');
const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', props);
tasks.onTaskFailed('Failed', { reasonCategories: ['access'], source: 'Sandbox/OpportunityFromEngagement' });
export const problemsOf = (error: unknown) => (error instanceof ConfigurationError ? error.problems : []);
// @ts-expect-error a completed task has no reason
tasks.onTaskCompleted('Completed', { reasonCategories: ['access'] });
// @ts-expect-error no such catalog
new PartnerCentralTaskPoller(stack, 'Other', { catalog: 'Sandpit' });
`;

/** Features that are off by default and not in the examples. */
const usesAll = `\
import { App, Stack } from 'aws-cdk-lib';
import { PartnerCentralTaskPoller } from '${name}';

new PartnerCentralTaskPoller(new Stack(new App(), 'Tasks'), 'TaskPoller', {
  catalog: 'AWS',
  taskStalledEvents: true,
  furtherSources: [{ catalog: 'Sandbox' }],
  forwardTo: ['arn:aws:events:eu-west-1:111122223333:event-bus/crm'],
  alertEmail: 'a@example.com',
  alarmEmail: 'a@example.com',
  chatAlerts: true,
  dashboard: true,
  tracing: true,
  customerManagedKey: true,
  removalPolicy: 'destroy',
}).onTaskStalled('Stalled', { replays: false });
`;

const usesEvents = `\
import { parseTaskEvent, type TaskEvent } from '${name}/events';

const event: TaskEvent = parseTaskEvent({});
export const reason: string | undefined = event['detail-type'] === 'TaskFailed' ? event.detail.reasonCode : '';
// @ts-expect-error no such field
event.detail.colour;
`;

const usesWait = `\
import { type ListingClient, TaskTookTooLong, waitForTask } from '${name}/wait';

declare const client: ListingClient;
export const opportunity: Promise<string | undefined> = waitForTask(client, {
  catalog: 'AWS',
  taskType: 'OpportunityFromEngagement',
  taskId: 'task-dpf02ig3g2uui',
}).then(task => task.OpportunityId);
export const status = (error: TaskTookTooLong): string | undefined => error.task?.TaskStatus;
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

  const versions = peers.map(peer => `${peer}@${peerDependencies[peer].replace('^', '')}`);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  const packages = [join(temporary, filename), ...versions, olderTypeScript];
  await run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: app });
  const installed = readdirSync(join(app, 'node_modules')).filter(entry => !entry.startsWith('.'));
  // aws-cdk-lib's own dependencies don't count.
  expectSame(
    'what is installed',
    installed.filter(entry => !entry.startsWith('@aws-cdk')).sort(),
    [...peers, name, 'typescript'].sort(),
  );
  for (const missing of ['esbuild', 'valibot', '@aws-sdk/client-eventbridge']) {
    const found = canResolve(missing, app);
    if (found) throw new Error(`${missing} can be resolved from the app, at ${found}: this would prove nothing`);
  }
  say(`installed it with ${versions.join(' and ')}, the oldest admitted peers, and nothing else`);

  const { firstApp, program } = pageOfTheConstruct();
  writeFileSync(join(app, 'app.mjs'), firstApp);
  await synthesizeApp('app.mjs', app, join(temporary, 'first'));
  readTemplate(join(temporary, 'first'), 'Tasks');
  writeFileSync(join(app, 'all.mjs'), usesAll);
  await synthesizeApp('all.mjs', app, join(temporary, 'all'));
  expectSame(
    'functions of an app with everything on',
    Object.values(readTemplate(join(temporary, 'all'), 'Tasks').Resources as Record<string, { Type: string }>).filter(
      ({ Type }) => Type === 'AWS::Lambda::Function',
    ).length,
    3,
  );
  say('synthesized the first app of docs/construct.md, and one with everything on, without a bundler');

  for (const file of ['app.ts', 'tasks-stack.ts']) cpSync(join(root, 'examples', 'cdk-app', file), join(app, file));
  await synthesizeApp('app.ts', app, join(temporary, 'package'));
  await synthesizeApp('app.ts', join(root, 'examples', 'cdk-app'), join(temporary, 'source'));
  const [ofPackage, ofSource] = ['package', 'source'].map(made => readTemplate(join(temporary, made), 'Tasks'));
  expectSame('the template of examples/cdk-app', ofPackage, ofSource);
  say('synthesized examples/cdk-app: the template is that of the source, to the hash of each function');

  for (const kind of ['mts', 'cts', 'ts']) {
    writeFileSync(join(app, `construct.${kind}`), usesConstruct);
    writeFileSync(join(app, `events.${kind}`), usesEvents);
    writeFileSync(join(app, `wait.${kind}`), usesWait);
  }
  writeFileSync(join(app, 'page.ts'), program);
  const events = ['events.mts', 'events.cts'];
  const waits = ['wait.mts', 'wait.cts'];
  const construct = ['construct.mts', 'construct.cts', 'page.ts'];
  const exactly = { exactOptionalPropertyTypes: true };
  for (const modules of [
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'esnext', moduleResolution: 'bundler' },
  ]) {
    await compile(app, [...construct, ...events, ...waits], modules);
    await compile(app, events, { ...modules, ...exactly, types: [] });
    await compile(app, waits, { ...modules, ...exactly });
    // aws-cdk-lib's own declarations fail with exact optional types, so libraries are not checked here.
    await compile(app, construct, { ...modules, ...exactly, skipLibCheck: true });
  }
  const node10 = { module: 'commonjs', moduleResolution: 'node10', skipLibCheck: true };
  await compile(app, ['construct.ts', 'events.ts', 'wait.ts'], node10, join(app, 'node_modules', 'typescript'));
  say(
    'compiled users of each entry: strict, libraries included, node16, bundler and node10, optional types exact and not',
  );

  const operator = folder('operator');
  writeFileSync(join(operator, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', join(temporary, filename)], { cwd: operator });
  const forOperator = readdirSync(join(operator, 'node_modules')).filter(entry => !entry.startsWith('.'));
  expectSame('what an operator installs', forOperator, [name]);
  const help = await run('npx', ['--no', 'partner-central-tasks', 'status', '--help'], { cwd: operator });
  expectSame('its help', help.split('\n')[0], 'Usage: partner-central-tasks status [options]');
  say('installed it without the peers, and ran its command line with --help');

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
