/** The peer is a fair comparison: it works while nothing fails, and loses events when entries fail. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../bench/measure/bundle';
import { type Ours, type Peer, startOurs, startPeer } from '../../bench/measure/side-by-side';
import { measureThrottledEntries } from '../../bench/measure/throttled-entries';
import { addEnded } from '../../bench/report/cells';
import { bundleOptions } from '../../infra/constructs/bundle-options';
import { readSynthesized } from '../../local/synthesized';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const synthesized = process.env.SYNTHESIZED as string;
const project = join(__dirname, '..', '..');
let directory: string;
let ours: Ours;
let peer: Peer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bench-test-'));
  ours = await startOurs(synthesized, 'PartnerCentralTaskPoller');
  peer = await startPeer(await bundle(join(project, 'bench', 'peer', 'handler.ts'), directory, 'peer'), ours.stack);
});
afterAll(async () => {
  await peer?.close();
  await ours?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('the peer lists every task, publishes those that ended since, and is metered', async () => {
  ours.store.addHistory({ count: 1_200, newestAt: Date.now() - 3_600_000, spacingMs: 1_000 });
  expect(await peer.poll()).toMatchObject({ listCalls: 2, putCalls: 0, events: [], writeUnits: 1_200 });

  const expected = addEnded(ours, 12);
  const poll = await peer.poll();
  expect([...poll.events].sort()).toEqual([...expected].sort());
  expect(poll).toMatchObject({ listCalls: 2, tableCalls: 1 + 1, putCalls: 2, writeUnits: 12 });
  expect(poll.readUnits).toBeGreaterThan(5);
  expect(poll.cpuMs).toBeGreaterThan(0);
  expect(poll.peakRssBytes).toBeGreaterThan(10_000_000);
  expect((await peer.poll()).events).toEqual([]);
});

test('the peer loses failed entries, and this poller loses none', async () => {
  await ours.poll();
  const [mine, its] = await measureThrottledEntries({ ours, peer, history: 1_212 }, 100);
  expect(mine).toMatchObject({ poller: 'ours', right: 100, missing: 0, extra: 0 });
  expect(its).toMatchObject({ poller: 'peer', right: 90, missing: 10, extra: 0 });
});

test('bundles like the stack', async () => {
  const own = await bundle(join(project, 'lambdas', 'poller', 'handler.ts'), directory, 'own', bundleOptions.alias);
  const { pollers } = readSynthesized(synthesized, 'PartnerCentralTaskPoller');
  expect(readFileSync(own, 'utf8')).toBe(readFileSync(pollers[0].bundle, 'utf8'));
});
