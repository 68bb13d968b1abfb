/** Each task family through the synthesized bundle: one engine, and what tells the families apart. */
import { sourceId } from '../../lambdas/poller/settings';
import { type TaskFamily, taskFamilies } from '../../lambdas/poller/task-families';
import type { Call } from '../../local/service';
import { type Bed, errorAnswer, HOUR, openBed } from './bed';

const ids = { opportunityId: 'O1234567', engagementId: 'eng-00000000000001', contextId: '7' };
const engagementInvitationId = 'engi-0000000000001';
const belongings = { ...ids, engagementInvitationId };

/** What a family filters by and shows, told once more: by the API's reference, and not by our code. */
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

test('every family is here', () => {
  expect(families.map(({ family }) => family).sort()).toEqual(Object.keys(taskFamilies).sort());
});

const sort = { SortBy: 'StartTime', SortOrder: 'DESCENDING' };
const common = { Catalog: 'Sandbox', MaxResults: 100, Sort: sort };

describe.each(families)('$family', ({ family, operation, filters, shows, arnPart }) => {
  let bed: Bed;
  const calls: Pick<Call, 'operation' | 'input'>[] = [];
  const listen = () => {
    calls.length = 0;
    bed.partnerCentral.intercept = ({ operation, input }) => {
      calls.push({ operation, input });
      return undefined;
    };
  };
  afterEach(() => bed.close());

  test('a life: the past is silent, and what ends is told once, with what the family knows', async () => {
    bed = await openBed({ taskFamily: family });
    const past = bed.store.add({ status: 'FAILED', startTimeMs: Date.now() - HOUR });
    const started = { startTimeMs: Date.now() - HOUR, ...belongings };
    const [failing, completing] = [bed.store.add(started), bed.store.add(started)];
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, unsettled: 2 });

    const failure = { status: 'FAILED', reasonCode: 'InternalError', message: 'm' } as const;
    bed.store.end(failing.taskId, failure);
    bed.store.end(completing.taskId, 'COMPLETE');
    const atOnce = bed.store.add({ status: 'FAILED', ...belongings });
    listen();
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 3, unsettled: 0, listCalls: 2 });
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0, listCalls: 1 });
    expect(new Set(calls.map(call => call.operation))).toEqual(new Set([operation]));
    // What the head doesn't show is looked up by its id, and by nothing else.
    const lookUps = calls.filter(({ input }) => input.TaskIdentifier).map(({ input }) => input);
    expect(lookUps).toEqual([{ ...common, TaskIdentifier: expect.any(Array) }]);
    expect(lookUps.flatMap(input => input.TaskIdentifier).sort()).toEqual([failing.taskId, completing.taskId].sort());

    const told = new Map(bed.eventBridge.events.map(({ detail }) => [detail.taskId, detail]));
    expect(bed.eventBridge.events).toHaveLength(3);
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
    const notShown = Object.keys(belongings).filter(name => !(name in shows));
    for (const detail of told.values()) for (const name of notShown) expect(detail).not.toHaveProperty(name);

    const items = await bed.items();
    expect(new Set(items.map(item => item.source))).toEqual(new Set([`Sandbox#${family}`]));
    expect(items.map(item => item.item)).toContain('CHECKPOINT');
    expect(await bed.row(failing.taskId)).toMatchObject({ status: 'FAILED', ...shows });
  });

  test('its own filters, and none of another family, in sweeps and in the list of what is running', async () => {
    bed = await openBed({
      taskFamily: family,
      opportunityIdentifiers: ['O1234567'],
      engagementIdentifiers: ['eng-00000000000001'],
      engagementInvitationIdentifiers: [engagementInvitationId],
      contextIdentifiers: ['7'],
    });
    const running = bed.store.add({ startTimeMs: Date.now() - HOUR, ...belongings });
    bed.store.add({ startTimeMs: Date.now() - HOUR, opportunityId: 'O2' });
    listen();
    expect(await bed.run()).toMatchObject({ unsettled: 1 });
    const news = [bed.store.add({ status: 'COMPLETE', ...belongings }), bed.store.end(running.taskId, 'COMPLETE')];
    bed.store.add({ status: 'COMPLETE', opportunityId: 'O2' });
    await bed.run();
    expect(bed.published()).toEqual(news.map(({ taskId }) => `${taskId} COMPLETE`).sort());
    expect(calls.map(({ input }) => input)).toEqual([
      { ...common, MaxResults: 1_000, TaskStatus: ['IN_PROGRESS'], ...filters },
      { ...common, ...filters },
      { ...common, ...filters },
      { ...common, TaskIdentifier: [running.taskId] },
    ]);
  });

  test('in pages, and on through a quota', async () => {
    bed = await openBed({ taskFamily: family, headPageSize: 10 });
    await bed.run();
    bed.addEnded(35);
    bed.partnerCentral.intercept = ({ input }) =>
      input.NextToken ? errorAnswer('ThrottlingException', 429) : undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 10 });
    expect(bed.logs.join()).toContain(`${operation}: ThrottlingException`);
    bed.partnerCentral.intercept = undefined;
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual([...new Set(bed.published())]);
    expect(bed.published()).toHaveLength(35);

    bed.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
    const { error } = await bed.poll();
    expect(error?.message).toContain(operation);
    for (const action of taskFamilies[family].actions) expect(error?.message).toContain(action);
  });
});

test('two families in one table keep apart, also where their tasks have one id', async () => {
  const bed = await openBed();
  try {
    const others = bed.partnerCentral.store('Sandbox', 'EngagementFromOpportunity');
    const other = bed.anotherPoller({ taskFamily: 'EngagementFromOpportunity' });
    const start = { taskId: 'task-0000000000001', startTimeMs: Date.now() - HOUR };
    bed.store.add(start);
    others.add(start);
    await bed.run();
    await bed.run('poll', undefined, other);
    bed.store.end(start.taskId, 'COMPLETE');
    expect(await bed.run('poll', undefined, other)).toMatchObject({ published: 0, unsettled: 1 });
    expect(await bed.run()).toMatchObject({ published: 1, unsettled: 0 });
    others.end(start.taskId, { status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    expect(await bed.run()).toMatchObject({ published: 0 });
    expect(await bed.run('poll', undefined, other)).toMatchObject({ published: 1, unsettled: 0 });
    expect(bed.eventBridge.events.map(({ detail }) => [detail.taskType, detail.taskStatus])).toEqual([
      ['OpportunityFromEngagement', 'COMPLETE'],
      ['EngagementFromOpportunity', 'FAILED'],
    ]);

    // The same id and the same status: still two events, which nobody may take for one.
    const again = { taskId: 'task-0000000000002', status: 'COMPLETE' };
    bed.store.add(again);
    others.add(again);
    await bed.run();
    await bed.run('poll', undefined, other);
    const [one, two, ...more] = bed.eventBridge.events.filter(({ detail }) => detail.taskId === again.taskId);
    expect(more).toEqual([]);
    expect(one?.detail.eventId).not.toBe(two?.detail.eventId);
    const sources = ['OpportunityFromEngagement', 'EngagementFromOpportunity'] as const;
    const items = (await bed.items()).map(({ source, item }) => `${source} ${item}`).sort();
    expect(items).toEqual(
      sources
        .map(taskFamily => sourceId({ catalog: 'Sandbox', taskFamily }))
        .flatMap(source =>
          ['CHECKPOINT', `TASK#${start.taskId}`, `TASK#${again.taskId}`].map(item => `${source} ${item}`),
        )
        .sort(),
    );
  } finally {
    await bed.close();
  }
});
