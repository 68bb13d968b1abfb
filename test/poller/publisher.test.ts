/** The publisher's handling of EventBridge's answers. */
import { openBudget } from '../../lambdas/poller/budget';
import type { FinishedTask } from '../../lambdas/poller/core/pending-event';
import type { TaskRow } from '../../lambdas/poller/core/task-row';
import { RequestRefused } from '../../lambdas/poller/errors';
import type { EntryOutcome, EventBus } from '../../lambdas/poller/ports';
import { openPublisher } from '../../lambdas/poller/publisher';

const frame = {
  catalog: 'Sandbox',
  taskFamily: 'OpportunityFromEngagement',
  runId: 'run',
  includeMessage: true,
  eventSource: 'test',
  eventBusName: 'bus',
  stalledAfterMinutes: 60,
};

const ended = (number: number): FinishedTask => ({
  what: 'ended',
  attempts: 0,
  isDrift: false,
  row: {
    taskId: `task-${number}`,
    status: 'FAILED',
    settled: true,
    publishedStatuses: new Set(['FAILED']),
    firstSeenAt: 0,
    lastSeenAt: 0,
    firstTerminalAt: 1,
  },
});
const all = (count: number) => Array.from({ length: count }, (_, at) => ended(at));

/** @param put the bus's results for the details of a call's entries */
function open(put: (details: string[]) => EntryOutcome[] | Error, events = 1_000) {
  const calls: number[] = [];
  const recorded: TaskRow[] = [];
  const bus: EventBus = {
    async put(entries) {
      calls.push(entries.length);
      const answer = put(entries.map(({ Detail }) => Detail));
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const skipPause = async () => undefined;
  const limits = { listCalls: 1, listCallsPerSecond: 1, events, sleep: skipPause };
  const budget = openBudget({ now: () => 0, deadline: 60_000, ...limits });
  const publisher = openPublisher({
    bus,
    budget,
    frame,
    now: () => 0,
    async record(rows) {
      recorded.push(...rows);
      return { lost: [] };
    },
    tryRecord: async () => ({ lost: [] }),
    recordsAreInDoubt: false,
    onDone: () => undefined,
  });
  return { publisher, budget, calls, recorded };
}

const accepted = (details: readonly string[]): EntryOutcome[] => details.map(() => ({ became: 'accepted' }));
const refused = (details: readonly string[], code: string): EntryOutcome[] =>
  details.map(() => ({ became: 'refused', code }));
const notNow = (details: readonly string[]): EntryOutcome[] =>
  details.map(() => ({ became: 'retryable', code: 'InternalFailure' }));

test("refused entries use the event budget too, so a run's refusals are bounded", async () => {
  const { publisher, budget, calls } = open(details => refused(details, 'MalformedDetail'), 10);
  expect(await publisher.publish(all(25), budget.whole)).toBe(false);
  expect(calls).toEqual([10]);
});

test('halves a refused call until one entry is alone; later calls are full again', async () => {
  const refusal = new RequestRefused('ValidationException', 'no', undefined, undefined, 'Report it', {});
  const { publisher, budget, calls, recorded } = open(details =>
    details.some(detail => detail.includes('"task-0"')) ? refusal : accepted(details),
  );
  expect(await publisher.publish(all(30), budget.whole)).toBe(true);
  expect(calls).toEqual([10, 5, 3, 2, 1, 10, 10, 9]);
  expect(recorded.filter(({ settled }) => !settled)).toMatchObject([
    { taskId: 'task-0', lastError: 'ValidationException', publishAttempts: 1 },
  ]);
});

describe('entries abandoned while no entry succeeded', () => {
  const giveUpFirst = async () => {
    const opened = open(details => (details[0]?.includes('"task-0"') ? notNow(details) : accepted(details)));
    const { publisher, budget } = opened;
    expect(await publisher.publish([ended(0)], budget.whole)).toBe(false);
    expect(publisher.abandonedFor()).toBe('InternalFailure');
    return opened;
  };

  test('are not quarantined while no entry succeeds', async () => {
    const { publisher, recorded } = await giveUpFirst();
    await publisher.quarantineAbandoned(() => false);
    expect(recorded).toEqual([]);
  });

  test('are quarantined once an entry succeeds', async () => {
    const { publisher, budget, recorded } = await giveUpFirst();
    await publisher.publish([ended(1)], budget.whole);
    await publisher.quarantineAbandoned(() => false);
    expect(recorded).toMatchObject([
      { taskId: 'task-1', settled: true },
      { taskId: 'task-0', settled: false, lastError: 'InternalFailure' },
    ]);
  });

  test('are unchanged if the run has processed them since', async () => {
    const { publisher, budget, recorded } = await giveUpFirst();
    await publisher.publish([ended(1)], budget.whole);
    await publisher.quarantineAbandoned(taskId => taskId === 'task-0');
    expect(recorded.map(({ taskId }) => taskId)).toEqual(['task-1']);
  });
});
