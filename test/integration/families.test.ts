/** Each task family uses the same engine, with differences tested here. One test of each uses the synthesized bundle. */

import { type TaskFamily, taskFamilies } from '../../lambdas/poller/task-families';
import { sourceId } from '../../lambdas/source-id';
import type { Call } from '../../local/services/service';
import { HOUR } from '../durations';
import { type EngineStack, openEngineStack } from '../engine-stack';
import { errorAnswer } from '../faults';
import { openTestStack } from './test-stack';

const ids = { opportunityId: 'O1234567', engagementId: 'eng-00000000000001', contextId: '7' };
const engagementInvitationId = 'engi-0000000000001';
const allIds = { ...ids, engagementInvitationId };

/** Filters and fields of a family, copied from the API reference and independent of our code. */
const families = [
  {
    family: 'OpportunityFromEngagement',
    operation: 'ListOpportunityFromEngagementTasks',
    filters: {
      OpportunityIdentifier: ['O1234567'],
      EngagementIdentifier: ['eng-00000000000001'],
      ContextIdentifier: ['7'],
    },
    shows: ids,
    arnPart: 'opportunity-from-engagement-task',
  },
  {
    family: 'EngagementFromOpportunity',
    operation: 'ListEngagementFromOpportunityTasks',
    filters: { OpportunityIdentifier: ['O1234567'], EngagementIdentifier: ['eng-00000000000001'] },
    shows: { opportunityId: ids.opportunityId, engagementId: ids.engagementId, engagementInvitationId },
    arnPart: 'engagement-from-opportunity-task',
  },
  {
    family: 'EngagementByAcceptingInvitation',
    operation: 'ListEngagementByAcceptingInvitationTasks',
    filters: { OpportunityIdentifier: ['O1234567'], EngagementInvitationIdentifier: [engagementInvitationId] },
    shows: { opportunityId: ids.opportunityId, engagementInvitationId },
    arnPart: 'engagement-by-accepting-invitation-task',
  },
] as const satisfies readonly { family: TaskFamily; [more: string]: unknown }[];

test('every family is covered', () => {
  expect(families.map(({ family }) => family).sort()).toEqual(Object.keys(taskFamilies).sort());
});

const sort = { SortBy: 'StartTime', SortOrder: 'DESCENDING' };
const common = { Catalog: 'Sandbox', MaxResults: 100, Sort: sort };

describe.each(families)('$family', ({ family, operation, filters, shows, arnPart }) => {
  let stack: EngineStack;
  const calls: Pick<Call, 'operation' | 'input'>[] = [];
  const listen = () => {
    calls.length = 0;
    stack.partnerCentral.intercept = ({ operation, input }) => {
      calls.push({ operation, input });
      return undefined;
    };
  };
  afterEach(() => stack.close());

  test("publishes each ended task once with the family's fields, and no history", async () => {
    stack = await openEngineStack({ taskFamily: family });
    const past = stack.store.add({ status: 'FAILED', startTimeMs: Date.now() - HOUR });
    const started = { startTimeMs: Date.now() - HOUR, ...allIds };
    const [failing, completing] = [stack.store.add(started), stack.store.add(started)];
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 2 });

    const failure = { status: 'FAILED', reasonCode: 'InternalError', message: 'm' } as const;
    stack.store.end(failing.taskId, failure);
    stack.store.end(completing.taskId, 'COMPLETE');
    const atOnce = stack.store.add({ status: 'FAILED', ...allIds });
    listen();
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 3, unsettled: 0, listCalls: 2 });
    expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, listCalls: 1 });
    expect(new Set(calls.map(call => call.operation))).toEqual(new Set([operation]));
    // Tasks that the head doesn't show are looked up by id only.
    const lookUps = calls.filter(({ input }) => input.TaskIdentifier).map(({ input }) => input);
    expect(lookUps).toEqual([{ ...common, TaskIdentifier: expect.any(Array) }]);
    expect(lookUps.flatMap(input => input.TaskIdentifier).sort()).toEqual([failing.taskId, completing.taskId].sort());

    const told = new Map(stack.eventBridge.events.map(({ detail }) => [detail.taskId, detail]));
    expect(stack.eventBridge.events).toHaveLength(3);
    expect(told.has(past.taskId)).toBe(false);
    const whose = { catalog: 'Sandbox', taskType: family };
    expect(told.get(failing.taskId)).toMatchObject({
      ...whose,
      ...shows,
      taskStatus: 'FAILED',
      reasonCode: 'InternalError',
      previousStatus: 'IN_PROGRESS',
      taskArn: `arn:aws:partnercentral:us-east-1::catalog/Sandbox/${arnPart}/${failing.taskId}`,
    });
    expect(told.get(completing.taskId)).toMatchObject({ ...whose, ...shows, taskStatus: 'COMPLETE' });
    expect(told.get(atOnce.taskId)).toMatchObject({ ...whose, ...shows, taskStatus: 'FAILED' });
    const notShown = Object.keys(allIds).filter(name => !(name in shows));
    for (const detail of told.values()) for (const name of notShown) expect(detail).not.toHaveProperty(name);

    const items = await stack.items();
    expect(new Set(items.map(item => item.source))).toEqual(new Set([`Sandbox#${family}`]));
    expect(items.map(item => item.item)).toContain('CHECKPOINT');
    expect(await stack.row(failing.taskId)).toMatchObject({ status: 'FAILED', ...shows });
  });

  test('sends its own filters only, in sweeps and in the list of running tasks', async () => {
    stack = await openEngineStack({
      taskFamily: family,
      opportunityIdentifiers: ['O1234567'],
      engagementIdentifiers: ['eng-00000000000001'],
      engagementInvitationIdentifiers: [engagementInvitationId],
      contextIdentifiers: ['7'],
    });
    const running = stack.store.add({ startTimeMs: Date.now() - HOUR, ...allIds });
    stack.store.add({ startTimeMs: Date.now() - HOUR, opportunityId: 'O2' });
    listen();
    expect(await stack.run()).toMatchObject({ unsettled: 1 });
    const news = [stack.store.add({ status: 'COMPLETE', ...allIds }), stack.store.end(running.taskId, 'COMPLETE')];
    stack.store.add({ status: 'COMPLETE', opportunityId: 'O2' });
    await stack.run();
    expect(stack.published()).toEqual(news.map(({ taskId }) => `${taskId} COMPLETE`).sort());
    expect(calls.map(({ input }) => input)).toEqual([
      { ...common, MaxResults: 1_000, TaskStatus: ['IN_PROGRESS'], ...filters },
      { ...common, ...filters },
      { ...common, ...filters },
      { ...common, TaskIdentifier: [running.taskId] },
    ]);
  });

  test('reads pages, and continues after throttling', async () => {
    stack = await openTestStack({ taskFamily: family, headPageSize: 10 });
    await stack.run();
    stack.addEnded(35);
    stack.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('ThrottlingException', 429) : undefined;
    expect(await stack.run()).toMatchObject({ outcome: 'partial', published: 10 });
    expect(stack.logs.join()).toContain(`${operation}: ThrottlingException`);
    stack.partnerCentral.intercept = undefined;
    await stack.runUntilQuiet();
    expect(stack.published()).toEqual([...new Set(stack.published())]);
    expect(stack.published()).toHaveLength(35);

    stack.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
    const { error } = await stack.poll();
    expect(error?.message).toContain(operation);
    for (const action of taskFamilies[family].actions) expect(error?.message).toContain(action);
  });
});

test('two families in one table are separate, even for equal task ids', async () => {
  const stack = await openEngineStack();
  try {
    const others = stack.partnerCentral.store('Sandbox', 'EngagementFromOpportunity');
    const other = stack.anotherPoller({ taskFamily: 'EngagementFromOpportunity' });
    const start = { taskId: 'task-0000000000001', startTimeMs: Date.now() - HOUR };
    stack.store.add(start);
    others.add(start);
    await stack.run();
    await stack.run('poll', undefined, other);
    stack.store.end(start.taskId, 'COMPLETE');
    expect(await stack.run('poll', undefined, other)).toMatchObject({ published: 0, unsettled: 1 });
    expect(await stack.run()).toMatchObject({ published: 1, unsettled: 0 });
    others.end(start.taskId, { status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    expect(await stack.run()).toMatchObject({ published: 0 });
    expect(await stack.run('poll', undefined, other)).toMatchObject({ published: 1, unsettled: 0 });
    expect(stack.eventBridge.events.map(({ detail }) => [detail.taskType, detail.taskStatus])).toEqual([
      ['OpportunityFromEngagement', 'COMPLETE'],
      ['EngagementFromOpportunity', 'FAILED'],
    ]);

    // The same id and status, but two different events.
    const again = { taskId: 'task-0000000000002', status: 'COMPLETE' };
    stack.store.add(again);
    others.add(again);
    await stack.run();
    await stack.run('poll', undefined, other);
    const [one, two, ...more] = stack.eventBridge.events.filter(({ detail }) => detail.taskId === again.taskId);
    expect(more).toEqual([]);
    expect(one?.detail.eventId).not.toBe(two?.detail.eventId);
    const sources = ['OpportunityFromEngagement', 'EngagementFromOpportunity'] as const;
    const items = (await stack.items()).map(({ source, item }) => `${source} ${item}`).sort();
    expect(items).toEqual(
      sources
        .map(taskFamily => sourceId({ catalog: 'Sandbox', taskFamily }))
        .flatMap(source =>
          ['CHECKPOINT', `TASK#${start.taskId}`, `TASK#${again.taskId}`].map(item => `${source} ${item}`),
        )
        .sort(),
    );
  } finally {
    await stack.close();
  }
});
