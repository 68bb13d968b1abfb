/** status, list, show and doctor for a local stack. */

import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { toItem } from '../../lambdas/poller/edges/row-item';
import { formatSource } from '../../lambdas/source-id';
import { startControlPlane } from '../../local/services/control-plane';
import type { Fault } from '../../local/services/service';
import { readSynthesized } from '../../local/synthesized';
import { ago, DAY, HOUR, MINUTE } from '../durations';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { openCommandLine } from './command-line';

type Json = Record<string, unknown>;

const commandLine = openCommandLine();
const source = 'Sandbox#OpportunityFromEngagement';
let stack: TestStack;
let local: Record<string, string>;
const closing: { close: () => Promise<void> }[] = [];
const ids = {
  running: '',
  stalled: '',
  failed: '',
  complete: '',
  refused: '',
  missing: 'task-0000000missing'.slice(0, 18),
};

const run = (...args: string[]) => commandLine.run([...args, '--local'], local);

beforeAll(async () => {
  stack = await openTestStack({ emitSince: ago(2 * DAY) });
  local = commandLine.announce('stack', stack.endpoints);
  const { store } = stack;
  ids.failed = store.add().taskId;
  await stack.run();
  ids.running = store.add({ startTimeMs: Date.now() - 5 * MINUTE }).taskId;
  ids.stalled = store.add({ startTimeMs: Date.now() - 3 * HOUR }).taskId;
  ids.complete = store.add({
    status: 'COMPLETE',
    startTimeMs: Date.now() - 26 * HOUR,
    opportunityId: 'O7654321',
  }).taskId;
  ids.refused = store.add({ status: 'FAILED', reasonCode: 'InternalError', startTimeMs: Date.now() - HOUR }).taskId;
  store.end(ids.failed, { status: 'FAILED', reasonCode: 'EngagementAccessDenied', message: 'No access.\u001b[31m' });
  stack.eventBridge.entryFault = ({ Detail }) =>
    Detail?.includes(ids.refused) ? { ErrorCode: 'MalformedDetail', ErrorMessage: 'on purpose' } : undefined;
  await stack.run('audit');
  const missing: TaskRow = {
    taskId: ids.missing,
    status: 'IN_PROGRESS',
    settled: false,
    publishedStatuses: new Set(),
    firstSeenAt: Date.now() - DAY,
    lastSeenAt: Date.now() - DAY,
    startTime: Date.now() - DAY,
    missing: true,
    misses: 4,
    firstMissedAt: Date.now() - 2 * HOUR,
    nextCheckAt: Date.now() + 10 * MINUTE,
  };
  await stack.putItem(toItem(source, missing, true));
  await stack.putItem({
    ...(await stack.checkpoint()),
    leaseOwner: 'run-1',
    leaseExpiresAtMs: Date.now() + 10 * MINUTE,
  });
});
afterAll(async () => {
  commandLine.close();
  await Promise.all([stack, ...closing].map(one => one.close()));
});

describe("a clock that differs from Partner Central's", () => {
  afterAll(async () => stack.putItem({ ...(await stack.checkpoint()), clockOffsetMs: 0 }));

  test.each([
    [-600_000, -600, '600 seconds ahead of Partner Central'],
    [45_000, 45, '45 seconds behind Partner Central'],
    [30_000, undefined, undefined],
  ])('by %d ms is shown by status and doctor', async (clockOffsetMs, seconds, words) => {
    await stack.putItem({ ...(await stack.checkpoint()), clockOffsetMs });
    const [json, ...texts] = [await run('status', '--json'), await run('status'), await run('doctor')];
    expect(JSON.parse(json.out).sources[0].clockOffsetSeconds).toBe(seconds);
    for (const { out } of texts) {
      if (words === undefined) expect(out).not.toContain("the function's clock");
      else expect(out).toContain(`the function's clock was ${words}`);
    }
  });
});

describe('status', () => {
  test('as JSON', async () => {
    const { code, out, err } = await run('status', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const instant = expect.stringMatching(/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(JSON.parse(out)).toMatchObject({
      stack: 'PartnerCentralTaskPoller',
      sources: [
        {
          source: formatSource(source),
          tableName: stack.tableName,
          late: false,
          lastSuccessAt: instant,
          watermark: instant,
          emitSince: instant,
          lease: { owner: 'run-1', expiresAt: instant },
          gaps: [],
          audit: { requestedAt: instant, finishedAt: instant, atWork: false, overdue: false },
          running: [
            { taskId: ids.stalled, status: 'IN_PROGRESS', startTime: instant, stalled: true },
            { taskId: ids.running, stalled: false },
          ],
          unpublished: [
            { taskId: ids.refused, publishAttempts: 1, lastError: 'MalformedDetail', nextCheckAt: instant },
          ],
          missing: [{ taskId: ids.missing, misses: 4, firstMissedAt: instant, missing: true }],
        },
      ],
    });
  });

  test('as text', async () => {
    const { code, out } = await run('status');
    expect(code).toBe(0);
    const expected = [
      /^Sandbox\/OpportunityFromEngagement$/m,
      /^ {2}Last success +(now|.* ago) \(2\d{3}-.* UTC\)$/m,
      /^ {2}Lease +held by run run-1 for \d minutes more$/m,
      /^ {2}Backlog +none$/m,
      /^ {2}Audit +the last finished (now|.* ago)$/m,
      /^ {2}Running +2, of them 1 for longer than 60 minutes$/m,
      new RegExp(`^ {4}${ids.stalled} {2}IN_PROGRESS for 3 hours, stalled$`, 'm'),
      /^ {2}Unpublished +1$/m,
      new RegExp(
        `^ {4}${ids.refused} {2}FAILED, 1 attempt, refused: MalformedDetail, next (in \\d+ seconds?|with the next poll)$`,
        'm',
      ),
      /^ {2}Missing +1$/m,
      new RegExp(
        `^ {4}${ids.missing} {2}last IN_PROGRESS, not listed since 2 hours ago, looked for 4 times, next in`,
        'm',
      ),
    ];
    for (const line of expected) expect(out).toMatch(line);
  });
});

describe('list', () => {
  const listed = async (...options: string[]) => {
    const { code, out, err } = await run('list', '--json', ...options);
    expect(code).toBe(0);
    return { taskIds: (JSON.parse(out) as Json[]).map(({ taskId }) => taskId), err };
  };

  test('as JSON, newest first, by each filter', async () => {
    const all = [ids.failed, ids.running, ids.refused, ids.stalled, ids.missing, ids.complete];
    const { engagementId } = stack.store.get(ids.running) as { engagementId: string };
    const outcomes = await Promise.all([
      listed(),
      listed('--status', 'failed,COMPLETE'),
      listed('--reason', 'access,InternalError', '--since', '30m'),
      listed('--since', '25h', '--until', '2h'),
      listed('--engagement', engagementId, '--status', 'IN_PROGRESS'),
      listed('--opportunity', 'O7654321'),
      listed('--limit', '2'),
    ]);
    expect(outcomes.map(({ taskIds }) => taskIds)).toEqual([
      all,
      [ids.failed, ids.refused, ids.complete],
      [ids.failed],
      [ids.stalled, ids.missing],
      [ids.running],
      [ids.complete],
      [ids.failed, ids.running],
    ]);
    expect(outcomes.map(({ err }) => err)).toEqual([...Array(6).fill(''), '4 more; --limit N shows more of them.\n']);
  });

  test('as text in a pipe: nothing is cut, and columns that are empty for all tasks are omitted', async () => {
    const { out, err } = await run('list');
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^TASK +STATUS +STARTED \(UTC\) +SEEN ENDED +REASON +OPPORTUNITY$/);
    expect(lines.find(line => line.startsWith(ids.failed))).toMatch(
      /FAILED +20\d\d-\d\d-\d\d \d\d:\d\d {2}20\d\d-\d\d-\d\d \d\d:\d\d {2}EngagementAccessDenied$/,
    );
    expect(lines.find(line => line.startsWith(ids.refused))).toContain('InternalError (unpublished)');
    expect(lines.find(line => line.startsWith(ids.stalled))).toMatch(/ {10}\(stalled, for 3 hours\)$/);
    expect(lines.find(line => line.startsWith(ids.missing))).toContain('(missing)');
    expect(err).toBe('');
    const running = (await run('list', '--status', 'IN_PROGRESS', '--since', '10m')).out.split('\n');
    expect(running[0]).toBe('TASK                STATUS       STARTED (UTC)');
  });

  test('succeeds without a match', async () => {
    const { code, out, err } = await run('list', '--status', 'NONSENSE');
    expect({ code, out, err }).toEqual({
      code: 0,
      out: '',
      err: 'None of 6 tasks.\nThere is no status NONSENSE; there are COMPLETE, FAILED, IN_PROGRESS.\n',
    });
  });

  test.each([
    [['--reason', 'acess,validation'], 'There is no reason acess; there are the categories access, '],
    [['--reason', 'acess,access'], 'There is no reason acess; '],
    [['--status', 'FAILED,FALIED'], 'There is no status FALIED; there are COMPLETE, FAILED, IN_PROGRESS.'],
    [['--engagement', 'eng-00000000000000'], 'The poller knows no task of the engagement eng-00000000000000.'],
    [['--opportunity', 'O1'], 'The poller knows no task of the opportunity O1.'],
  ])('%p: reports a filter that no task can match', async (filter, message) => {
    const [text, json] = [await run('list', ...filter), await run('list', '--json', ...filter)];
    for (const { code, err } of [text, json]) {
      expect(code).toBe(0);
      expect(err).toContain(message);
    }
    expect(() => JSON.parse(json.out)).not.toThrow();
  });

  test('does not report a known value that matches nothing', async () => {
    const { err } = await run('list', '--status', 'COMPLETE', '--reason', 'quota,ServiceQuotaExceeded');
    expect(err).toBe('None of 6 tasks.\n');
  });
});

describe('show', () => {
  test('a failed task by its ARN: times, reason, events, advice', async () => {
    const [published] = stack.eventBridge.events.filter(({ detail }) => detail.taskId === ids.failed);
    const { taskArn, eventId } = published?.detail ?? {};
    const [text, json] = await Promise.all([run('show', String(taskArn)), run('show', ids.failed, '--json')]);
    for (const line of [
      `${ids.failed}  FAILED`,
      `ARN             ${taskArn}`,
      'Reason          EngagementAccessDenied (access)',
      'Message         No access.�[31m',
      'It means        The account or the role that started',
      'Published       FAILED',
      `Event           TaskFailed ${eventId}`,
      'Next check      none',
    ])
      expect(text.out).toContain(line);
    expect(JSON.parse(json.out)).toMatchObject({
      source: formatSource(source),
      taskId: ids.failed,
      settled: true,
      publishedStatuses: ['FAILED'],
      events: [{ detailType: 'TaskFailed', status: 'FAILED', eventId }],
    });
  });

  test('a task not published yet: the error and the next attempt', async () => {
    const { out } = await run('show', ids.refused);
    expect(out).toContain('Published       not yet FAILED');
    expect(out).toContain('Attempts        1 attempt');
    expect(out).toContain('Last error      MalformedDetail');
    expect(out).toMatch(/Next check {6}(2\d{3}-.* UTC, in \d+ second|with the next poll)/);
  });

  test('fails when no source has the task', async () => {
    const { code, out, err } = await run('show', 'task-zzzzzzzzzzzzz');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^The poller of the stack PartnerCentralTaskPoller does not know task-zzzzzzzzzzzzz: .*\n$/);
  });
});

describe('several sources in one stack', () => {
  let both: Record<string, string>;
  const other = 'Sandbox#EngagementFromOpportunity';
  const named = 'Sandbox#EngagementFromOpportunity#acme';
  const [ourRole, othersRole] = [
    'arn:aws:iam::111111111111:role/Ours',
    'arn:aws:iam::222222222222:role/Others',
  ] as const;
  beforeAll(async () => {
    const {
      template,
      pollers: [poller],
    } = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');
    const environment = (taskFamily: string, assumeRoleArn?: string, name?: string) => ({
      TABLE_NAME: stack.tableName,
      EVENT_BUS_NAME: 'TaskBus',
      POLLER_SETTINGS: JSON.stringify({ catalog: 'Sandbox', taskFamily, assumeRoleArn, name }),
    });
    const invoke = () => Promise.reject(new Error('Nobody calls it'));
    const aFunction = { Type: 'AWS::Lambda::Function', Properties: {} };
    const plane = await startControlPlane({
      stackName: 'PartnerCentralTaskPoller',
      template: { Resources: { ...template.Resources, Another: aFunction, Named: aFunction } },
      names: {},
      functions: {
        [poller.logicalId]: { environment: environment('OpportunityFromEngagement', ourRole), invoke },
        Another: { environment: environment('EngagementFromOpportunity', othersRole), invoke },
        Named: {
          environment: environment('EngagementFromOpportunity', 'arn:aws:iam::333333333333:role/Third', 'acme'),
          invoke,
        },
      },
    });
    closing.push(plane);
    both = commandLine.announce('both', { ...stack.endpoints, ...plane.endpoints });
    const row = {
      taskId: 'task-ofthesecond1',
      status: 'COMPLETE',
      settled: true,
      publishedStatuses: new Set(['COMPLETE']),
    };
    await stack.putItem(toItem(other, { ...row, firstSeenAt: Date.now(), lastSeenAt: Date.now() }, true));
  });

  test('uses all of them, or the one named by --source', async () => {
    const inBoth = (...args: string[]) => commandLine.run([...args, '--local'], both);
    const [status, list, one, show, wrong] = await Promise.all([
      inBoth('status', '--json'),
      inBoth('list', '--limit', '1'),
      inBoth('list', '--json', '--source', 'Sandbox/EngagementFromOpportunity'),
      inBoth('show', 'task-ofthesecond1'),
      inBoth('status', '--source', 'AWS/OpportunityFromEngagement'),
    ]);
    expect(JSON.parse(status.out).sources.map((each: Json) => each.source)).toEqual([
      formatSource(other),
      'Sandbox/EngagementFromOpportunity/acme',
      formatSource(source),
    ]);
    expect(list.out).toContain('SOURCE');
    expect(list.out).toContain('Sandbox/EngagementFromOpportunity');
    expect(JSON.parse(one.out)).toMatchObject([{ taskId: 'task-ofthesecond1', source: formatSource(other) }]);
    expect(show.out).toContain('Source          Sandbox/EngagementFromOpportunity');
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toContain(
      'no source AWS/OpportunityFromEngagement; it has: Sandbox/EngagementFromOpportunity, Sandbox/EngagementFromOpportunity/acme, Sandbox/Opp',
    );
  });

  test("shows a source's name, and its own rows", async () => {
    const name = formatSource(named);
    const [list, status, wrong] = await Promise.all([
      commandLine.run(['list', '--json', '--source', name, '--local'], both),
      commandLine.run(['status', '--json', '--source', name, '--local'], both),
      commandLine.run(['status', '--source', `${name}/more`, '--local'], both),
    ]);
    expect(JSON.parse(list.out)).toEqual([]);
    expect(JSON.parse(status.out).sources).toMatchObject([{ source: name, sourceName: 'acme' }]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('another slash and the name')]);
  });

  test("doctor lists the tasks through each source's role, and names roles that it may not assume", async () => {
    stack.sts.roles = [ourRole];
    const { code, out } = await commandLine.run(['doctor', '--local'], both);
    expect(code).toBe(1);
    expect(out).toContain(
      `ok     Sandbox/OpportunityFromEngagement: may ListOpportunityFromEngagementTasks: catalog Sandbox, through ${ourRole}\n`,
    );
    expect(out).toContain(
      `wrong  Sandbox/EngagementFromOpportunity: may ListEngagementFromOpportunityTasks: you may not assume ${othersRole}. The`,
    );
    expect(stack.sts.sessions.map(({ roleArn }) => roleArn)).toEqual([ourRole]);
  });

  test('a plan lists the tasks through the role', async () => {
    stack.sts.roles = [ourRole];
    const before = stack.sts.sessions.length;
    const ofRole = (source: string) => commandLine.run(['plan', '--source', source, '--local'], both);
    const [ours, others] = [await ofRole(formatSource(source)), await ofRole(formatSource(other))];
    expect([ours.code, ours.err]).toEqual([0, '']);
    expect(stack.sts.sessions.slice(before).map(({ roleArn }) => roleArn)).toEqual([ourRole]);
    expect(others.code).toBe(1);
    expect(others.err).toContain('The permission sts:AssumeRole is missing');
  });
});

describe('doctor', () => {
  test('everything is ok', async () => {
    await stack.putItem({ ...(await stack.checkpoint()), lastSuccessAt: ago(0) });
    const [text, json] = await Promise.all([run('doctor'), run('doctor', '--json')]);
    expect(text.code).toBe(0);
    expect(text.out).not.toContain('wrong');
    expect(text.out.trim().split('\n').slice(0, 3)).toEqual([
      'ok     region: us-east-1',
      expect.stringMatching(/^ok {5}credentials: arn:aws:sts::000000000000:.*, account 000000000000$/),
      'ok     stack: PartnerCentralTaskPoller in us-east-1 polls Sandbox/OpportunityFromEngagement',
    ]);
    expect(text.out).toMatch(/\nAll is well\.\n$/);
    const { ok, checks } = JSON.parse(json.out);
    expect({ ok, checks: checks.map(({ check, ok }: Json) => [check, ok]) }).toEqual({
      ok: true,
      checks: [
        'region',
        'credentials',
        'stack',
        'may ListOpportunityFromEngagementTasks',
        'may ListEngagementFromOpportunityTasks',
        'table',
        'deletion protection',
        'time to live',
        'point-in-time recovery',
        'event bus',
        'poll schedule',
        'audit schedule',
        'last poll',
      ].map(check => [check, true]),
    });
  });

  test('fails when anything is wrong, runs all checks, and gives advice for each', async () => {
    const answer = (body: object): Fault => ({ when: 'before', how: { status: 200, body: JSON.stringify(body) } });
    const refusal = (type: string): Fault => ({ when: 'before', how: { status: 400, type, body: { message: type } } });
    stack.partnerCentral.intercept = ({ operation }) =>
      operation === 'ListEngagementFromOpportunityTasks' ? refusal('AccessDeniedException') : undefined;
    stack.dynamoDb.intercept = ({ operation }) =>
      ({
        DescribeTable: answer({ Table: { TableStatus: 'ACTIVE' } }),
        DescribeTimeToLive: answer({ TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } }),
        DescribeContinuousBackups: answer({ ContinuousBackupsDescription: { ContinuousBackupsStatus: 'DISABLED' } }),
      })[operation];
    stack.eventBridge.intercept = () => refusal('ResourceNotFoundException');
    stack.controlPlane.scheduler.intercept = () =>
      answer({
        Name: 'Schedule',
        State: 'DISABLED',
        Target: { Arn: `arn:aws:lambda:us-east-1:000000000000:function:${poller()}`, Input: '{"mode":"poll"}' },
      });
    await stack.putItem({ ...(await stack.checkpoint()), lastSuccessAt: ago(HOUR) });

    const { code, out } = await run('doctor');
    expect(code).toBe(1);
    const wrong = out.split('\n').filter(line => line.startsWith('wrong'));
    expect(wrong).toEqual([
      expect.stringContaining(
        'may ListEngagementFromOpportunityTasks: your credentials may not use partnercentral:List',
      ),
      expect.stringContaining('deletion protection: off: aws dynamodb update-table --table-name'),
      expect.stringContaining('time to live: off, so old rows stay for ever: aws dynamodb update-time-to-live'),
      expect.stringContaining('point-in-time recovery: off: aws dynamodb update-continuous-backups'),
      expect.stringContaining('event bus: the event bus TaskBus'),
      expect.stringContaining("poll schedule: Schedule is disabled: if the poller isn't paused on purpose, deploy"),
      expect.stringContaining('audit schedule: there is none for the function'),
      expect.stringMatching(/last poll: the last complete one was .*, 1 hour ago: see docs\/runbook\.md/),
    ]);
    expect(out).toContain('\n8 things are wrong.\n');
  });

  test('switches another attribute off first, because DynamoDB refuses two changes at once', async () => {
    const ttl = { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'until' } };
    stack.dynamoDb.intercept = ({ operation }) =>
      operation === 'DescribeTimeToLive'
        ? { when: 'before', how: { status: 200, body: JSON.stringify(ttl) } }
        : undefined;
    const { out } = await run('doctor');
    const line = out.split('\n').find(each => each.includes('time to live: on by until, not by expiresAt'));
    expect(line).toMatch(
      /Enabled=false,AttributeName=until, and an hour later aws dynamodb .*Enabled=true,AttributeName=expiresAt/,
    );
  });

  test('fails when nothing is deployed yet, and still checks whether the tasks may be listed', async () => {
    stack.partnerCentral.intercept = undefined;
    const { code, out } = await run('doctor', '--stack', 'NotYet');
    expect(code).toBe(1);
    expect(out.split('\n').slice(2, 5)).toEqual([
      'wrong  stack: There is no stack NotYet in us-east-1: deploy it with npx cdk deploy.',
      'ok     may ListOpportunityFromEngagementTasks: catalog Sandbox, by your credentials',
      'ok     may ListEngagementFromOpportunityTasks: catalog Sandbox, by your credentials',
    ]);
  });

  test('fails when there are no credentials, without further checks', async () => {
    const { code, out } = await commandLine.run(['doctor']);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^wrong {2}region: No region is set: .*\nwrong {2}credentials: There are no AWS credentials: .*\n\n2 things are wrong\.\n$/,
    );
  });
});

const poller = () =>
  readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller').pollers[0].logicalId;
