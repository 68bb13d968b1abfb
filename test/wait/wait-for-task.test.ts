/** In simulated time, against the local Partner Central. Over HTTP only for the SDK client's behaviour. */
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { reasons } from '../../lambdas/reason-codes';
import { openPartnerCentral, startPartnerCentral } from '../../local/services/partner-central';
import { Refusal } from '../../local/services/service';
import { type ListingClient, type WaitForTaskOptions, waitForTask } from '../../wait';

type Request = Readonly<Record<string, unknown>>;

let partnerCentral: ReturnType<typeof openPartnerCentral>;
let store: ReturnType<typeof partnerCentral.store>;
let startedAt: number;
let requests: { readonly operation: string; readonly input: Request; readonly second: number }[];
/** Answers in place of Partner Central, unless it returns undefined. */
let instead: (request: Request, index: number) => unknown;

/** The members of a client that are needed. Throws the errors of an SDK client. */
const client: ListingClient = {
  async send(command: { constructor: { name: string }; input: Request }, options) {
    options?.abortSignal?.throwIfAborted();
    const operation = command.constructor.name.replace(/Command$/, '');
    const input = command.input;
    requests.push({ operation, input, second: (Date.now() - startedAt) / 1_000 });
    try {
      const output = (await instead(input, requests.length - 1)) ?? partnerCentral.answer(operation, input);
      if (output instanceof Error) throw output;
      return output;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, type, body } = error.answer;
      throw serviceError(type as string, status, body as object);
    }
  },
};
const serviceError = (name: string, httpStatusCode: number, more: object = {}) =>
  Object.assign(new Error(`${name} of the service`), { name, $metadata: { httpStatusCode }, ...more });

beforeEach(() => {
  jest.useFakeTimers();
  startedAt = Date.now();
  requests = [];
  instead = () => undefined;
  partnerCentral = openPartnerCentral();
  store = partnerCentral.store('Sandbox');
});
afterEach(() => jest.useRealTimers());

const sandbox = { catalog: 'Sandbox', taskType: 'OpportunityFromEngagement' } as const;

/** The result, and the number of seconds. */
async function outcomeOf(options: Partial<WaitForTaskOptions>) {
  const waiting = waitForTask(client, { ...sandbox, taskId: undefined, ...options }).then(
    task => ({ task, error: undefined, seconds: (Date.now() - startedAt) / 1_000 }),
    error => ({ task: undefined, error, seconds: (Date.now() - startedAt) / 1_000 }),
  );
  await jest.runAllTimersAsync();
  return waiting;
}
const atSecond = (seconds: number, happen: () => void) => void setTimeout(happen, seconds * 1_000);

test.each(taskFamilyNames)('returns a completed task of %s as listed', async taskType => {
  const tasks = partnerCentral.store('AWS', taskType);
  const { taskId } = tasks.add();
  atSecond(20, () => tasks.end(taskId, 'COMPLETE'));
  const { task, seconds } = await outcomeOf({ catalog: 'AWS', taskType, taskId });
  expect(task).toMatchObject({
    TaskId: taskId,
    TaskStatus: 'COMPLETE',
    OpportunityId: expect.stringMatching(/^O\d+$/),
  });
  // The service sends null and the text "null".
  expect(Object.keys(task ?? {})).not.toEqual(expect.arrayContaining(['ReasonCode']));
  expect(Object.values(task ?? {})).not.toContain(null);
  expect(new Set(requests.map(({ operation }) => operation))).toEqual(new Set([`List${taskType}Tasks`]));
  expect(requests[0]?.input).toMatchObject({ Catalog: 'AWS', TaskIdentifier: [taskId] });
  expect(seconds).toBeLessThanOrEqual(30);
});

test('returns an ended task after the first look-up', async () => {
  const { taskId } = store.add({ status: 'COMPLETE' });
  expect(await outcomeOf({ taskId })).toMatchObject({ task: { TaskId: taskId }, seconds: 0 });
});

test('looks up a task again that is not listed yet', async () => {
  const taskId = 'task-notlistedyet0';
  atSecond(3, () => store.add({ taskId }));
  atSecond(6, () => store.end(taskId, 'COMPLETE'));
  expect((await outcomeOf({ taskId })).task).toMatchObject({ TaskId: taskId });
});

test('looks up a task again that has an unknown status', async () => {
  const { taskId } = store.add({ status: 'PAUSED' });
  atSecond(30, () => store.end(taskId, 'COMPLETE'));
  expect((await outcomeOf({ taskId })).task).toMatchObject({ TaskStatus: 'COMPLETE' });
});

test('pauses grow, with random jitter', async () => {
  const pauses = async () => {
    requests = [];
    startedAt = Date.now();
    await outcomeOf({ taskId: store.add().taskId, maxWaitTime: 60 });
    return requests.slice(1).map(({ second }, at) => second - (requests[at]?.second ?? 0));
  };
  const [one, another] = [await pauses(), await pauses()];
  for (const pause of one.slice(0, -1)) expect(pause).toBeLessThanOrEqual(10.01);
  expect(one[0]).toBeCloseTo(2);
  expect(one.slice(0, 5)).not.toEqual(another.slice(0, 5));
});

test('accepts an ARN as id', async () => {
  const { taskId } = store.add({ status: 'COMPLETE' });
  const arn = `arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/${taskId}`;
  expect((await outcomeOf({ taskId: arn })).task).toMatchObject({ TaskId: taskId, TaskArn: arn });
});

test('reads on after an empty page with a token', async () => {
  const { taskId } = store.add({ status: 'COMPLETE' });
  instead = ({ NextToken }, index) =>
    index < 2
      ? { TaskSummaries: index === 0 ? [] : [null], NextToken: `token ${index}` }
      : NextToken === 'token 1' && {
          TaskSummaries: [{ TaskId: taskId, TaskStatus: 'COMPLETE' }],
        };
  expect((await outcomeOf({ taskId })).task).toEqual({ TaskId: taskId, TaskStatus: 'COMPLETE' });
  expect(requests.map(({ input }) => input.NextToken)).toEqual([undefined, 'token 0', 'token 1']);
});

test.each([
  ['the same token again', () => 'always', 2],
  ['always new tokens', (index: number) => `token ${index}`, 10],
] as const)('endless tokens, %s, do not block it', async (_, token, pages) => {
  instead = (_request, index) => ({ TaskSummaries: [], NextToken: token(index) });
  await outcomeOf({ taskId: 'task-0000000000000', maxWaitTime: 10 });
  expect(requests.filter(({ second }) => second === 0)).toHaveLength(pages);
  expect(requests.length).toBeGreaterThan(pages);
});

test('finds a task that ends in the last seconds', async () => {
  // The SDK's waiter gives up if the next pause would be too long.
  for (const maxWaitTime of [1, 5, 20, 33]) {
    const { taskId } = store.add();
    atSecond(maxWaitTime - 1, () => store.end(taskId, 'COMPLETE'));
    expect(await outcomeOf({ taskId, maxWaitTime })).toMatchObject({ task: { TaskId: taskId } });
  }
});

describe('fails', () => {
  test('when the task failed: with reason code, category and advice', async () => {
    const taskType = 'EngagementFromOpportunity';
    const tasks = partnerCentral.store('Sandbox', taskType);
    const failure = { status: 'FAILED', reasonCode: 'EngagementAccessDenied', message: 'Anna may not' } as const;
    const { taskId } = tasks.add(failure);
    const { error } = await outcomeOf({ taskType, taskId });
    expect(error).toMatchObject({
      name: 'TaskHasFailed',
      reasonCode: 'EngagementAccessDenied',
      reasonCategory: 'access',
      action: expect.stringContaining('partnercentral:CreateEngagement'),
      task: { TaskId: taskId, Message: 'Anna may not' },
    });
    expect(error.message).toBe(
      `Task ${taskId} failed: EngagementAccessDenied (access). ${error.meaning} ${error.action}`,
    );
    expect(error.action).not.toBe(reasons.EngagementAccessDenied.action);
  });

  test('when it failed for an unknown reason, or without one', async () => {
    const unknown = await outcomeOf({ taskId: store.add({ status: 'FAILED', reasonCode: 'SomethingNew' }).taskId });
    expect(unknown.error).toMatchObject({ reasonCode: 'SomethingNew', reasonCategory: 'unknown' });
    const none = await outcomeOf({ taskId: store.add({ status: 'FAILED', reasonCode: undefined }).taskId });
    expect(none.error).toMatchObject({ name: 'TaskHasFailed', reasonCode: undefined, reasonCategory: undefined });
    expect(none.error.message).toMatch(/ failed\. Partner Central gave no reason code\. /);
  });

  test('when it takes too long, with the last status', async () => {
    const { taskId } = store.add();
    const { error, seconds } = await outcomeOf({ taskId, maxWaitTime: 60 });
    expect(error).toMatchObject({ name: 'TaskTookTooLong', taskId, task: { TaskStatus: 'IN_PROGRESS' } });
    expect(error.message).toBe(`After 60 s, task ${taskId} is IN_PROGRESS.`);
    expect(seconds).toBeGreaterThanOrEqual(59);
    expect(seconds).toBeLessThan(60);
    expect(requests.length).toBeLessThan(15);
  });

  test('when it is never listed, with advice', async () => {
    const { error } = await outcomeOf({ taskId: 'task-0000000000000' });
    expect(error).toMatchObject({ name: 'TaskTookTooLong', task: undefined });
    expect(error.message).toBe(
      'After 300 s, task task-0000000000000 was not listed: check taskId, catalog and taskType.',
    );
  });

  test.each([
    ['denied', serviceError('AccessDeniedException', 403), 'partnercentral:ListOpportunityFromEngagementTasks and '],
    ['refused', serviceError('ValidationException', 400), 'Check taskId and catalog'],
    ['without credentials', serviceError('CredentialsProviderError', 0), 'linked to Partner Central'],
  ])('immediately when the look-up is %s, with advice', async (_, refusal, advice) => {
    instead = () => refusal;
    const { error, seconds } = await outcomeOf({ taskId: 'task-0000000000000' });
    expect(error).toMatchObject({ name: 'TaskLookUpFailed', message: expect.stringContaining(advice), cause: refusal });
    expect({ seconds, looks: requests.length }).toEqual({ seconds: 0, looks: 1 });
  });

  test('when Partner Central refuses the id', async () => {
    const { error } = await outcomeOf({ taskId: 'O1234567' });
    expect(error).toMatchObject({ name: 'TaskLookUpFailed', message: expect.stringContaining('ValidationException') });
  });

  test('when the service fails until the end, with the error; not when it recovers', async () => {
    const { taskId } = store.add({ status: 'COMPLETE' });
    const failing = () => serviceError('InternalServerException', 500);
    instead = failing;
    const { error } = await outcomeOf({ taskId, maxWaitTime: 20 });
    expect(error).toMatchObject({ name: 'TaskTookTooLong', cause: { name: 'TransientFailure' } });
    expect(error.message).toContain(
      'The last look-up failed: ListOpportunityFromEngagementTasks: InternalServerException',
    );
    requests = [];
    instead = (_request, index) => (index < 3 ? failing() : undefined);
    expect((await outcomeOf({ taskId })).task).toMatchObject({ TaskId: taskId });
  });

  test('when a request hangs, within the time limit', async () => {
    instead = () => new Promise(() => undefined);
    expect(await outcomeOf({ taskId: 'task-0000000000000', maxWaitTime: 7 })).toMatchObject({
      error: { name: 'TaskTookTooLong' },
      seconds: 7,
    });
  });

  test("with the signal's reason when it is aborted, before or during the wait", async () => {
    const { taskId } = store.add();
    const gone = new Error('Not needed any more');
    expect(await outcomeOf({ taskId, abortSignal: AbortSignal.abort(gone) })).toMatchObject({ error: gone });
    expect(requests).toEqual([]);
    const stopping = new AbortController();
    atSecond(3, () => stopping.abort(gone));
    expect(await outcomeOf({ taskId, abortSignal: stopping.signal })).toMatchObject({ error: gone, seconds: 3 });
  });

  test('when options are missing or wrong: names each, without a look-up', async () => {
    const { error } = await outcomeOf({ catalog: '', taskType: 'constructor' as never });
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      'waitForTask: catalog: got "", allowed: AWS or Sandbox; taskType: got "constructor", allowed: ' +
        `${taskFamilyNames.join(' or ')}; taskId: got nothing, allowed: id or ARN of a task`,
    );
    expect(requests).toEqual([]);
  });
});

test('with an SDK client: a throttled call is retried, a denial ends the wait, an abort ends a request', async () => {
  jest.useRealTimers();
  const service = await startPartnerCentral();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const sdk = new PartnerCentralSellingClient({ endpoint: service.url, region: 'us-east-1', credentials });
  try {
    const { taskId } = service.store('Sandbox').add({ status: 'COMPLETE' });
    const options = { ...sandbox, taskId, minDelay: 0.01, maxDelay: 0.02 };
    service.intercept = ({ index }) =>
      index < 2 ? { when: 'before', how: { status: 429, type: 'ThrottlingException' } } : undefined;
    const task = await waitForTask(sdk, options);
    expect(task).toMatchObject({ TaskStatus: 'COMPLETE', StartTime: expect.any(Date) });
    expect(service.calls.total).toBe(3);

    const denied = { status: 403, type: 'AccessDeniedException', body: { Message: 'No', Reason: 'ACCESS_DENIED' } };
    service.intercept = () => ({ when: 'before', how: denied });
    await expect(waitForTask(sdk, options)).rejects.toMatchObject({
      name: 'TaskLookUpFailed',
      message: expect.stringContaining('AccessDeniedException (ACCESS_DENIED)'),
    });

    const stopping = new AbortController();
    service.intercept = () => {
      stopping.abort();
      return { when: 'before', how: 'hang' };
    };
    await expect(waitForTask(sdk, { ...options, abortSignal: stopping.signal })).rejects.toThrow('aborted');
  } finally {
    sdk.destroy();
    await service.close();
  }
});
