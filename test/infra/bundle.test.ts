/** The bundles as they deploy: they load by themselves, and the poller's stays small. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { readSynthesized } from '../../local/synthesized';

const {
  pollers: [poller],
  formatter,
} = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');

/** Loads it in a process that has nothing but Node, as Lambda has. */
function load(bundle: string, environment: Record<string, string>): string {
  const script = `const loaded = await import(process.argv[1]); console.log(Object.keys(loaded).join(), typeof loaded.handler);`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, bundle], {
    cwd: '/',
    env: { AWS_REGION: 'us-east-1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...environment },
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();
}

test('the poller loads and exports its handler', () => {
  const environment = { TABLE_NAME: 'table', EVENT_BUS_NAME: 'bus', POLLER_SETTINGS: '{"catalog":"Sandbox"}' };
  expect(load(poller.bundle, environment)).toBe('handler function');
});

test('the formatter loads and exports its handler', () => {
  expect(load(formatter.bundle, {})).toBe('handler function');
});

test('fails when the poller lacks its environment, saying what to do', () => {
  expect(() => load(poller.bundle, {})).toThrow(/TABLE_NAME: got nothing.*deploy it again/);
});

// Most of it is the SDK. The benchmark holds the same limit, and compares the time to load it.
test("the poller's bundle is at most 405 KB", () => {
  expect(statSync(poller.bundle).size).toBeGreaterThan(100_000);
  expect(statSync(poller.bundle).size).toBeLessThanOrEqual(405_000);
});

// What reads deals is a third of it, and is only evaluated where deals are named.
test("the formatter's bundle is at most 345 KB", () => {
  expect(statSync(formatter.bundle).size).toBeLessThanOrEqual(345_000);
});
