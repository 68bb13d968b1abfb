import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { type Auditing, audit } from '../../cli/commands/audit/audit';
import { taskKey } from '../../lambdas/poller/edges/row-item';
import type { LeasedCheckpoint } from '../../lambdas/poller/edges/table-reader';
import type { Summary } from '../../lambdas/poller/run';
import { sourceId } from '../../lambdas/source-id';
import { ago, DAY, HOUR } from '../durations';
import { openTestStack, type TestStack } from '../integration/test-stack';
import { openCommandLine, testCredentials } from './command-line';

const commandLine = openCommandLine();
let stack: TestStack;
beforeAll(async () => {
  stack = await openTestStack({ emitSince: ago(3 * HOUR) });
});
afterAll(async () => {
  commandLine.close();
  await stack.close();
});

async function forget(taskId: string) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: stack.dynamoDb.url, region: 'us-east-1', credentials });
  const Key = marshall(taskKey(sourceId(stack), taskId));
  await client.send(new DeleteItemCommand({ TableName: stack.tableName, Key }));
  client.destroy();
}

test('an audit reports tasks that the polls missed, once', async () => {
  const [task] = stack.addEnded(5, () => ({ startTimeMs: Date.now() - HOUR }));
  await stack.runUntilQuiet();
  await forget(task?.taskId as string);
  stack.eventBridge.clear();

  const found = await commandLine.run(['audit'], { ...testCredentials, ...stack.endpoints });
  const clean = await commandLine.run(['audit', '--json', '--local'], commandLine.announce('local', stack.endpoints));

  expect([found.code, found.err]).toEqual([1, '']);
  expect(found.out).toContain('1 finished task had been overlooked by the polls. Its event is published now');
  expect(stack.published()).toEqual([`${task?.taskId} ${task?.status}`]);
  expect([clean.code, clean.err]).toEqual([0, '']);
  expect(JSON.parse(clean.out)).toMatchObject({
    source: 'Sandbox/OpportunityFromEngagement',
    drift: 0,
    published: 0,
    runs: 1,
    othersTookPart: false,
  });
});

describe('an audit of several runs', () => {
  const run = (runId: string, more: Partial<Summary> = {}) =>
    ({ outcome: 'complete', pages: 1, tasks: 10, listCalls: 1, published: 0, drift: 0, runId, ...more }) as Summary;
  /** Each run, and the checkpoint after it. */
  const going = (steps: [Summary, Partial<LeasedCheckpoint>][], more: Partial<Auditing> = {}) => {
    let kept: Partial<LeasedCheckpoint> = {};
    const modes: string[] = [];
    const context = { now: () => 0, progress: () => {}, signal: new AbortController().signal };
    const result = audit({
      async invoke(mode) {
        modes.push(mode);
        const [summary, after] = steps.shift() as [Summary, Partial<LeasedCheckpoint>];
        kept = { auditRequestedAt: 5, ...after };
        return summary;
      },
      checkpoint: async () => kept as LeasedCheckpoint,
      timeoutMs: 1,
      pauseMs: 0,
      context,
      ...more,
    });
    return { result, modes };
  };

  test('is finished when its checkpoint says so, and prints the sums', async () => {
    const { result, modes } = going([
      [run('a', { drift: 1, published: 2 }), { auditedAt: 4, leaseOwner: 'a' }],
      [run('b', { outcome: 'partial' }), { auditedAt: 4, leaseOwner: 'b' }],
      [run('c', { drift: 1, published: 1 }), { auditedAt: 5, leaseOwner: 'c' }],
    ]);
    expect(await result).toMatchObject({ runs: 3, tasks: 30, drift: 2, published: 3, othersTookPart: false });
    expect(modes).toEqual(['audit', 'poll', 'poll']);
  });

  test('waits for another run, and says so', async () => {
    const { result } = going([
      [run('a', { outcome: 'skipped' }), { leaseOwner: 'x' }],
      [run('b'), { auditedAt: 6, leaseOwner: 'b' }],
    ]);
    expect(await result).toMatchObject({ runs: 1, othersTookPart: true });
  });

  test('fails when it takes too long, and says that it continues', async () => {
    const { result } = going([[run('a'), { auditedAt: 4, leaseOwner: 'a' }]], { timeoutMs: 0 });
    await expect(result).rejects.toThrow(/^The audit is not over after 1 run and 10 tasks; it goes on by itself/);
  });

  test("invokes again if no request was recorded: yesterday's audit does not count", async () => {
    let kept = { auditRequestedAt: 9 * DAY, auditedAt: 9 * DAY + 1, leaseOwner: 'yesterday' };
    const modes: string[] = [];
    const audited = await audit({
      async invoke(mode) {
        modes.push(mode);
        const runId = `run-${modes.length}`;
        if (modes.length === 1) return run(runId, { outcome: 'partial' }); // its request was not recorded
        if (modes.length === 2) kept = { ...kept, auditRequestedAt: 10 * DAY, leaseOwner: runId };
        if (modes.length === 3) kept = { ...kept, auditedAt: 10 * DAY + 2, leaseOwner: runId };
        return run(runId);
      },
      checkpoint: async () => kept as never,
      timeoutMs: DAY,
      pauseMs: 0,
      context: { now: () => 10 * DAY, progress: () => {}, signal: new AbortController().signal },
    });
    expect(modes).toEqual(['audit', 'audit', 'poll']);
    expect(audited).toMatchObject({ requestedAt: 10 * DAY, auditedAt: 10 * DAY + 2, runs: 3, tasks: 30, drift: 0 });
  });
});
