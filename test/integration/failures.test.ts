/** Permanent failures, and the input and log of the function. */
import type { Fault } from '../../local/services/service';
import { HOUR } from '../durations';
import { outcomes } from '../engine-stack';
import { errorAnswer } from '../faults';
import { openTestStack, type TestStack } from './test-stack';

let stack: TestStack;
/** Shared by tests without settings of their own. */
let shared: TestStack;
beforeAll(async () => {
  shared = await openTestStack();
});
afterEach(() => stack === shared || stack.close());
afterAll(() => shared.close());

async function usualStack(): Promise<TestStack> {
  await shared.reset();
  return shared;
}

const always = (fault: Fault) => () => fault;

describe('permanent failures end the run with advice and release the lease', () => {
  test.each<[string, (stack: TestStack) => void, RegExp]>([
    [
      'no permission to list',
      stack => {
        stack.partnerCentral.intercept = always(errorAnswer('AccessDeniedException', 403, { Reason: 'ACCESS_DENIED' }));
      },
      /AccessDeniedException \(ACCESS_DENIED\).*partnercentral:ListEngagementFromOpportunityTasks.*linked to Partner Central/s,
    ],
    [
      'no permission to publish',
      stack => {
        stack.eventBridge.intercept = always(errorAnswer('AccessDeniedException'));
      },
      /PutEvents: AccessDeniedException.*events:PutEvents/s,
    ],
    [
      'no authorisation for any entry',
      stack => {
        stack.eventBridge.entryFault = () => ({ ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'no' });
      },
      /every entry was refused with NotAuthorizedForSourceException.*events:PutEvents/s,
    ],
    [
      'no such event bus',
      stack => {
        stack.eventBridge.intercept = always(errorAnswer('ResourceNotFoundException'));
      },
      /ResourceNotFoundException.*bus of this stack is gone; the runbook/s,
    ],
    [
      'a refused List call',
      stack => {
        stack.partnerCentral.intercept = always(
          errorAnswer('ValidationException', 400, {
            Reason: 'REQUEST_VALIDATION_FAILED',
            ErrorList: [{ FieldName: 'Catalog', Message: 'no such', Code: 'INVALID' }],
          }),
        );
      },
      /ValidationException \(REQUEST_VALIDATION_FAILED\).*"FieldName":"Catalog".*Check the configured catalog and identifiers/s,
    ],
    [
      'no such catalog',
      stack => {
        stack.partnerCentral.intercept = always(errorAnswer('ResourceNotFoundException', 404));
      },
      /ResourceNotFoundException.*Check the configured catalog and identifiers/s,
    ],
  ])('fails when there is %s', async (_name, breakIt, advice) => {
    stack = await usualStack();
    await stack.run();
    const ended = stack.addEnded(3);
    breakIt(stack);
    const { error } = await stack.poll();
    expect(error?.name).toBe('PermanentFailure');
    expect(error?.message).toMatch(advice);
    expect(stack.published()).toEqual([]);
    expect(await stack.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0 });

    stack.partnerCentral.intercept = undefined;
    stack.eventBridge.intercept = undefined;
    stack.eventBridge.entryFault = undefined;
    await stack.run();
    expect(stack.published()).toEqual(outcomes(ended));
  });

  test('fails when there is no table', async () => {
    stack = await usualStack();
    stack.dynamoDb.intercept = always(errorAnswer('ResourceNotFoundException'));
    expect((await stack.poll()).error).toMatchObject({
      name: 'PermanentFailure',
      message: expect.stringContaining('table is gone; the runbook'),
    });
  });

  test('fails when a newer release has written the checkpoint or a row in a newer format', async () => {
    stack = await usualStack();
    const [task] = stack.addRunning(1, HOUR);
    await stack.run();
    const [checkpoint, row] = [await stack.checkpoint(), await stack.row(task?.taskId as string)];
    await stack.putItem({ ...checkpoint, formatVersion: 2 });
    expect((await stack.poll()).error?.message).toMatch(
      /The checkpoint .* format version 2.*Deploy the release that wrote it/,
    );
    await stack.putItem({ ...checkpoint });
    await stack.putItem({ ...row, formatVersion: 2 });
    expect((await stack.poll()).error?.message).toMatch(/A row .* format version 2/);
  });
});

describe('input and log of the function', () => {
  test('fails when the input is not a valid mode', async () => {
    stack = await usualStack();
    const inputs = [
      undefined,
      null,
      {},
      { mode: 'sweep' },
      { mode: 'poll', extra: 1 },
      'poll',
      [],
      { version: '0', 'detail-type': 'Scheduled Event' },
    ];
    for (const input of inputs) {
      const { error } = await stack.poller.invoke(input ?? null);
      expect({ input, ...error }).toMatchObject({
        name: 'TypeError',
        message: expect.stringContaining('allowed: {"mode":"poll"} or {"mode":"audit"} or {"mode":"nudge"}'),
      });
    }
    expect(stack.partnerCentral.calls.total).toBe(0);
  });

  test('fails when the environment is invalid, naming every bad key', async () => {
    stack = await usualStack();
    const { error } = await stack
      .anotherPoller({ catalog: 'Prod', maxEventsPerRun: 5, extra: true })
      .invoke({ mode: 'poll' });
    expect(error?.message).toMatch(
      /catalog: got "Prod", allowed: AWS or Sandbox[\s\S]*maxEventsPerRun: got 5, allowed: a whole number[\s\S]*extra: unknown key/,
    );
  });

  test('logs one line for the run and for each event, with counts and ids and without a message', async () => {
    stack = await usualStack();
    await stack.run();
    const task = stack.store.add({
      status: 'FAILED',
      reasonCode: 'InternalError',
      message: 'the customer said something private',
    });
    stack.logs.length = 0;
    const summary = await stack.run();
    const lines = stack.logs.filter(log => !log.includes('"_aws"'));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'INFO',
      message: 'Published',
      taskId: task.taskId,
      taskStatus: 'FAILED',
      reasonCode: 'InternalError',
      reasonCategory: 'internal',
      runId: summary.runId,
    });
    expect(JSON.parse(lines[1] as string)).toMatchObject({
      ...summary,
      level: 'INFO',
      source: 'Sandbox#OpportunityFromEngagement',
      runId: summary.runId,
    });
    expect(summary).toEqual({
      outcome: 'complete',
      mode: 'poll',
      pages: 1,
      tasks: 1,
      completed: 0,
      failed: 1,
      published: 1,
      rejected: 0,
      unsettled: 0,
      drift: 0,
      gaps: 0,
      listCalls: 1,
      milliseconds: expect.any(Number),
      runId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(stack.logs.join()).not.toContain('private');
    expect(stack.eventBridge.events[0]?.detail).toMatchObject({
      taskId: task.taskId,
      message: expect.stringContaining('private'),
    });
  });

  test('includeMessage: false keeps the message out of event, table and log', async () => {
    stack = await openTestStack({ includeMessage: false });
    await stack.run();
    stack.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'something private' });
    await stack.run();
    expect(stack.eventBridge.events).toHaveLength(1);
    expect(JSON.stringify([stack.eventBridge.events, await stack.items(), stack.logs])).not.toContain('private');
    expect((await stack.deliverAlerts()).map(({ message }) => message).join()).not.toContain('private');
  });

  test('logs no credential and no session token, not even for a failed request', async () => {
    stack = await usualStack();
    stack.partnerCentral.intercept = always(errorAnswer('AccessDeniedException', 403));
    await stack.poll();
    stack.partnerCentral.intercept = always({ when: 'before', how: { status: 500, body: 'boom' } });
    await stack.poll();
    expect(stack.logs.length).toBeGreaterThan(1);
    expect(stack.logs.join()).not.toMatch(/AWS4-HMAC|Signature=|[Ss]ecret|security-token/);
  });

  test('a quiet run publishes only the heartbeat metric', async () => {
    stack = await usualStack();
    await stack.run();
    const metrics = () => stack.logs.splice(0).flatMap(log => (log.includes('"_aws"') ? [JSON.parse(log)] : []));
    metrics();
    await stack.run();
    expect(metrics()).toEqual([expect.objectContaining({ CompleteRuns: 1, service: 'PartnerCentralTaskPoller' })]);
    stack.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    await stack.run();
    expect(metrics()[0]).toMatchObject({ CompleteRuns: 1, TasksFailed: 1 });
    stack.partnerCentral.intercept = always({ when: 'before', how: 'reset' });
    await stack.run();
    expect(metrics()).toEqual([]);
    expect(stack.logs.splice(0).filter(line => !line.startsWith('{'))).toEqual([]);
  });
});
