import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import { startPartnerCentral } from '../../local/services/partner-central';
import { MINUTE } from '../durations';
import { type Ended, openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
const linesOf = ({ out }: Ended) => out.split('\n').filter(line => line !== '');

let partnerCentral: Awaited<ReturnType<typeof startPartnerCentral>>;
let endpoints: Record<string, string>;
const folders: string[] = [];
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-watch-'));
  folders.push(folder);
  return folder;
};
beforeAll(async () => {
  partnerCentral = await startPartnerCentral();
  endpoints = {
    ...testCredentials,
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  };
});
afterAll(async () => {
  commandLine.close();
  await partnerCentral.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const eventsIn = (lines: readonly string[]) => lines.map(line => JSON.parse(line) as DeliveredEvent);
const publishedIds = (lines: readonly string[]) => eventsIn(lines).map(({ detail }) => detail.taskId);

test('loses nothing and repeats at most one batch after a kill at any time', async () => {
  const store = partnerCentral.store('Sandbox');
  const folder = newFolder();
  const running = Array.from({ length: 60 }, (_, at) => store.add({ startTimeMs: Date.now() - MINUTE - at }).taskId);
  store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 30 * MINUTE }); // history

  const first = commandLine.start(['watch', '--keep', folder, '--every', '1s'], endpoints);
  await first.until(() => first.notes.some(line => line.includes('nothing new; 60 tasks to watch')));
  const [failed, ...completed] = running as [string, ...string[]];
  store.end(failed, { status: 'FAILED', reasonCode: 'InternalError', message: 'No' });
  for (const taskId of completed) store.end(taskId, 'COMPLETE');
  const second = commandLine.run(['watch', '--keep', folder, '--once'], endpoints);
  await first.until(() => first.lines.length > 0);
  first.child.kill('SIGKILL');
  const [killed, refused] = await Promise.all([first.ended, second]);
  expect(first.child.signalCode).toBe('SIGKILL');
  if (refused.code === 1) expect(refused.err).toMatch(new RegExp(`^${folder} is in use by process \\d+\\. Stop it`));

  const again = await commandLine.run(['watch', '--keep', folder, '--once'], endpoints);
  const quiet = await commandLine.run(['watch', '--keep', folder, '--once', '--since', '1h'], endpoints);

  expect([again.code, quiet.code]).toEqual([0, 0]);
  const lines = [killed, refused, again].flatMap(linesOf);
  expect([...new Set(publishedIds(lines))].sort()).toEqual([...running].sort());
  expect(lines.length - running.length).toBeLessThanOrEqual(10);
  expect(new Set(eventsIn(lines).map(({ detail }) => detail.eventId)).size).toBe(running.length);
  expect(eventsIn(lines).find(({ detail }) => detail.taskId === failed)).toEqual({
    version: '0',
    id: expect.any(String),
    'detail-type': 'TaskFailed',
    source: 'partnercentral.task-poller',
    account: '000000000000',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    region: 'us-east-1',
    resources: [expect.stringContaining(failed)],
    detail: expect.objectContaining({ schemaVersion: '1', reasonCode: 'InternalError', previousStatus: 'IN_PROGRESS' }),
  });
  // An earlier moment publishes tasks that were history before.
  expect(linesOf(quiet)).toHaveLength(1);
});

test('ends without an error at Ctrl-C and when its output is closed, and locks its folder', async () => {
  const store = partnerCentral.store('AWS', 'EngagementFromOpportunity');
  const source = ['watch', '--catalog', 'AWS', '--family', 'EngagementFromOpportunity'];
  const options = [...source, '--every', '1s', '--keep'];
  const folder = newFolder();
  const task = store.add();
  const [interrupted, unread] = [newFolder(), folder].map(keep => commandLine.start([...options, keep], endpoints)) as [
    ReturnType<typeof commandLine.start>,
    ReturnType<typeof commandLine.start>,
  ];
  const isWatching = ({ notes }: { notes: string[] }) => notes.some(line => line.includes('1 task to watch'));
  await Promise.all([interrupted, unread].map(one => one.until(() => isWatching(one))));

  const beside = await commandLine.run([...options, folder], endpoints);
  unread.child.stdout.destroy();
  interrupted.child.kill('SIGINT');
  store.end(task.taskId, 'COMPLETE');

  expect(beside).toMatchObject({ code: 1, out: '' });
  expect(beside.err).toMatch(/ is in use by process \d+\. Stop it, or name another folder\./);
  expect([(await interrupted.ended).code, (await unread.ended).code]).toEqual([0, 0]);
  expect((await unread.ended).err).not.toMatch(/EPIPE|^ +at /m);
  // Events that were not read are printed again by the next run.
  const next = await commandLine.run(
    [...source, '--keep', folder, '--once', '--local'],
    commandLine.announce('local', endpoints),
  );
  expect(publishedIds(linesOf(next))).toEqual([task.taskId]);
});
