/** What the example decides about a failed task, and what it remembers. */
import type { TaskFailedDetail } from 'partner-central-task-poller/events';
import { type Given, giveUpMessage } from '../../examples/restart-tasks/give-up';
import { type Handled, type History, type Limits, planRestart } from '../../examples/restart-tasks/plan';
import { startRequest, workOf } from '../../examples/restart-tasks/start-request';
import { reasons } from '../../lambdas/reason-codes';

const nowSeconds = 1_800_000_000;
const week = 7 * 24 * 60 * 60;

const eventId = (at: number) => String(at).padStart(64, '0');
const failure = (more: Readonly<Record<string, unknown>> = {}) =>
  ({
    schemaVersion: '1',
    eventId: eventId(9),
    runId: 'run-1',
    catalog: 'Sandbox',
    taskType: 'OpportunityFromEngagement',
    taskId: 'task-0000000000009',
    taskStatus: 'FAILED',
    reasonCode: 'RequestThrottled',
    reasonCategory: 'throttling',
    engagementId: 'eng-00000000000001',
    contextId: '1',
    detectedBefore: '2026-11-22T18:02:00.000Z',
    ...more,
  }) as TaskFailedDetail;

const restarted = (at: number): Handled => ({ eventId: eventId(at), execution: `execution-${at}`, isRestarted: true });
const history = (...handled: Handled[]): History => ({ handled, expiration: nowSeconds + 1 });
const plan = (given: Readonly<Record<string, unknown>>, known?: History, limits: Partial<Limits> = {}) =>
  planRestart(failure(given), known, 'me', nowSeconds, { maxRestarts: 3, ...limits });

const accepting = { taskType: 'EngagementByAcceptingInvitation', engagementId: undefined, contextId: undefined };
const offering = { taskType: 'EngagementFromOpportunity', engagementId: undefined, contextId: undefined };

describe('a task is started again', () => {
  test.each<
    [
      what: string,
      given: Readonly<Record<string, unknown>>,
      known: History | undefined,
      attempt: number,
      pauseSeconds: number,
    ]
  >([
    ['that was throttled', {}, undefined, 1, 60],
    [
      'after a failure inside Partner Central',
      { reasonCode: 'InternalError', reasonCategory: 'internal' },
      undefined,
      1,
      60,
    ],
    ['after a change by others', { reasonCode: 'EngagementConflict', reasonCategory: 'conflict' }, undefined, 1, 60],
    ['a second time, after five minutes', {}, history(restarted(1)), 2, 300],
    ['a third time, after 25 minutes', {}, history(restarted(1), restarted(2)), 3, 1_500],
    ['as if for the first time, a week later', {}, { handled: [restarted(1)], expiration: nowSeconds }, 1, 60],
    ['that came after one given up', {}, history({ ...restarted(1), isRestarted: false }), 1, 60],
    ['that accepts an invitation', { ...accepting, engagementInvitationId: 'engi-0000000000001' }, undefined, 1, 60],
  ])('%s', (_, given, known, attempt, pauseSeconds) => {
    const { plan: planned, remember } = plan(given, known);
    expect(planned).toMatchObject({
      kind: 'restart',
      attempt,
      pauseSeconds,
      request: { input: { ClientToken: eventId(9) } },
    });
    expect(remember?.handled.at(-1)).toEqual({ eventId: eventId(9), execution: 'me', isRestarted: true });
    expect(remember?.expiration).toBe(nowSeconds + week);
  });

  test('an engagement from an opportunity, once somebody says how AWS is involved', () => {
    const given = { ...offering, opportunityId: 'O1' };
    expect(plan(given).plan.kind).toBe('giveUp');
    expect(plan(given, undefined, { involvementType: 'Co-Sell' }).plan).toMatchObject({
      kind: 'restart',
      request: {
        family: 'EngagementFromOpportunity',
        input: { Catalog: 'Sandbox', Identifier: 'O1', AwsSubmission: { InvolvementType: 'Co-Sell' } },
      },
    });
  });
});

describe('it gives up', () => {
  test.each<[when: string, given: Readonly<Record<string, unknown>>, known: History | undefined, why: string]>([
    [
      'after three restarts',
      {},
      history(restarted(1), restarted(2), restarted(3)),
      'Sandbox/OpportunityFromEngagement/eng-00000000000001 was started again 3 times, and failed again',
    ],
    [
      'when the opportunity may exist',
      { reasonCode: 'OpportunityConflict', reasonCategory: 'conflict' },
      undefined,
      'OpportunityConflict: what the task was to create may exist already',
    ],
    [
      'when the opportunity does exist',
      { opportunityId: 'O7' },
      undefined,
      'the task created O7 before it failed; another start could create a second opportunity',
    ],
    [
      'when an accepted invitation made one',
      { ...accepting, engagementInvitationId: 'engi-1', opportunityId: 'O7' },
      undefined,
      'the task created O7 before it failed; another start could create a second opportunity',
    ],
    [
      'without an engagement',
      { engagementId: undefined },
      undefined,
      'the event lacks what StartOpportunityFromEngagementTask needs',
    ],
    [
      'without a context',
      { contextId: undefined },
      undefined,
      'the event lacks what StartOpportunityFromEngagementTask needs',
    ],
    [
      'without an invitation',
      accepting,
      undefined,
      'the event lacks what StartEngagementByAcceptingInvitationTask needs',
    ],
    [
      'for a family that is new',
      { taskType: 'SomethingNew' },
      undefined,
      'the event lacks what StartSomethingNewTask needs',
    ],
  ])('%s', (_, given, known, why) => {
    const { plan: planned, remember } = plan(given, known);
    expect(planned).toEqual({ kind: 'giveUp', why });
    expect(remember?.handled.at(-1)).toEqual({ eventId: eventId(9), execution: 'me', isRestarted: false });
  });

  test('at one restart, if that is the most', () => {
    expect(plan({}, history(restarted(1)), { maxRestarts: 1 }).plan).toMatchObject({
      kind: 'giveUp',
      why: expect.stringContaining('started again once'),
    });
  });
});

test.each<[what: string, given: Readonly<Record<string, unknown>>, known: History | undefined]>([
  ['a repeat of an event that was restarted', {}, history(restarted(9))],
  ['a repeat of an event that was given up', {}, history({ ...restarted(9), isRestarted: false })],
  ['a replay', { replayId: 'replay-1' }, undefined],
  ['a lack of access', { reasonCode: 'EngagementAccessDenied', reasonCategory: 'access' }, undefined],
  ['a failure without a reason', { reasonCode: undefined, reasonCategory: undefined }, undefined],
])('nothing is done about %s', (_, given, known) => {
  const { plan: planned, remember } = plan(given, known);
  expect(planned.kind).toBe('ignore');
  expect(remember).toBeUndefined();
});

test('a step that is repeated plans the same, whatever failed meanwhile, and remembers nothing more', () => {
  const mine = { ...restarted(9), execution: 'me' };
  const known = history(restarted(1), mine, restarted(2), restarted(3));
  expect(plan({}, known)).toEqual({ plan: { ...plan({}, history(restarted(1))).plan, attempt: 2 } });
});

test('of each known reason code, only those are restarted where nothing may exist already', () => {
  const kinds = Object.entries(reasons).map(([reasonCode, { category }]) => {
    const { plan: planned } = plan({ reasonCode, reasonCategory: category });
    return [reasonCode, planned.kind];
  });
  expect(kinds.filter(([, kind]) => kind === 'restart').map(([code]) => code)).toEqual([
    'EngagementConflict',
    'RequestThrottled',
    'InternalError',
  ]);
  expect(kinds.filter(([, kind]) => kind === 'giveUp').map(([code]) => code)).toEqual(
    Object.keys(reasons).filter(code => code.endsWith('Conflict') && code !== 'EngagementConflict'),
  );
});

test('N restarts and one give-up, however many events come', () => {
  let known: History | undefined;
  const kinds = Array.from({ length: 6 }, (_, at) => {
    const { plan: planned, remember } = planRestart(
      failure({ eventId: eventId(at) }),
      known,
      `execution-${at}`,
      nowSeconds,
      { maxRestarts: 3 },
    );
    known = remember;
    return planned.kind;
  });
  expect(kinds).toEqual(['restart', 'restart', 'restart', 'giveUp', 'giveUp', 'giveUp']);
});

test('each failure has a ClientToken of its own, and the same each time it is asked for', () => {
  const tokenOf = (at: number) => startRequest(failure({ eventId: eventId(at) }), undefined)?.input.ClientToken;
  expect(tokenOf(1)).toBe(tokenOf(1));
  expect(tokenOf(1)).not.toBe(tokenOf(2));
});

test('the tasks that are started for the same work are counted together', () => {
  const first = failure();
  expect(workOf(failure({ taskId: 'task-0000000000010', contextId: '2' }))).toBe(workOf(first));
  expect(workOf(failure({ engagementId: 'eng-00000000000002' }))).not.toBe(workOf(first));
  expect(workOf(failure({ catalog: 'AWS' }))).not.toBe(workOf(first));
  expect(workOf(failure({ ...accepting, engagementInvitationId: 'engi-1' }))).toBe(
    'Sandbox/EngagementByAcceptingInvitation/engi-1',
  );
  expect(workOf(failure({ ...offering, opportunityId: 'O1' }))).toBe('Sandbox/EngagementFromOpportunity/O1');
  expect(workOf(failure({ engagementId: undefined }))).toBe('Sandbox/OpportunityFromEngagement/task-0000000000009');
});

describe('the message', () => {
  const message = (given: Partial<Given>) =>
    giveUpMessage({ detail: failure({ message: 'm'.repeat(5_000) }), ...given });

  test.each<[string, Partial<Given>, string]>([
    ['a plan', { plan: { kind: 'giveUp', why: 'of this' } }, 'is not started again: of this.'],
    [
      'a call that failed',
      { plan: plan({}).plan, error: { Error: 'AccessDeniedException', Cause: '{"errorMessage":"not allowed"}' } },
      'the call that starts it failed (AccessDeniedException: not allowed).',
    ],
    ['a step that failed', { error: { Error: 'States.Timeout' } }, 'the step that plans it failed (States.Timeout: ).'],
  ])('says why, after %s', (_, given, why) => {
    const { text } = message(given);
    expect(text).toContain(why);
    for (const one of ['task-0000000000009', 'eng-00000000000001', 'RequestThrottled', eventId(9)])
      expect(text).toContain(one);
    expect(text.length).toBeLessThan(2_000);
  });

  test('has a subject that SNS takes, whatever the ids are', () => {
    const detail = failure({ catalog: 'ü'.repeat(50), taskId: `task\n${'x'.repeat(200)}` });
    expect(giveUpMessage({ detail }).subject).toMatch(/^[!-~][ -~]{0,99}$/);
  });
});
