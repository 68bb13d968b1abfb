import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedTableTemplate } from '../../cli/commands/watch/embedded-table';
import type { DeliveredEvent } from '../../local/services/event-bridge';
import { startPartnerCentral } from '../../local/services/partner-central';
import { MINUTE } from '../integration/test-stack';
import { announced, startTasks, tasks } from './watch-process';

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
  endpoints = { AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' };
});
afterAll(async () => {
  await partnerCentral.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const eventsIn = (lines: readonly string[]) => lines.map(line => JSON.parse(line) as DeliveredEvent);
const told = (lines: readonly string[]) => eventsIn(lines).map(({ detail }) => detail.taskId);

test('killed at any moment and started again, it loses nothing and repeats at most a batch', async () => {
  const store = partnerCentral.store('Sandbox');
  const folder = newFolder();
  const running = Array.from({ length: 60 }, (_, at) => store.add({ startTimeMs: Date.now() - MINUTE - at }).taskId);
  store.add({ status: 'COMPLETE', startTimeMs: Date.now() - 30 * MINUTE }); // history

  const first = startTasks(endpoints, ['watch', '--keep', folder, '--every', '1s']);
  await first.until(() => first.notes.some(line => line.includes('nothing new; 60 tasks to watch')));
  const [failed, ...completed] = running as [string, ...string[]];
  store.end(failed, { status: 'FAILED', reasonCode: 'InternalError', message: 'No' });
  for (const taskId of completed) store.end(taskId, 'COMPLETE');
  const second = tasks(endpoints, 'watch', '--keep', folder, '--once');
  await first.until(() => first.lines.length > 0);
  first.child.kill('SIGKILL');
  const [killed, refused] = await Promise.all([first.ended, second]);
  expect(first.child.signalCode).toBe('SIGKILL');
  if (refused.code === 1) expect(refused.err).toMatch(new RegExp(`^${folder} is in use by process \\d+\\. Stop it`));

  const again = await tasks(endpoints, 'watch', '--keep', folder, '--once');
  const quiet = await tasks(endpoints, 'watch', '--keep', folder, '--once', '--since', '1h');

  expect([again.code, quiet.code]).toEqual([0, 0]);
  const lines = [killed, refused, again].flatMap(({ lines }) => lines);
  expect([...new Set(told(lines))].sort()).toEqual([...running].sort());
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
  // An earlier moment asks for what was history until now.
  expect(quiet.lines).toHaveLength(1);
});

test('it ends well at Ctrl-C and when nobody reads, and only one uses a folder', async () => {
  const store = partnerCentral.store('AWS', 'EngagementFromOpportunity');
  const options = ['watch', '--catalog', 'AWS', '--family', 'EngagementFromOpportunity', '--every', '1s', '--keep'];
  const folder = newFolder();
  const task = store.add();
  const [interrupted, unread] = [newFolder(), folder].map(keep => startTasks(endpoints, [...options, keep])) as [
    ReturnType<typeof startTasks>,
    ReturnType<typeof startTasks>,
  ];
  const isWatching = ({ notes }: { notes: string[] }) => notes.some(line => line.includes('1 task to watch'));
  await Promise.all([interrupted, unread].map(one => one.until(() => isWatching(one))));

  const beside = await tasks(endpoints, ...options, folder);
  unread.child.stdout.destroy();
  interrupted.child.kill('SIGINT');
  store.end(task.taskId, 'COMPLETE');

  expect(beside).toMatchObject({ code: 1, out: '' });
  expect(beside.err).toMatch(/ is in use by process \d+\. Stop it, or name another folder\./);
  expect([(await interrupted.ended).code, (await unread.ended).code]).toEqual([0, 0]);
  expect((await unread.ended).err).not.toMatch(/EPIPE|^ +at /m);
  // What nobody took is told the next time.
  const next = await tasks(announced(endpoints), ...options, folder, '--once', '--local');
  expect(told(next.lines)).toEqual([task.taskId]);
});

test('the embedded table is like the one of the stack', () => {
  const file = join(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller.template.json');
  const { Resources } = JSON.parse(readFileSync(file, 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: object }>;
  };
  const table = Object.values(Resources).find(({ Type }) => Type === 'AWS::DynamoDB::Table');
  expect(table?.Properties).toMatchObject(embeddedTableTemplate.Resources.Snapshot.Properties);
});
