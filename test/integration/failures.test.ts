/** What goes wrong outside, and what a run makes of it. */
import type { Fault } from '../../local/service';
import { type Bed, errorAnswer, HOUR, MINUTE, openBed, outcomes } from './bed';

let bed: Bed;
afterEach(() => bed.close());

const always = (fault: Fault) => () => fault;
const onlyCall =
  (wanted: number, fault: Fault) =>
  ({ index }: { index: number }) =>
    index === wanted ? fault : undefined;

describe('what a person has to put right fails the run with an advice, and gives the lease back', () => {
  test.each<[string, (bed: Bed) => void, RegExp]>([
    [
      'no right to list',
      bed => {
        bed.partnerCentral.intercept = always(errorAnswer('AccessDeniedException', 403, { Reason: 'ACCESS_DENIED' }));
      },
      /AccessDeniedException \(ACCESS_DENIED\).*partnercentral:ListEngagementFromOpportunityTasks.*linked to Partner Central/s,
    ],
    [
      'no right to publish',
      bed => {
        bed.eventBridge.intercept = always(errorAnswer('AccessDeniedException'));
      },
      /PutEvents: AccessDeniedException.*events:PutEvents/s,
    ],
    [
      'every entry not authorised',
      bed => {
        bed.eventBridge.entryFault = () => ({ ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'no' });
      },
      /every entry was refused with NotAuthorizedForSourceException.*events:PutEvents/s,
    ],
    [
      'no such bus',
      bed => {
        bed.eventBridge.intercept = always(errorAnswer('ResourceNotFoundException'));
      },
      /ResourceNotFoundException.*deploy the stack again/s,
    ],
    [
      'a list that is refused',
      bed => {
        bed.partnerCentral.intercept = always(
          errorAnswer('ValidationException', 400, {
            Reason: 'REQUEST_VALIDATION_FAILED',
            ErrorList: [{ FieldName: 'Catalog', Message: 'no such', Code: 'INVALID' }],
          }),
        );
      },
      /ValidationException \(REQUEST_VALIDATION_FAILED\).*"FieldName":"Catalog".*Check the configured catalog and identifiers/s,
    ],
    [
      'a catalog that is not there',
      bed => {
        bed.partnerCentral.intercept = always(errorAnswer('ResourceNotFoundException', 404));
      },
      /ResourceNotFoundException.*Check the configured catalog and identifiers/s,
    ],
  ])('fails when there is %s', async (_name, breakIt, advice) => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(3);
    breakIt(bed);
    const { error } = await bed.poll();
    expect(error?.name).toBe('PermanentFailure');
    expect(error?.message).toMatch(advice);
    expect(bed.published()).toEqual([]);
    expect(await bed.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0 });

    bed.partnerCentral.intercept = undefined;
    bed.eventBridge.intercept = undefined;
    bed.eventBridge.entryFault = undefined;
    await bed.run();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('fails when there is no table', async () => {
    bed = await openBed();
    bed.dynamoDb.intercept = always(errorAnswer('ResourceNotFoundException'));
    expect((await bed.poll()).error).toMatchObject({
      name: 'PermanentFailure',
      message: expect.stringContaining('deploy the stack again'),
    });
  });

  test('fails when a newer release has written the checkpoint or a row in a format of its own', async () => {
    bed = await openBed();
    const [task] = bed.addRunning(1, HOUR);
    await bed.run();
    const [checkpoint, row] = [await bed.checkpoint(), await bed.row(task?.taskId as string)];
    await bed.putItem({ ...checkpoint, formatVersion: 2 });
    expect((await bed.poll()).error?.message).toMatch(
      /The checkpoint .* format version 2.*Deploy the release that wrote it/,
    );
    await bed.putItem({ ...checkpoint });
    await bed.putItem({ ...row, formatVersion: 2 });
    expect((await bed.poll()).error?.message).toMatch(/A row .* format version 2/);
  });
});

describe('what time heals ends the run as partial, and the next one goes on', () => {
  const faults: [string, Fault][] = [
    ['throttling', errorAnswer('ThrottlingException', 429)],
    ['throttling as its guide has it', errorAnswer('ThrottlingException', 400)],
    ['a server error', errorAnswer('InternalServerException', 500)],
    ['a server error that is no JSON', { when: 'before', how: { status: 503, body: '<html>busy</html>' } }],
    ['a reset', { when: 'before', how: 'reset' }],
    ['a truncated answer', { when: 'after', how: 'truncate' }],
    ['an empty answer', { when: 'before', how: { status: 200, body: '' } }],
    ['an answer that is a list', { when: 'before', how: { status: 200, body: '[]' } }],
    ['summaries that are no list', { when: 'before', how: { status: 200, body: '{"TaskSummaries":{"0":{}}}' } }],
  ];
  test.each(faults)('Partner Central: %s', async (_name, fault) => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(5);
    const before = await bed.checkpoint();
    bed.partnerCentral.intercept = always(fault);
    expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 0 });
    const after = await bed.checkpoint();
    expect(after).toMatchObject({ watermark: before?.watermark, gaps: [], leaseExpiresAtMs: 0 });
    bed.partnerCentral.intercept = undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 5 });
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('Partner Central: a socket that hangs until the run is nearly over', async () => {
    bed = await openBed();
    await bed.run();
    bed.addEnded(5);
    bed.partnerCentral.intercept = always({ when: 'before', how: 'hang' });
    expect(await bed.run('poll', { timeoutMs: 2_000 })).toMatchObject({ outcome: 'partial' });
    bed.partnerCentral.intercept = undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 5 });
  });

  test('a fault that the retries of the SDK get over is none', async () => {
    bed = await openBed();
    await bed.run();
    bed.addEnded(5);
    bed.partnerCentral.calls.reset();
    bed.partnerCentral.intercept = onlyCall(0, errorAnswer('ThrottlingException', 429));
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 5, listCalls: 2 });
  });

  test('EventBridge: what was accepted before is recorded, the rest is published by the next run', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(25);
    bed.eventBridge.calls.reset();
    bed.eventBridge.intercept = ({ index }) => (index >= 1 ? errorAnswer('ThrottlingException') : undefined);
    expect(await bed.run()).toMatchObject({ outcome: 'partial', published: 10 });
    bed.eventBridge.intercept = undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 15 });
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('EventBridge: entries that it can not take for as long as the run lasts', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(5);
    bed.eventBridge.entryFault = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'on purpose' });
    expect(await bed.run('poll', { timeoutMs: 2_500 })).toMatchObject({
      outcome: 'partial',
      published: 0,
      rejected: 0,
    });
    bed.eventBridge.entryFault = undefined;
    await bed.run();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('DynamoDB: publishing stops at the first record that fails, and at most that batch is repeated', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(25);
    let writes = 0;
    bed.dynamoDb.intercept = ({ operation }) => {
      if (operation !== 'BatchWriteItem') return undefined;
      writes += 1;
      return writes === 1 ? undefined : errorAnswer('ProvisionedThroughputExceededException');
    };
    expect(await bed.run()).toMatchObject({ outcome: 'partial' });
    expect(bed.eventBridge.events).toHaveLength(20);
    bed.dynamoDb.intercept = undefined;
    await bed.run();
    expect([...new Set(bed.published())]).toEqual(outcomes(ended));
    expect(bed.eventBridge.events).toHaveLength(35);
    expect(new Set(bed.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(25);
  });

  test('DynamoDB: a lease whose answer was lost is held all the same', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(2);
    bed.dynamoDb.calls.reset();
    bed.dynamoDb.intercept = onlyCall(0, { when: 'after', how: 'reset' });
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 2 });
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test.each([
    ['from the start', 0],
    ['when the run is to be finished', 1],
  ])('DynamoDB: hanging %s, it ends the run before the deadline does', async (_name, from) => {
    bed = await openBed();
    await bed.run();
    let updates = 0;
    bed.dynamoDb.intercept = ({ operation }) =>
      operation === 'UpdateItem' && updates++ >= from ? { when: 'before', how: 'hang' } : undefined;
    expect(await bed.run('poll', { timeoutMs: 4_000 })).toMatchObject({ outcome: 'partial' });
  });

  test('DynamoDB: unprocessed keys and items are asked for again', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(30);
    const seen = new Set<string>();
    bed.dynamoDb.intercept = ({ operation, input }) => {
      if (!operation.startsWith('Batch') || seen.has(operation)) return undefined;
      seen.add(operation);
      const unprocessed =
        operation === 'BatchGetItem'
          ? { Responses: {}, UnprocessedKeys: input.RequestItems }
          : { UnprocessedItems: input.RequestItems };
      return { when: 'before', how: { status: 200, body: JSON.stringify(unprocessed) } };
    };
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 30 });
    expect(seen.size).toBe(2);
    expect(bed.published()).toEqual(outcomes(ended));
    expect((await bed.items()).filter(({ publishedStatuses }) => publishedStatuses)).toHaveLength(30);
  });

  test('DynamoDB: a batch that it refuses for one row is halved, and of that row its outcome is kept', async () => {
    bed = await openBed();
    await bed.run();
    const ended = bed.addEnded(10, () => ({ status: 'FAILED', message: 'fine', reasonCode: 'InternalError' }));
    const { taskId } = bed.store.set(ended[4]?.taskId as string, { message: 'POISON' });
    bed.dynamoDb.intercept = ({ operation, input }) =>
      operation === 'BatchWriteItem' && JSON.stringify(input).includes('POISON')
        ? errorAnswer('ValidationException')
        : undefined;
    expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 10, refusedRows: 1 });
    expect(await bed.run()).toMatchObject({ published: 0 });
    expect(await bed.row(taskId)).not.toHaveProperty('message');
    expect(bed.published()).toEqual(outcomes(ended));
  });
});

describe('a list that is not to be trusted', () => {
  const spread = (count: number) => bed.addEnded(count, at => ({ startTimeMs: Date.now() - 10 * MINUTE - at * 1_000 }));

  test('a refused token is a lost cursor: the sweep starts again from the top and passes over what it has done', async () => {
    bed = await openBed({ headPageSize: 20 });
    await bed.run('poll', { clockOffsetMs: -HOUR });
    const ended = spread(100);
    bed.partnerCentral.calls.reset();
    bed.partnerCentral.intercept = onlyCall(
      3,
      errorAnswer('ValidationException', 400, {
        Reason: 'REQUEST_VALIDATION_FAILED',
        ErrorList: [{ FieldName: 'NextToken', Message: 'expired', Code: 'INVALID' }],
      }),
    );
    expect(await bed.run()).toMatchObject({ outcome: 'partial', lostCursors: 1 });
    const line = bed.logs.find(log => log.includes('refused a page token')) as string;
    expect(JSON.parse(line)).toMatchObject({
      reason: 'REQUEST_VALIDATION_FAILED',
      errorList: [{ FieldName: 'NextToken' }],
    });
    bed.partnerCentral.intercept = undefined;
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('a repeated token cuts the sweep and does not finish it; where that goes on, somebody is told', async () => {
    bed = await openBed({ headPageSize: 20, backlogPageSize: 20 });
    await bed.run('poll', { clockOffsetMs: -HOUR });
    const ended = spread(100);
    let token: unknown;
    bed.partnerCentral.tamper = (_, output) => {
      token ??= output.NextToken;
      return { ...output, NextToken: token };
    };
    const first = await bed.run();
    expect(first).toMatchObject({ outcome: 'partial' });
    expect(first.repeatedTokens).toBeGreaterThan(0);
    const stuck: number[] = [];
    for (let runs = 0; runs < 2; runs += 1) {
      token = undefined;
      stuck.push((await bed.run()).stuckGaps ?? 0);
    }
    expect(stuck.at(-1)).toBeGreaterThan(0);
    bed.partnerCentral.tamper = undefined;
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
  });

  test('a page out of order sends the sweep to the end of the list, once between two audits', async () => {
    bed = await openBed();
    bed.store.addHistory({ count: 3_000, newestAt: Date.now() - HOUR, spacingMs: MINUTE });
    await bed.run('poll', { clockOffsetMs: -HOUR / 2 });
    const ended = spread(50);
    // An old entry where the newest belong: by itself it would end the sweep.
    let answers = 0;
    bed.partnerCentral.tamper = (_, output) => {
      answers += 1;
      return answers > 1 ? output : { ...output, TaskSummaries: (output.TaskSummaries as object[]).toReversed() };
    };
    expect(await bed.run()).toMatchObject({ outOfOrder: 1 });
    await bed.runUntilQuiet();
    expect(bed.published()).toEqual(outcomes(ended));
    answers = 0;
    bed.takeCalls();
    expect(await bed.run()).toMatchObject({ outOfOrder: 1 });
    expect(bed.takeCalls().list).toBeLessThanOrEqual(2);
  });

  test('cursors that another page size or filter made are dropped, and nothing is lost', async () => {
    bed = await openBed({ headPageSize: 20, maxListCallsPerRun: 10 });
    await bed.run('poll', { clockOffsetMs: -HOUR });
    const ended = spread(400);
    expect(await bed.run()).toMatchObject({ gaps: 1 });
    const other = bed.anotherPoller({ headPageSize: 30, backlogPageSize: 70 });
    for (let runs = 0; runs < 10; runs += 1) await other.invoke({ mode: 'poll' });
    expect(bed.published()).toEqual(outcomes(ended));
  });
});

describe('what the function takes and tells', () => {
  test.each([
    [undefined],
    [null],
    [{}],
    [{ mode: 'sweep' }],
    [{ mode: 'poll', extra: 1 }],
    ['poll'],
    [[]],
    [{ version: '0', 'detail-type': 'Scheduled Event' }],
  ])('fails when the input is %j', async input => {
    bed = await openBed();
    const { error } = await bed.poller.invoke(input ?? null);
    expect(error).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('allowed: {"mode":"poll"} or {"mode":"audit"}'),
    });
    expect(bed.partnerCentral.calls.total).toBe(0);
  });

  test('fails when the environment is not what the stack sets, naming every bad key', async () => {
    bed = await openBed();
    const { error } = await bed
      .anotherPoller({ catalog: 'Prod', maxEventsPerRun: 5, extra: true })
      .invoke({ mode: 'poll' });
    expect(error?.message).toMatch(
      /catalog: got "Prod", allowed: AWS or Sandbox[\s\S]*maxEventsPerRun: got 5, allowed: a whole number[\s\S]*extra: unknown key/,
    );
  });

  test('a run is one line in the log, with its counts and ids and without a message', async () => {
    bed = await openBed();
    await bed.run();
    const task = bed.store.add({
      status: 'FAILED',
      reasonCode: 'InternalError',
      message: 'the customer said something private',
    });
    bed.logs.length = 0;
    const summary = await bed.run();
    const lines = bed.logs.filter(log => !log.includes('"_aws"'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
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
    expect(bed.logs.join()).not.toContain('private');
    expect(bed.eventBridge.events[0]?.detail).toMatchObject({
      taskId: task.taskId,
      message: expect.stringContaining('private'),
    });
  });

  test('includeMessage: false keeps the message out of event, table and log', async () => {
    bed = await openBed({ includeMessage: false });
    await bed.run();
    bed.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'something private' });
    await bed.run();
    expect(bed.eventBridge.events).toHaveLength(1);
    expect(JSON.stringify([bed.eventBridge.events, await bed.items(), bed.logs])).not.toContain('private');
    expect((await bed.deliverAlerts()).map(({ message }) => message).join()).not.toContain('private');
  });

  test('no credential and no session token is ever logged, not even of a failed request', async () => {
    bed = await openBed();
    bed.partnerCentral.intercept = always(errorAnswer('AccessDeniedException', 403));
    await bed.poll();
    bed.partnerCentral.intercept = always({ when: 'before', how: { status: 500, body: 'boom' } });
    await bed.poll();
    expect(bed.logs.length).toBeGreaterThan(1);
    expect(bed.logs.join()).not.toMatch(/AWS4-HMAC|Signature=|[Ss]ecret|security-token/);
  });

  test('only the heartbeat is a metric of a quiet run', async () => {
    bed = await openBed();
    await bed.run();
    const metrics = () => bed.logs.splice(0).flatMap(log => (log.includes('"_aws"') ? [JSON.parse(log)] : []));
    metrics();
    await bed.run();
    expect(metrics()).toEqual([expect.objectContaining({ CompleteRuns: 1, service: 'PartnerCentralTaskPoller' })]);
    bed.store.add({ status: 'FAILED', reasonCode: 'InternalError', message: 'm' });
    await bed.run();
    expect(metrics()[0]).toMatchObject({ CompleteRuns: 1, TasksFailed: 1 });
    bed.partnerCentral.intercept = always({ when: 'before', how: 'reset' });
    await bed.run();
    expect(metrics()).toEqual([]);
    expect(bed.logs.splice(0).filter(line => !line.startsWith('{'))).toEqual([]);
  });
});
