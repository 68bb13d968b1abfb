/** HTTPS_PROXY and NO_PROXY, with a local proxy that refuses everything. */
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Aws, awsOf } from '../../cli/lib/aws';
import { connectEventBus } from '../../lambdas/poller/edges/event-bus';
import { connectSnapshotTable } from '../../lambdas/poller/edges/snapshot-table';
import { openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
let asked: string[] = [];
const status = 407;
const proxy = createServer().on('connect', ({ url }, socket) => {
  asked.push(String(url));
  socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
});
let url: string;
beforeAll(async () => {
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  commandLine.close();
  await new Promise(resolve => proxy.close(resolve));
});
afterEach(() => {
  asked = [];
  delete process.env.HTTPS_PROXY;
  delete process.env.NO_PROXY;
});

/** The agent reads the process's environment. */
function run(args: readonly string[], proxies: Record<string, string>) {
  Object.assign(process.env, proxies);
  return commandLine.run(args, { ...testCredentials, ...proxies });
}

const stack = 'cloudformation.us-east-1.amazonaws.com:443';
const deadline = new AbortController().signal;
const lease = { owner: 'run', now: 0, expiresAt: 1, emitSince: 0, signal: deadline };
const keep = () => mkdtempSync(join(commandLine.folder, 'watch-'));

test.each<[command: string, args: () => string[], host: string]>([
  ['status', () => ['status'], stack],
  ['list', () => ['list'], stack],
  ['show', () => ['show', 'task-0123456789abc'], stack],
  ['plan', () => ['plan'], stack],
  ['audit', () => ['audit'], stack],
  ['replay', () => ['replay', '--ended-since', '1h'], stack],
  ['doctor', () => ['doctor'], 'sts.us-east-1.amazonaws.com:443'],
  ['plan --no-table', () => ['plan', '--no-table'], 'partnercentral-selling.us-east-1.api.aws:443'],
  ['watch', () => ['watch', '--once', '--keep', keep()], 'partnercentral-selling.us-east-1.api.aws:443'],
])('%s goes through HTTPS_PROXY', async (_, args, host) => {
  const { code } = await run(args(), { HTTPS_PROXY: url });
  expect(code).toBe(1);
  expect([...new Set(asked)]).toEqual([host]);
});

test.each<[adapter: string, call: (aws: Aws) => Promise<unknown>, host: string]>([
  ['bus', aws => connectEventBus(aws('EVENTBRIDGE')).put([], deadline), 'events.us-east-1.amazonaws.com:443'],
  [
    'table',
    aws => connectSnapshotTable('Table', 'Source', true, aws('DYNAMODB')).takeLease(lease),
    'dynamodb.us-east-1.amazonaws.com:443',
  ],
])("the poller's own %s too", async (_, call, host) => {
  process.env.HTTPS_PROXY = url;
  await expect(call(awsOf({ ...testCredentials, HTTPS_PROXY: url }))).rejects.toThrow();
  expect([...new Set(asked)]).toEqual([host]);
});

test("shows the proxy's own message", async () => {
  const { err } = await run(['status'], { HTTPS_PROXY: url });
  expect(err).toMatch(/^The proxy wants a name and a password \(407\): put them into HTTPS_PROXY/);
});

test('connects directly to hosts in NO_PROXY', async () => {
  const own = { AWS_ENDPOINT_URL_CLOUDFORMATION: 'https://127.0.0.1:1', NO_PROXY: 'example.com,127.0.0.1' };
  const { err } = await run(['status'], { HTTPS_PROXY: url, ...own });
  expect(err).toContain('AWS can not be reached (ECONNREFUSED)');
  expect(asked).toEqual([]);
});
