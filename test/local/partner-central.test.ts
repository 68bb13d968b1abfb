import {
  GetEngagementCommand,
  GetEngagementInvitationCommand,
  GetOpportunityCommand,
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  type ListOpportunityFromEngagementTasksCommandInput as ListInput,
  ListOpportunityFromEngagementTasksCommand,
  PartnerCentralSellingClient,
  StartEngagementByAcceptingInvitationTaskCommand,
  type StartEngagementByAcceptingInvitationTaskCommandInput,
  StartEngagementFromOpportunityTaskCommand,
  type StartEngagementFromOpportunityTaskCommandInput,
  type StartOpportunityFromEngagementTaskCommandInput as StartInput,
  StartOpportunityFromEngagementTaskCommand,
} from '@aws-sdk/client-partnercentral-selling';
import { type PartnerCentral, startPartnerCentral } from '../../local/services/partner-central';
import { sampleFailures } from '../../local/services/sample-failures';
import { clientOf } from './clients';

const now = Date.parse('2026-11-22T18:00:00Z');
const Catalog = 'Sandbox';
let central: PartnerCentral;
let client: PartnerCentralSellingClient;

const list = (input: Partial<Record<keyof ListInput, unknown>> = {}) =>
  client.send(new ListOpportunityFromEngagementTasksCommand({ Catalog, ...input } as ListInput));
const ids = async (input?: Parameters<typeof list>[0]) => (await list(input)).TaskSummaries?.map(task => task.TaskId);
const start = (input: Partial<Record<keyof StartInput, unknown>> = {}) =>
  client.send(
    new StartOpportunityFromEngagementTaskCommand({
      Catalog,
      ClientToken: 'token',
      Identifier: 'eng-00000000000001',
      ContextIdentifier: '7',
      ...input,
    } as StartInput),
  );
const invite = (input: Partial<Record<keyof StartEngagementFromOpportunityTaskCommandInput, unknown>> = {}) =>
  client.send(
    new StartEngagementFromOpportunityTaskCommand({
      Catalog,
      ClientToken: 'token',
      Identifier: 'O1234567',
      AwsSubmission: { InvolvementType: 'Co-Sell', Visibility: 'Full' },
      ...input,
    } as StartEngagementFromOpportunityTaskCommandInput),
  );
const accept = (input: Partial<StartEngagementByAcceptingInvitationTaskCommandInput> = {}) =>
  client.send(
    new StartEngagementByAcceptingInvitationTaskCommand({
      Catalog,
      ClientToken: 'token',
      Identifier: 'engi-0000000000001',
      ...input,
    }),
  );
const id = (n: number) => `task-${String(n).padStart(13, '0')}`;

/** Sends requests that the SDK would not send. */
const raw = (operation: string, body: unknown, prefix = 'AWSPartnerCentralSelling.') =>
  fetch(central.url, {
    method: 'POST',
    headers: { 'x-amz-target': `${prefix}${operation}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }).then(async response => ({
    status: response.status,
    ...((await response.json()) as { TaskSummaries?: unknown[] }),
  }));

beforeEach(async () => {
  central = await startPartnerCentral({ now: () => now });
  client = new PartnerCentralSellingClient(clientOf(central));
});
afterEach(async () => {
  client.destroy();
  await central.close();
});

describe('constraints', () => {
  const eleven = (item: string) => new Array(11).fill(item);
  const task = id(1);
  const cases: [string, object, [field: string, code: string][]][] = [
    ['Catalog is missing', { Catalog: undefined }, [['Catalog', 'REQUIRED_FIELD_MISSING']]],
    ['Catalog has a digit', { Catalog: 'Sandbox2' }, [['Catalog', 'INVALID_STRING_FORMAT']]],
    ['Catalog does not exist', { Catalog: 'Elsewhere' }, [['Catalog', 'INVALID_VALUE']]],
    ['MaxResults is 0', { MaxResults: 0 }, [['MaxResults', 'VALUE_OUT_OF_RANGE']]],
    ['MaxResults is 1001', { MaxResults: 1001 }, [['MaxResults', 'VALUE_OUT_OF_RANGE']]],
    ['NextToken is empty', { NextToken: '' }, [['NextToken', 'INVALID_STRING_FORMAT']]],
    ['NextToken is too long', { NextToken: 'x'.repeat(2049) }, [['NextToken', 'INVALID_STRING_FORMAT']]],
    ['NextToken is not ours', { NextToken: 'x'.repeat(2048) }, [['NextToken', 'INVALID_VALUE']]],
    ['Sort has no SortBy', { Sort: { SortOrder: 'ASCENDING' } }, [['Sort.SortBy', 'REQUIRED_FIELD_MISSING']]],
    ['Sort has no SortOrder', { Sort: { SortBy: 'StartTime' } }, [['Sort.SortOrder', 'REQUIRED_FIELD_MISSING']]],
    [
      'Sort is by another field',
      { Sort: { SortBy: 'TaskId', SortOrder: 'ASCENDING' } },
      [['Sort.SortBy', 'INVALID_ENUM_VALUE']],
    ],
    [
      'Sort has another order',
      { Sort: { SortBy: 'StartTime', SortOrder: 'UP' } },
      [['Sort.SortOrder', 'INVALID_ENUM_VALUE']],
    ],
    ['TaskStatus is empty', { TaskStatus: [] }, [['TaskStatus', 'NOT_ENOUGH_VALUES']]],
    ['TaskStatus has 4 values', { TaskStatus: new Array(4).fill('FAILED') }, [['TaskStatus', 'TOO_MANY_VALUES']]],
    ['TaskStatus has no underscore', { TaskStatus: ['INPROGRESS'] }, [['TaskStatus[0]', 'INVALID_ENUM_VALUE']]],
    ['TaskIdentifier is empty', { TaskIdentifier: [] }, [['TaskIdentifier', 'NOT_ENOUGH_VALUES']]],
    ['TaskIdentifier has 11 values', { TaskIdentifier: eleven(task) }, [['TaskIdentifier', 'TOO_MANY_VALUES']]],
    [
      'TaskIdentifier is too short',
      { TaskIdentifier: [task, task.slice(1)] },
      [['TaskIdentifier[1]', 'INVALID_STRING_FORMAT']],
    ],
    [
      'TaskIdentifier has a capital',
      { TaskIdentifier: ['task-A000000000000'] },
      [['TaskIdentifier[0]', 'INVALID_STRING_FORMAT']],
    ],
    ['OpportunityIdentifier is empty', { OpportunityIdentifier: [] }, [['OpportunityIdentifier', 'NOT_ENOUGH_VALUES']]],
    [
      'OpportunityIdentifier has 11 values',
      { OpportunityIdentifier: eleven('O1') },
      [['OpportunityIdentifier', 'TOO_MANY_VALUES']],
    ],
    [
      'OpportunityIdentifier has 20 digits',
      { OpportunityIdentifier: [`O${'1'.repeat(20)}`] },
      [['OpportunityIdentifier[0]', 'INVALID_STRING_FORMAT']],
    ],
    ['EngagementIdentifier is empty', { EngagementIdentifier: [] }, [['EngagementIdentifier', 'NOT_ENOUGH_VALUES']]],
    [
      'EngagementIdentifier has 11 values',
      { EngagementIdentifier: eleven('arn:a') },
      [['EngagementIdentifier', 'TOO_MANY_VALUES']],
    ],
    [
      'EngagementIdentifier is too long',
      { EngagementIdentifier: [`eng-${'1'.repeat(15)}`] },
      [['EngagementIdentifier[0]', 'INVALID_STRING_FORMAT']],
    ],
    ['ContextIdentifier is empty', { ContextIdentifier: [] }, [['ContextIdentifier', 'NOT_ENOUGH_VALUES']]],
    ['ContextIdentifier has 11 values', { ContextIdentifier: eleven('1') }, [['ContextIdentifier', 'TOO_MANY_VALUES']]],
    [
      'ContextIdentifier begins with 0',
      { ContextIdentifier: ['01'] },
      [['ContextIdentifier[0]', 'INVALID_STRING_FORMAT']],
    ],
    [
      'several are bad, naming each',
      { Catalog: '', MaxResults: -1, TaskStatus: ['X', 'FAILED', 'Y'] },
      [
        ['Catalog', 'INVALID_STRING_FORMAT'],
        ['MaxResults', 'VALUE_OUT_OF_RANGE'],
        ['TaskStatus[0]', 'INVALID_ENUM_VALUE'],
        ['TaskStatus[2]', 'INVALID_ENUM_VALUE'],
      ],
    ],
  ];
  test.each(cases)('fails when %s', async (_name, input, problems) => {
    await expect(list(input)).rejects.toMatchObject({
      name: 'ValidationException',
      Reason: 'REQUEST_VALIDATION_FAILED',
      ErrorList: problems.map(([FieldName, Code]) => ({ FieldName, Code, Message: expect.any(String) })),
    });
  });

  test('accepts values at the limits', async () => {
    central.store(Catalog).addHistory({ count: 1200, newestAt: now, spacingMs: 1 });
    expect(await ids({ MaxResults: 1000 })).toHaveLength(1000);
    expect(await ids({ MaxResults: 1 })).toHaveLength(1);
    const ten = (item: string) => new Array(10).fill(item);
    const widest = {
      TaskStatus: ['IN_PROGRESS', 'COMPLETE', 'FAILED'],
      TaskIdentifier: ten('arn:'),
      OpportunityIdentifier: ten(`O${'1'.repeat(19)}`),
      EngagementIdentifier: ten('eng-00000000000001'),
      ContextIdentifier: ten('10'),
    };
    expect(await ids(widest)).toEqual([]);
  });

  const startCases: [string, object, string, string][] = [
    ['Identifier is missing', { Identifier: undefined }, 'Identifier', 'REQUIRED_FIELD_MISSING'],
    ['Identifier is no engagement', { Identifier: 'eng-1' }, 'Identifier', 'INVALID_STRING_FORMAT'],
    ['ContextIdentifier is missing', { ContextIdentifier: undefined }, 'ContextIdentifier', 'REQUIRED_FIELD_MISSING'],
    ['ContextIdentifier is no number', { ContextIdentifier: '0' }, 'ContextIdentifier', 'INVALID_STRING_FORMAT'],
    ['ClientToken is empty', { ClientToken: '' }, 'ClientToken', 'INVALID_STRING_FORMAT'],
    ['ClientToken is too long', { ClientToken: 'x'.repeat(256) }, 'ClientToken', 'INVALID_STRING_FORMAT'],
    ['Tags are empty', { Tags: [] }, 'Tags', 'NOT_ENOUGH_VALUES'],
    ['a tag has no value', { Tags: [{ Key: 'a' }] }, 'Tags[0].Value', 'REQUIRED_FIELD_MISSING'],
    ['a tag has a bad key', { Tags: [{ Key: 'a!', Value: '' }] }, 'Tags[0].Key', 'INVALID_STRING_FORMAT'],
  ];
  test.each(startCases)('fails when %s in a Start', async (_name, input, FieldName, Code) => {
    await expect(start(input)).rejects.toMatchObject({ name: 'ValidationException', ErrorList: [{ FieldName, Code }] });
    expect(central.store(Catalog).count).toBe(0);
  });

  const siblings: [string, () => Promise<unknown>, string, string][] = [
    [
      'Identifier is an engagement',
      () => invite({ Identifier: 'eng-00000000000001' }),
      'Identifier',
      'INVALID_STRING_FORMAT',
    ],
    ['Identifier is an ARN', () => invite({ Identifier: 'arn:a/O1' }), 'Identifier', 'INVALID_STRING_FORMAT'],
    ['AwsSubmission is missing', () => invite({ AwsSubmission: undefined }), 'AwsSubmission', 'REQUIRED_FIELD_MISSING'],
    [
      'InvolvementType is missing',
      () => invite({ AwsSubmission: { Visibility: 'Full' } }),
      'AwsSubmission.InvolvementType',
      'REQUIRED_FIELD_MISSING',
    ],
    [
      'InvolvementType is unknown',
      () => invite({ AwsSubmission: { InvolvementType: 'CoSell' } }),
      'AwsSubmission.InvolvementType',
      'INVALID_ENUM_VALUE',
    ],
    [
      'Visibility is unknown',
      () => invite({ AwsSubmission: { InvolvementType: 'Co-Sell', Visibility: 'None' } }),
      'AwsSubmission.Visibility',
      'INVALID_ENUM_VALUE',
    ],
    ['an invitation is none', () => accept({ Identifier: 'engi-1' }), 'Identifier', 'INVALID_STRING_FORMAT'],
    [
      'an invitation is too long',
      () => accept({ Identifier: `arn:${'a'.repeat(252)}` }),
      'Identifier',
      'INVALID_STRING_FORMAT',
    ],
    ['ClientToken is empty', () => accept({ ClientToken: '' }), 'ClientToken', 'INVALID_STRING_FORMAT'],
    ['a tag has a bad key', () => accept({ Tags: [{ Key: 'a!', Value: '' }] }), 'Tags[0].Key', 'INVALID_STRING_FORMAT'],
  ];
  test.each(siblings)('fails when %s in another family', async (_name, send, FieldName, Code) => {
    await expect(send()).rejects.toMatchObject({ name: 'ValidationException', ErrorList: [{ FieldName, Code }] });
    expect(central.toJSON()).toEqual({});
  });

  test.each<[string, string, unknown, object]>([
    [
      'the operation is unknown',
      'ListNothing',
      {},
      { status: 400, __type: 'UnknownOperationException', message: 'There is no operation ListNothing here.' },
    ],
    [
      'a tag is null',
      'StartOpportunityFromEngagementTask',
      { Catalog, ClientToken: 'token', Identifier: 'arn:x', ContextIdentifier: '1', Tags: [null] },
      { __type: 'ValidationException', ErrorList: [expect.objectContaining({ FieldName: 'Tags[0]' })] },
    ],
    [
      'a number is text',
      'ListOpportunityFromEngagementTasks',
      { Catalog, MaxResults: '5' },
      { __type: 'SerializationException' },
    ],
    [
      'a list is text',
      'ListOpportunityFromEngagementTasks',
      { Catalog, TaskStatus: 'FAILED' },
      { __type: 'SerializationException' },
    ],
    [
      'a list has a null',
      'ListOpportunityFromEngagementTasks',
      { Catalog, TaskStatus: [null] },
      { __type: 'ValidationException' },
    ],
    [
      'ClientToken is missing',
      'StartOpportunityFromEngagementTask',
      { Catalog, Identifier: 'arn:x', ContextIdentifier: '1' },
      { __type: 'ValidationException' },
    ],
    ['the body is no JSON', 'ListOpportunityFromEngagementTasks', '{', { __type: 'SerializationException' }],
  ])('fails when %s', async (_name, operation, body, expected) => {
    await expect(raw(operation, body)).resolves.toMatchObject(expected);
  });

  test.each(['', 'AWSPartnerCentral.', 'DynamoDB_20120810.', 'x.AWSPartnerCentralSelling.'])(
    'fails when the target begins with %j',
    async prefix => {
      const operation = 'ListOpportunityFromEngagementTasks';
      expect(await raw(operation, { Catalog }, prefix)).toMatchObject({
        status: 400,
        __type: 'UnknownOperationException',
        message: `There is no operation ${prefix}${operation} here.`,
      });
    },
  );

  test('the message names every invalid field and its constraint', async () => {
    await expect(list({ Catalog: undefined, MaxResults: 0, TaskStatus: ['X'] })).rejects.toMatchObject({
      message:
        "3 validation errors detected: Value at 'Catalog' failed to satisfy constraint: Member must not be null; " +
        "Value at 'MaxResults' failed to satisfy constraint: Member must be between 1 and 1000, inclusive; " +
        "Value at 'TaskStatus[0]' failed to satisfy constraint: Member must satisfy enum value set: [IN_PROGRESS, COMPLETE, FAILED]",
    });
    await expect(start({ ContextIdentifier: '0' })).rejects.toMatchObject({
      message:
        "1 validation error detected: Value at 'ContextIdentifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[1-9][0-9]*$",
    });
  });

  test('lengths count characters, not surrogates', async () => {
    await expect(start({ ClientToken: '🚧'.repeat(255) })).resolves.toMatchObject({ TaskStatus: 'IN_PROGRESS' });
    await expect(start({ ClientToken: '🚧'.repeat(256) })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(accept({ Identifier: `arn:${'🚧'.repeat(251)}` })).resolves.toHaveProperty('TaskId');
    await expect(list({ NextToken: '🚧'.repeat(2048) })).rejects.toMatchObject({
      ErrorList: [{ Code: 'INVALID_VALUE' }],
    });
  });

  test('treats a null member as absent', async () => {
    const answer = await raw('ListOpportunityFromEngagementTasks', {
      Catalog,
      MaxResults: null,
      TaskStatus: null,
      Sort: null,
    });
    expect(answer).toEqual({ status: 200, TaskSummaries: [], NextToken: null });
  });
});

describe('answers', () => {
  test('look like real ones', async () => {
    const store = central.store(Catalog);
    const ids = { engagementId: 'eng-00000000000001', contextId: '7' };
    store.add({ taskId: 'task-dpf02ig3g2uui', startTimeMs: now + 1, ...ids });
    store.add({
      taskId: id(2),
      startTimeMs: now,
      status: 'COMPLETE',
      opportunityId: 'O1',
      resourceSnapshotJobId: 'job-1',
      ...ids,
    });
    const { TaskSummaries } = await raw('ListOpportunityFromEngagementTasks', { Catalog });
    const arn = 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task';
    expect(TaskSummaries).toEqual([
      {
        TaskId: 'task-dpf02ig3g2uui',
        TaskArn: `${arn}/task-dpf02ig3g2uui`,
        StartTime: expect.stringMatching(/^2026-11-22T18:00:00\.001\d{6}Z$/),
        TaskStatus: 'IN_PROGRESS',
        Message: null,
        ReasonCode: null,
        OpportunityId: null,
        ResourceSnapshotJobId: null,
        EngagementId: 'eng-00000000000001',
        ContextId: '7',
      },
      expect.objectContaining({ TaskStatus: 'COMPLETE', ReasonCode: 'null', OpportunityId: 'O1', Message: null }),
    ]);
  });

  test('lists the 22 failures, and unknown statuses', async () => {
    const store = central.store(Catalog);
    for (const failure of sampleFailures) store.end(store.add().taskId, { status: 'FAILED', ...failure });
    store.add({ status: 'PAUSED' });
    const { TaskSummaries = [] } = await list();
    expect(TaskSummaries.map(task => task.TaskStatus as string)).toContain('PAUSED');
    const failed = (await list({ TaskStatus: ['FAILED'] })).TaskSummaries ?? [];
    expect(new Set(failed.map(task => task.ReasonCode)).size).toBe(22);
    expect(new Set(failed.map(task => task.Message)).size).toBe(22);
  });

  test('families have their own fields and tasks, and catalogs their own tasks', async () => {
    const invitation = { engagementInvitationId: 'engi-0000000000001', engagementId: 'eng-00000000000001' };
    central.store(Catalog, 'EngagementFromOpportunity').add({ taskId: id(1), ...invitation });
    central.store(Catalog, 'EngagementByAcceptingInvitation').add({ taskId: id(2), ...invitation });
    const { $metadata: _a, ...from } = await client.send(new ListEngagementFromOpportunityTasksCommand({ Catalog }));
    const EngagementInvitationIdentifier = ['engi-0000000000001'];
    const byInvitation = (given: string[]) =>
      client.send(
        new ListEngagementByAcceptingInvitationTasksCommand({ Catalog, EngagementInvitationIdentifier: given }),
      );
    const { $metadata: _b, ...by } = await byInvitation(EngagementInvitationIdentifier);
    expect(from.TaskSummaries?.[0]).toMatchObject({
      TaskArn: `arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-from-opportunity-task/${id(1)}`,
      EngagementId: 'eng-00000000000001',
      EngagementInvitationId: 'engi-0000000000001',
    });
    expect(by.TaskSummaries).toEqual([
      expect.objectContaining({ TaskId: id(2), EngagementInvitationId: 'engi-0000000000001' }),
    ]);
    expect(by.TaskSummaries?.[0]).not.toHaveProperty('EngagementId');
    await expect(byInvitation(['engi-1'])).rejects.toMatchObject({ name: 'ValidationException' });
    expect(await ids()).toEqual([]);
    expect(await ids({ Catalog: 'AWS' })).toEqual([]);
  });

  test('can be changed by a test', async () => {
    central.store(Catalog).add();
    central.tamper = (_operation, output) => ({ ...output, TaskSummaries: [null], NextToken: 'same' });
    expect(await raw('ListOpportunityFromEngagementTasks', { Catalog })).toMatchObject({
      TaskSummaries: [null],
      NextToken: 'same',
    });
    central.tamper = () => '<garbage>';
    await expect(list()).rejects.toThrow('JSON');
  });

  test('fails when the rate of requests exceeds the limit', async () => {
    central.limit = { perSecond: 2 };
    await list();
    await list();
    await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException', $metadata: { httpStatusCode: 429 } });
  });
});

describe('order and filters', () => {
  const Sort = (SortOrder: string) => ({ SortBy: 'StartTime', SortOrder });

  test('sorts both ways by the shown times, newest first by default', async () => {
    const store = central.store(Catalog);
    for (const n of [3, 1, 4, 2]) store.add({ taskId: id(n), startTimeMs: now + n });
    const ascending = [1, 2, 3, 4].map(id);
    expect(await ids()).toEqual([...ascending].reverse());
    expect(await ids({ Sort: Sort('DESCENDING') })).toEqual([...ascending].reverse());
    expect(await ids({ Sort: Sort('ASCENDING') })).toEqual(ascending);

    store.addHistory({ count: 200, newestAt: now, spacingMs: 0 });
    const { TaskSummaries } = await raw('ListOpportunityFromEngagementTasks', {
      Catalog,
      Sort: Sort('ASCENDING'),
      MaxResults: 1000,
    });
    const times = (TaskSummaries as { StartTime: string }[]).map(task => task.StartTime);
    expect(times).toEqual([...times].sort());
  });

  test('applies each filter, and all of them together', async () => {
    const store = central.store(Catalog);
    const task = { status: 'COMPLETE', opportunityId: 'O1', engagementId: 'eng-00000000000001', contextId: '1' };
    const others = [
      {},
      { status: 'FAILED' },
      { opportunityId: 'O2' },
      { engagementId: 'eng-00000000000002' },
      { contextId: '2' },
      { status: 'IN_PROGRESS', opportunityId: undefined },
    ];
    for (const [n, other] of others.entries()) store.add({ ...task, ...other, taskId: id(n), startTimeMs: now - n });
    const without = (...ns: number[]) => [0, 1, 2, 3, 4, 5].filter(n => !ns.includes(n)).map(id);
    const arnOf = (n: number) =>
      `arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/${id(n)}`;

    expect(await ids({ TaskStatus: ['COMPLETE'] })).toEqual(without(1, 5));
    expect(await ids({ TaskStatus: ['IN_PROGRESS'] })).toEqual([id(5)]);
    expect(await ids({ TaskStatus: ['IN_PROGRESS', 'FAILED'] })).toEqual([id(1), id(5)]);
    expect(await ids({ OpportunityIdentifier: ['O1', 'O3'] })).toEqual(without(2, 5));
    expect(await ids({ EngagementIdentifier: ['eng-00000000000001'] })).toEqual(without(3));
    expect(
      await ids({
        EngagementIdentifier: ['arn:aws:partnercentral:us-east-1:1:catalog/Sandbox/engagement/eng-00000000000002'],
      }),
    ).toEqual([id(3)]);
    expect(await ids({ ContextIdentifier: ['2'] })).toEqual([id(4)]);
    expect(await ids({ TaskIdentifier: [id(4), arnOf(2), id(2), id(99), arnOf(3).replace('Sandbox', 'AWS')] })).toEqual(
      [id(2), id(4)],
    );
    expect(
      await ids({
        TaskStatus: ['COMPLETE'],
        TaskIdentifier: [0, 1, 2, 3, 4, 5].map(id),
        OpportunityIdentifier: ['O1'],
        EngagementIdentifier: ['eng-00000000000001'],
        ContextIdentifier: ['1'],
      }),
    ).toEqual([id(0)]);
  });

  test('lists show every change of a task', async () => {
    const store = central.store(Catalog);
    for (const n of [1, 2, 3]) store.add({ taskId: id(n), startTimeMs: now + n });
    store.end(id(1), 'COMPLETE');
    store.end(id(2), { status: 'FAILED', reasonCode: 'InternalError', message: 'no' });
    expect(store.get(id(1))).toMatchObject({
      opportunityId: expect.any(String),
      resourceSnapshotJobId: expect.any(String),
    });
    expect(store.inProgressIds()).toEqual([id(3)]);
    store.set(id(1), { status: 'IN_PROGRESS', startTimeMs: now + 9 });
    expect(await ids({ TaskStatus: ['IN_PROGRESS'] })).toEqual([id(1), id(3)]);
    store.remove(id(3));
    expect(await ids()).toEqual([id(1), id(2)]);
    expect([store.count, store.inProgressIds(), store.get(id(3))]).toEqual([2, [id(1)], undefined]);
    expect(() => store.remove(id(3))).toThrow(`no task ${id(3)}`);
    expect(() => store.add({ taskId: id(1) })).toThrow(`a task ${id(1)} already`);
  });
});

describe('paging', () => {
  async function walk(input: object, between: (page: number) => void = () => {}) {
    const pages: string[][] = [];
    let NextToken: string | undefined;
    do {
      const answer: Awaited<ReturnType<typeof list>> = await list({ ...input, NextToken });
      pages.push((answer.TaskSummaries ?? []).map(task => task.TaskId as string));
      NextToken = answer.NextToken ?? undefined;
      between(pages.length);
    } while (NextToken);
    return pages;
  }

  test.each(['DESCENDING', 'ASCENDING'])(
    '%s to the end, while tasks come and go: no loss, no repeat',
    async SortOrder => {
      const store = central.store(Catalog);
      store.addHistory({ count: 95, newestAt: now, spacingMs: 0.25 });
      const original = store.tasks().map(task => task.taskId);
      const removed = new Set<string>();
      const pages = await walk({ MaxResults: 10, Sort: { SortBy: 'StartTime', SortOrder } }, page => {
        for (const offset of [5, 0, -30])
          store.add({ startTimeMs: now + offset, taskId: id(page * 1000 + offset + 100) });
        const last = original[SortOrder === 'DESCENDING' ? 95 - page * 10 : page * 10 - 1]; // the task of the token
        if (page < 3 && last) removed.add(last);
        if (page < 3 && last && store.get(last)) store.remove(last);
      });
      const seen = pages.flat();
      expect(new Set(seen).size).toBe(seen.length);
      expect(original.filter(taskId => !removed.has(taskId) && !seen.includes(taskId))).toEqual([]);
    },
  );

  test('the default page has 100 tasks, and the last page has no token', async () => {
    central.store(Catalog).addHistory({ count: 200, newestAt: now, oldestAt: now - 1000 });
    expect((await walk({})).map(page => page.length)).toEqual([100, 100]);
    expect((await walk({ TaskStatus: ['FAILED'], MaxResults: 4 })).map(page => page.length)).toEqual([4, 4, 4, 4]);
  });

  test('pages running tasks and look-ups too', async () => {
    const store = central.store(Catalog);
    const added = [1, 2, 3, 4, 5].map(n => store.add({ taskId: id(n), startTimeMs: now + n }).taskId).reverse();
    expect((await walk({ TaskStatus: ['IN_PROGRESS'], MaxResults: 2 })).flat()).toEqual(added);
    expect((await walk({ TaskIdentifier: added, MaxResults: 2 })).flat()).toEqual(added);
  });

  test('fails when a token is changed or used for another request', async () => {
    central.store(Catalog).addHistory({ count: 20, newestAt: now, spacingMs: 1 });
    central.store('AWS').addHistory({ count: 20, newestAt: now, spacingMs: 1 });
    const first = { MaxResults: 5, TaskStatus: ['COMPLETE', 'FAILED'] };
    const { NextToken = '' } = await list(first);
    const moved = Buffer.from(Buffer.from(NextToken, 'base64url').toString().replace(/^\d/, '2')).toString('base64url');
    const bad = [
      { ...first, NextToken: moved },
      { ...first, NextToken: `${NextToken}=` },
      { ...first, NextToken: NextToken.slice(0, -1) },
      { ...first, NextToken, MaxResults: 6 },
      { ...first, NextToken, TaskStatus: ['FAILED'] },
      { ...first, NextToken, ContextIdentifier: ['1'] },
      { ...first, NextToken, Sort: { SortBy: 'StartTime', SortOrder: 'ASCENDING' } },
      { ...first, NextToken, Catalog: 'AWS' },
    ];
    for (const input of bad)
      await expect(list(input)).rejects.toMatchObject({
        ErrorList: [{ FieldName: 'NextToken', Code: 'INVALID_VALUE' }],
      });
    const other = new ListEngagementFromOpportunityTasksCommand({ Catalog, MaxResults: 5, NextToken });
    await expect(client.send(other)).rejects.toMatchObject({ name: 'ValidationException' });
    const again = {
      ...first,
      TaskStatus: ['FAILED', 'COMPLETE'],
      Sort: { SortBy: 'StartTime', SortOrder: 'DESCENDING' },
    };
    expect(await ids({ ...again, NextToken })).toHaveLength(5);
  });
});

describe('Start', () => {
  test('starts a task, and returns the same one for the same ClientToken', async () => {
    const { $metadata: _a, ...first } = await start();
    const { $metadata: _b, ...again } = await start();
    expect(again).toEqual(first);
    expect(first).toMatchObject({
      TaskId: expect.stringMatching(/^task-[0-9a-z]{13}$/),
      TaskArn: `arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/${first.TaskId}`,
      TaskStatus: 'IN_PROGRESS',
      EngagementId: 'eng-00000000000001',
      ContextId: '7',
    });
    const { TaskId } = await start({ ClientToken: undefined, Identifier: 'arn:aws:x:engagement/eng-00000000000002' });
    expect(await ids({ EngagementIdentifier: ['eng-00000000000002'] })).toEqual([TaskId]);
    expect(central.store(Catalog).count).toBe(2);
  });

  test('other families start their own tasks, with fields from the request first and the rest at the end', async () => {
    const { $metadata: _a, ...from } = await invite();
    expect(from).toMatchObject({
      TaskArn: `arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-from-opportunity-task/${from.TaskId}`,
      TaskStatus: 'IN_PROGRESS',
      OpportunityId: 'O1234567',
    });
    expect([from.EngagementId, from.EngagementInvitationId]).toEqual([undefined, undefined]);
    expect((await invite()).TaskId).toBe(from.TaskId);
    await expect(invite({ AwsSubmission: { InvolvementType: 'For Visibility Only' } })).rejects.toMatchObject({
      name: 'ConflictException',
    });
    const ended = central.store(Catalog, 'EngagementFromOpportunity').end(String(from.TaskId), 'COMPLETE');
    expect(ended).toMatchObject({
      opportunityId: 'O1234567',
      engagementId: expect.stringMatching(/^eng-/),
      engagementInvitationId: expect.stringMatching(/^engi-/),
    });

    const { $metadata: _b, ...by } = await accept(); // the same ClientToken: it is scoped to the operation
    expect(by).toMatchObject({
      TaskArn: `arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-by-accepting-invitation-task/${by.TaskId}`,
      EngagementInvitationId: 'engi-0000000000001',
    });
    expect(by).not.toHaveProperty('EngagementId');
    expect(await ids()).toEqual([]);
  });

  test('an invitation is pending until a task has accepted it', async () => {
    const Identifier = 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-invitation/engi-0000000000001';
    const invitation = async (more: { Identifier?: string; Catalog?: string } = {}) => {
      const { $metadata: _, ...found } = await client.send(
        new GetEngagementInvitationCommand({ Catalog, Identifier, ...more }),
      );
      return found;
    };
    const waiting = { Arn: Identifier, Id: 'engi-0000000000001', Catalog, Status: 'PENDING' };
    expect(await invitation()).toMatchObject(waiting);
    const { TaskId } = await accept({ Identifier });
    expect(await invitation({ Identifier: 'engi-0000000000001' })).toMatchObject(waiting);
    central.store(Catalog, 'EngagementByAcceptingInvitation').end(String(TaskId), 'COMPLETE');
    expect(await invitation()).toMatchObject({ ...waiting, Status: 'ACCEPTED' });
    expect(await invitation({ Catalog: 'AWS' })).toMatchObject({ Status: 'PENDING' });
    await expect(invitation({ Identifier: 'engi-1' })).rejects.toMatchObject({
      name: 'ValidationException',
      ErrorList: [{ FieldName: 'Identifier', Code: 'INVALID_STRING_FORMAT' }],
    });
  });

  test('engagements and opportunities have constant names, and the catalog in their ARN', async () => {
    const engagement = (Identifier: string) => client.send(new GetEngagementCommand({ Catalog, Identifier }));
    const opportunity = (Identifier: string) => client.send(new GetOpportunityCommand({ Catalog, Identifier }));
    const Arn = 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/eng-00000000000001';
    const { $metadata: _a, ...found } = await engagement('eng-00000000000001');
    expect(found).toMatchObject({ Id: 'eng-00000000000001', Arn, Title: expect.stringMatching(/\w/) });
    expect(found.Contexts?.[0]?.Payload?.CustomerProject?.Customer?.CompanyName).toMatch(/^(AnyCompany|Example) /);
    const { $metadata: _b, ...again } = await engagement(Arn);
    expect(again).toEqual(found);
    expect(await opportunity('O1')).toMatchObject({
      Id: 'O1',
      Project: { Title: expect.stringMatching(/\w/) },
      Customer: { Account: { CompanyName: expect.stringMatching(/^(AnyCompany|Example) /) } },
    });
    for (const wrong of [engagement('O1'), opportunity('eng-00000000000001'), opportunity('')])
      await expect(wrong).rejects.toMatchObject({
        name: 'ValidationException',
        ErrorList: [{ FieldName: 'Identifier', Code: 'INVALID_STRING_FORMAT' }],
      });
  });

  test('fails when a ClientToken is used again with other parameters', async () => {
    await start();
    await expect(start({ ContextIdentifier: '8' })).rejects.toMatchObject({ name: 'ConflictException' });
  });

  test('a retry after a lost answer returns the same task', async () => {
    central.intercept = call => (call.index === 0 ? { when: 'after', how: 'reset' } : undefined);
    await expect(start()).rejects.toThrow('ECONNRESET');
    await start();
    expect(central.store(Catalog).count).toBe(1);
  });
});

test('keeps everything between two starts: tasks, tokens, client tokens, ids', async () => {
  const store = central.store(Catalog);
  store.addHistory({ count: 30, newestAt: now, spacingMs: 1 });
  const { TaskId } = await start();
  const { NextToken } = await list({ MaxResults: 5 });
  const saved = JSON.parse(JSON.stringify(central));
  const next = await startPartnerCentral({ now: () => now });
  next.fromJSON(saved);
  await central.close();
  client.destroy();
  central = next;
  client = new PartnerCentralSellingClient(clientOf(central));
  expect((await start()).TaskId).toBe(TaskId);
  expect(await ids({ MaxResults: 5, NextToken })).toHaveLength(5);
  expect(central.store(Catalog).inProgressIds()).toEqual([TaskId]);
  central.store(Catalog).addHistory({ count: 30, newestAt: now, spacingMs: 1 });
  expect(central.store(Catalog).count).toBe(61);
});
