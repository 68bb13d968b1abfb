/** What a person or a program sees of `npm start`: mostly in this process, as a process where signals or exit codes matter. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import {
  PartnerCentralSellingClient,
  StartEngagementByAcceptingInvitationTaskCommand,
  StartEngagementFromOpportunityTaskCommand,
  StartOpportunityFromEngagementTaskCommand,
} from '@aws-sdk/client-partnercentral-selling';
import { UsageError } from '../../cli/lib/command-line';
import { findRun, isAlive } from '../../cli/lib/running';
import { synthesize } from '../../infra/synthesize';
import { freePort } from '../../local/ministack/free-port';
import { main } from '../../local/start/main';
import { readOptions } from '../../local/start/start-options';
import { startPicture } from '../../scripts/record-start';
import { openCommandLine } from '../cli/command-line';
import { clientOf } from './clients';

interface Line {
  type: string;
  [field: string]: unknown;
}

const project = join(__dirname, '..', '..');
const once = ['--once', '--app', process.env.SYNTHESIZED as string];
const children: ChildProcess[] = [];
let temporary: string;

// Each run listens for the end of the process.
process.setMaxListeners(50);

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'start-test-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(temporary, { recursive: true, force: true });
});

const runFile = () => join(temporary, 'run.json');

function start(...options: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', join('local', 'start', 'start.ts'), ...options], {
    cwd: project,
    env: { ...process.env, TMPDIR: temporary, TASK_POLLER_LOCAL: runFile(), NO_COLOR: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [out, err] = ['', ''];
  let heard = () => {};
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text;
  });
  const closed = new Promise<number | null>(resolve => child.once('close', resolve));
  const lines = () => linesOf(out);

  return {
    child,
    /** Waits for a line of JSON. */
    until: (isIt: (line: Line) => boolean) =>
      new Promise<Line>((resolve, reject) => {
        heard = () => {
          const found = lines().find(isIt);
          if (found) resolve(found);
        };
        heard();
        void closed.then(code => reject(new Error(`It ended with ${code} before that line:\n${out}\n${err}`)));
      }),
    async end() {
      const code = await closed;
      return { code, out, err, lines };
    },
  };
}

/** Runs it in this process. */
const run = (...options: string[]) => call(...options).ended;
const call = (...options: string[]) => callOn({ isTTY: false }, ...options);

function callOn({ isTTY }: { isTTY: boolean }, ...options: string[]) {
  let [out, err] = ['', ''];
  const streams = {
    stdout: { isTTY, write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
  };
  const environment = { ...process.env, TASK_POLLER_LOCAL: runFile(), NO_COLOR: undefined, TERM: 'xterm' };
  const stopping = new AbortController();
  const ended = main(options, streams, environment, stopping.signal).then(code => {
    return { code, out, err, lines: () => linesOf(out) };
  });
  return {
    ended,
    stop: () => stopping.abort(),
    /** Waits for a line of JSON. */
    async until(isIt: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const found = linesOf(out).find(isIt);
        if (found) return found;
        await sleep(20);
      }
    },
  };
}

const linesOf = (out: string) =>
  out
    .split('\n')
    .slice(0, -1)
    .map(text => JSON.parse(text) as Line);
const of = (lines: Line[], type: string) => lines.filter(line => line.type === type);
const idsOf = (lines: Line[]) => lines.map(({ taskId }) => taskId).sort();
const ended = (lines: Line[]) => of(lines, 'task').filter(({ what }) => what === 'ended');
const only = 'Sandbox/OpportunityFromEngagement';
const isFirstPoll = ({ type }: Line) => type === 'poll';

test('prints one scene as JSON: an event for each ended task and no other, and a mail about the failures', async () => {
  const { code, err, lines } = await run(...once, '--json', '--tasks', '2500');
  expect({ code, err }).toEqual({ code: 0, err: '' });

  const [ready, events, polls] = [lines()[0], of(lines(), 'event'), of(lines(), 'poll')];
  expect(ready).toMatchObject({ type: 'ready', catalog: 'Sandbox', endedTasks: 2500, runningTasks: 5, resumed: false });
  for (const line of [...events, ...polls, ...of(lines(), 'task')]) expect(line.source).toBe(only);
  expect(ready?.partnerCentral).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(idsOf(events)).toEqual(idsOf(ended(lines())));
  expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(7);
  expect(events[0]).toMatchObject({
    event: { 'detail-type': events[0]?.detailType, detail: { eventId: events[0]?.eventId } },
  });

  const outcomes = (status: string) => ended(lines()).filter(line => line.status === status);
  expect(idsOf(events.filter(({ detailType }) => detailType === 'TaskFailed'))).toEqual(idsOf(outcomes('FAILED')));
  expect(idsOf(events.filter(({ detailType }) => detailType === 'TaskCompleted'))).toEqual(idsOf(outcomes('COMPLETE')));

  const [alert, ...moreAlerts] = of(lines(), 'alert');
  expect(moreAlerts).toEqual([]);
  expect(alert?.sources).toEqual([only]);
  for (const { taskId, reasonCode } of outcomes('FAILED')) {
    expect(alert?.body).toContain(taskId);
    expect(alert?.body).toContain(`Reason: ${reasonCode}`);
  }

  expect(polls.map(({ outcome, published, unsettled }) => ({ outcome, published, unsettled }))).toEqual([
    { outcome: 'complete', published: 0, unsettled: 5 },
    { outcome: 'complete', published: 7, unsettled: 0 },
    { outcome: 'complete', published: 0, unsettled: 0 },
  ]);
  expect(polls.at(-1)).toMatchObject({ listCalls: 1 });
  expect(lines().at(-1)).toMatchObject({
    type: 'summary',
    polls: 3,
    tasksEnded: 7,
    events: 7,
    completed: 4,
    failed: 3,
    mails: 1,
    replayed: 0,
  });
});

test('prints one scene as text, which docs/start.svg shows', async () => {
  const { code, out: coloured, err } = await callOn({ isTTY: true }, ...once).ended;
  expect({ code, err }).toEqual({ code: 0, err: '' });
  // Written by `npm run picture`.
  expect(startPicture(coloured)).toBe(readFileSync(join(project, 'docs', 'start.svg'), 'utf8'));
  const out = stripVTControlCharacters(coloured);
  expect(out).toMatch(/nothing leaves this machine/);
  expect(out).toMatch(/Partner Central is at http:\/\/127\.0\.0\.1:\d+/);
  expect(out).toMatch(/1,000 ended tasks and 5 running/);
  const expectLine = (type: string, text: string) =>
    expect(out).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d {2}${type.padEnd(5)} {2}${text}$`, 'm'));
  expectLine('task', 'task-\\w{13} {2}is now FAILED: EngagementAccessDenied');
  expectLine('poll', 'complete {2}looked at \\d+ tasks in 1 List call, \\d+ ms, watching 0');
  expectLine('event', 'TaskCompleted {2}task-\\w{13} {2}opportunity O\\d+ {2}event [0-9a-f]{12}');
  expectLine('event', 'TaskFailed {5}task-\\w{13} {2}EngagementAccessDenied \\(access\\) {2}event [0-9a-f]{12}');
  expectLine('alert', 'mail to the subscribers');
  expect(out).toMatch(/^ {8}\| Subject: Partner Central Sandbox: 3 tasks failed for 3 reasons$/m);
  expect(out).toMatch(/^ {8}\| What to do: Check that your company accepted the invitation/m);
  expect(out).toMatch(/^7 tasks ended; 3 polls published 7 events \(4 completed, 3 failed\), 1 alert mail\.$/m);
});

describe('a stack with several sources', () => {
  const several = join(tmpdir(), `start-test-sources-${process.pid}`);
  const opportunityIdentifiers = 'O1234567,O7654321';
  const furtherSources = [
    { taskFamily: 'EngagementByAcceptingInvitation', taskIdentifiers: 'task-0000000000001' },
    { taskFamily: 'OpportunityFromEngagement', catalog: 'AWS' },
    { taskFamily: 'EngagementFromOpportunity', catalog: 'AWS', shadow: true },
    { taskFamily: 'OpportunityFromEngagement', enabled: false },
  ];
  const names = {
    first: 'Sandbox/EngagementFromOpportunity',
    oneTask: 'Sandbox/EngagementByAcceptingInvitation',
    inAws: 'AWS/OpportunityFromEngagement',
    inShadow: 'AWS/EngagementFromOpportunity',
    disabled: 'Sandbox/OpportunityFromEngagement',
  };
  const every = Object.values(names);
  beforeAll(() => {
    const context = { taskFamily: 'EngagementFromOpportunity', opportunityIdentifiers, furtherSources };
    synthesize({ outdir: several, validate: false, context });
  }, 120_000);
  afterAll(() => rmSync(several, { recursive: true }));

  test('runs completely: every source has tasks, polls and events, and each line names its source', async () => {
    const { code, err, lines } = await run('--once', '--app', several, '--json', '--tasks', '20');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const bySource = (type: string, isIt: (line: Line) => boolean = () => true) =>
      Object.fromEntries(
        every.map(name => [name, of(lines(), type).filter(line => line.source === name && isIt(line)).length]),
      );
    expect(lines()[0]).toMatchObject({
      type: 'ready',
      endedTasks: 100,
      runningTasks: 25,
      sources: every.map(source => ({ source, endedTasks: 20, runningTasks: 5 })),
    });
    expect(bySource('task', ({ what }) => what === 'ended')).toEqual(Object.fromEntries(every.map(name => [name, 7])));
    expect(bySource('poll', ({ outcome }) => outcome === 'complete')).toEqual({
      ...Object.fromEntries(every.map(name => [name, 3])),
      [names.disabled]: 0,
    });
    expect(bySource('event')).toEqual({
      [names.first]: 7,
      [names.oneTask]: 1,
      [names.inAws]: 7,
      [names.inShadow]: 0,
      [names.disabled]: 0,
    });
    expect(of(lines(), 'alert').map(({ sources }) => sources)).toEqual([[names.inAws, names.first]]);
    expect(lines().at(-1)).toMatchObject({ tasksEnded: 35, events: 15, polls: 12 });
  });

  test('prints how to start a task of each source, and which sources are not polled or not published', async () => {
    const playing = call('--app', several, '--tasks', '0');
    playing.stop(); // before the first poll
    const { code, out } = await playing.ended;
    expect(code).toBe(0);
    expect(out).not.toContain('\u001b');
    for (const line of [
      `  ${names.inAws.padEnd(39)}  0 ended tasks and 3 running`,
      `  ${names.inShadow.padEnd(39)}  0 ended tasks and 3 running; shadow: publishes nothing`,
      `  ${names.disabled.padEnd(39)}  0 ended tasks and 3 running; enabled is false: not polled`,
      `A task of ${names.inAws}: it completes with context 1, or fails with any other number.`,
      '  aws partnercentral-selling start-engagement-from-opportunity-task --identifier O1234567 --aws-submission InvolvementType=Co-Sell,Visibility=Full --catalog Sandbox \\',
      '  aws partnercentral-selling start-engagement-by-accepting-invitation-task --identifier engi-0123456789abc --catalog Sandbox \\',
    ])
      expect(out.split('\n')).toContain(line);
  });

  // Its tasks take some seconds of real time.
  test('finishes tasks that an SDK starts; marks a replay as one and leaves it out of the counts', async () => {
    const playing = call('--app', several, '--tasks', '0', '--json');
    const { partnerCentral } = await playing.until(({ type }) => type === 'ready');
    const client = new PartnerCentralSellingClient(clientOf({ url: String(partnerCentral) }));
    const begun = await Promise.all([
      client.send(
        new StartEngagementFromOpportunityTaskCommand({
          Catalog: 'Sandbox',
          ClientToken: 'token',
          Identifier: 'O7654321',
          AwsSubmission: { InvolvementType: 'Co-Sell' },
        }),
      ),
      client.send(
        new StartEngagementByAcceptingInvitationTaskCommand({
          Catalog: 'Sandbox',
          ClientToken: 'token',
          Identifier: 'engi-0123456789ab0',
        }),
      ),
      client.send(
        new StartOpportunityFromEngagementTaskCommand({
          Catalog: 'AWS',
          ClientToken: 'token',
          Identifier: 'eng-0123456789abcd',
          ContextIdentifier: '2',
        }),
      ),
    ]);
    client.destroy();
    const outcomes = await Promise.all(
      begun.map(({ TaskId }) =>
        playing.until(({ type, what, taskId }) => type === 'task' && what === 'ended' && taskId === TaskId),
      ),
    );
    expect(outcomes.map(({ source, status, reasonCode }) => [source, status, reasonCode])).toEqual([
      [names.first, 'COMPLETE', undefined],
      [names.oneTask, 'FAILED', 'InvitationValidationFailed'],
      [names.inAws, 'FAILED', 'ContextNotFound'],
    ]);

    const [{ TaskId: completed }, , { TaskId: failedTask }] = begun;
    const eventOf = (wanted?: string) => playing.until(({ type, taskId }) => type === 'event' && taskId === wanted);
    expect(await eventOf(completed)).toMatchObject({ detailType: 'TaskCompleted', source: names.first });
    expect(await eventOf(failedTask)).toMatchObject({ detailType: 'TaskFailed', reasonCode: 'ContextNotFound' });
    await playing.until(({ type, body }) => type === 'alert' && String(body).includes(String(failedTask)));
    const replay = ['replay', '--task', String(failedTask), '--source', names.inAws, '--alerts', '--local'];
    const commandLine = openCommandLine();
    const state = ['--state', join(temporary, 'state')];
    const replayed = await commandLine.call([...replay, ...state], { TASK_POLLER_LOCAL: runFile() }).ended;
    commandLine.close();
    expect(replayed).toMatchObject({ code: 0, err: '' });
    const again = await playing.until(({ type, replayId }) => type === 'event' && replayId !== undefined);
    expect(again).toMatchObject({ source: names.inAws, taskId: failedTask });
    const isRepeat = ({ type, subject }: Line) => type === 'alert' && String(subject).startsWith('Repeat: ');
    expect(await playing.until(isRepeat)).toMatchObject({ sources: [names.inAws] });
    playing.stop();
    const { code, lines } = await playing.ended;
    expect(code).toBe(0);
    const published = of(lines(), 'event').filter(({ replayId }) => replayId === undefined);
    expect(lines().at(-1)).toMatchObject({
      events: published.length,
      mails: of(lines(), 'alert').filter(line => !isRepeat(line)).length,
      replayed: 1,
    });
  });
});

test('help lists the options', async () => {
  const { code, out, err } = await run('--help');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const flag of ['--once', '--tasks N', '--json', '--keep DIR', '--port N', '--app DIR', '--help'])
    expect(out).toContain(flag);
  expect(out).toContain('Examples:');
  expect(out).toMatch(/takes about \d+ seconds on two cores/);
});

test.each<[string[], RegExp]>([
  [['--twice'], /^Got --twice, allowed: --once, .*--help\.$/],
  [['once'], /^Got "once", allowed: --once, /],
  [['--tasks', 'many'], /^--tasks: got "many", allowed: a whole number from 0 to 1000000\.$/],
  [['--tasks', '1000001'], /^--tasks: got "1000001", allowed: /],
  [['--tasks=-1'], /^--tasks: got "-1", allowed: /],
  [['--port', '70000'], /^--port: got "70000", allowed: a whole number from 1 to 65535\.$/],
  [['--port'], /^--port: got no value, allowed: /],
  [['--once=yes'], /^--once: got "yes", allowed: no value\.$/],
  [['--keep', 'package.json'], /^--keep: got "package.json", which is a file, allowed: the path of a folder/],
  [['--app', 'nowhere'], /^--app: got "nowhere", which is not there, allowed: the path of a folder\.$/],
])('fails when the options are %p', (options, message) => {
  expect(() => readOptions(options, {})).toThrow(UsageError);
  expect(() => readOptions(options, {})).toThrow(message);
});

test('fails when npm consumed an option', () => {
  expect(() => readOptions([], { npm_config_once: 'true' })).toThrow('npm start -- --once');
});

test('fails when the command line is wrong: one line on standard error, exit code 2', async () => {
  const { code, out, err } = await start('--twice').end();
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: 2, out: '', lines: 2 });
  expect(err).toMatch(/^Got --twice, allowed: /);
});

test('fails when the folder has no stack, or the port is taken', async () => {
  const occupant = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => occupant.once('listening', resolve));
  const { port } = occupant.address() as { port: number };
  const noStack = await run('--once', '--app', temporary);
  const takenPort = await run(...once, '--port', String(port));
  occupant.close();
  expect(noStack).toMatchObject({
    code: 1,
    err: expect.stringMatching(/holds no synthesized stack.*cdk synth/),
  });
  expect(takenPort).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(`127.0.0.1:${port}: the port is taken`),
  });
  expect(takenPort.err).not.toMatch(/^\s+at /m);
});

test('listens on the given port, is found by the command line, and ends with Ctrl-C', async () => {
  const port = await freePort();
  const started = start(...once.slice(1), '--json', '--tasks', '10', '--port', String(port));
  await started.until(isFirstPoll);
  expect(findRun(runFile())).toMatchObject({
    stackName: 'PartnerCentralTaskPoller',
    endpoints: { AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: `http://127.0.0.1:${port}` },
  });
  const functions = childrenOf(started.child);
  expect(functions).toHaveLength(1);
  started.child.kill('SIGINT');
  const { code, err, lines } = await started.end();
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(lines().at(-1)).toMatchObject({ type: 'summary' });
  expect(functions.filter(isAlive)).toEqual([]);
  expect(leftInTemporary()).toEqual([]);
});

test('its functions end when the process is killed', async () => {
  const started = start(...once.slice(1), '--json');
  await started.until(isFirstPoll);
  const functions = childrenOf(started.child);
  expect(functions).toHaveLength(1);
  started.child.kill('SIGKILL');
  await started.end();
  while (functions.some(isAlive)) await new Promise(resolve => setTimeout(resolve, 20));
});

test('with kept state, the next run publishes tasks that ended in between, and no older ones', async () => {
  const keep = ['--keep', join(temporary, 'state')];
  const first = start(...once.slice(1), ...keep, '--json', '--tasks', '50');
  await first.until(isFirstPoll);
  expect(await run(...once, ...keep)).toMatchObject({
    code: 1,
    err: expect.stringMatching(`in use by process ${first.child.pid}`),
  });
  first.child.kill('SIGTERM');
  const before = await first.end();
  expect(before).toMatchObject({ code: 0, err: '' });

  // One of them ends while it is stopped.
  const file = join(temporary, 'state', 'partner-central.json');
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  const tasks: { taskId: string; status: string }[] = saved['Sandbox/OpportunityFromEngagement'].tasks;
  const inBetween = tasks.find(({ status }) => status === 'IN_PROGRESS');
  expect(tasks.length).toBeGreaterThan(50);
  Object.assign(inBetween ?? {}, { status: 'COMPLETE', opportunityId: 'O123' });
  writeFileSync(file, JSON.stringify(saved));

  const second = await run(...once, ...keep, '--json', '--tasks', '50');
  expect(second).toMatchObject({ code: 0, err: '' });
  expect(second.lines()[0]).toMatchObject({ type: 'ready', resumed: true });
  expect(idsOf(of(second.lines(), 'event'))).toEqual([...idsOf(ended(second.lines())), inBetween?.taskId].sort());

  const third = await run(...once, ...keep, '--json');
  expect(idsOf(of(third.lines(), 'event'))).toEqual(idsOf(ended(third.lines())));
  expect(of(third.lines(), 'event')).toHaveLength(2); // tasks that the scene has just started

  writeFileSync(file, '{"Sandbox');
  const damaged = await run(...once, ...keep);
  expect(damaged).toMatchObject({ code: 1, err: expect.stringMatching(/damaged: .* to begin anew/) });
  expect(damaged.err).not.toMatch(/^\s+at /m);
});

test('ends without an error when its output is closed', async () => {
  const started = start(...once.slice(1));
  await new Promise(resolve => started.child.stdout?.once('data', resolve));
  started.child.stdout?.destroy();
  expect(await started.end()).toMatchObject({ code: 0, err: '' });
});

/** Files that tsx keeps for its next start don't count. */
const leftInTemporary = () => readdirSync(temporary).filter(name => !/^(tsx|node)-/.test(name));

function childrenOf({ pid }: ChildProcess): number[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const rows = all.map(row => row.trim().split(/\s+/));
  return rows
    .filter(([, parent, ...args]) => Number(parent) === pid && args.join(' ').includes('lambda-child'))
    .map(([child]) => Number(child));
}
