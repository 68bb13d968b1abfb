/**
 * The process is killed at each request that a run makes, once before the service acts on it and once after it acted
 * but before the answer comes; then it is started again until all is quiet.
 */
import type { Call, Fault } from '../../local/service';
import { type Bed, DAY, HOUR, MINUTE, openBed, outcomes } from './bed';

interface Scenario {
  readonly settings?: Record<string, unknown>;
  /** Prepares what the run under test will meet, and says what must be published in the end. */
  readonly prepare: (bed: Bed) => Promise<string[]>;
}

const scenarios: Record<string, Scenario> = {
  'a first run with a backfill': {
    settings: { emitSince: new Date(Date.now() - DAY).toISOString(), headPageSize: 10 },
    prepare: async bed => {
      bed.addRunning(3, HOUR);
      bed.addEnded(4, () => ({ startTimeMs: Date.now() - 2 * DAY }));
      return outcomes(bed.addEnded(14, at => ({ startTimeMs: Date.now() - HOUR - at * MINUTE })));
    },
  },
  'an audit with drift and a gap that is open': {
    settings: { emitSince: new Date(Date.now() - DAY).toISOString(), backlogPageSize: 10 },
    prepare: async bed => {
      await bed.run();
      const overlooked = bed.addEnded(14, at => ({ startTimeMs: Date.now() - HOUR - at * MINUTE }));
      const floor = new Date(Date.now() - 2 * HOUR).toISOString();
      const gap = { madeAt: floor, floor, news: { emissionFloor: floor } };
      await bed.putItem({ ...(await bed.checkpoint()), auditRequestedAt: new Date().toISOString(), gaps: [gap] });
      return outcomes(overlooked);
    },
  },
  'new endings over several batches, and some among many that were running': {
    prepare: async bed => {
      const running = bed.addRunning(15, HOUR);
      await bed.run();
      const fresh = bed.addEnded(12);
      const old = running.filter((_, at) => at % 3 === 0).map(({ taskId }) => bed.store.end(taskId, 'COMPLETE'));
      return outcomes([...fresh, ...old]);
    },
  },
};

const services = (bed: Bed) => [bed.partnerCentral, bed.dynamoDb, bed.eventBridge];

function interceptAll(bed: Bed, intercept: ((call: Call) => Fault | undefined) | undefined): void {
  for (const service of services(bed)) service.intercept = intercept;
}

/** Kills the process at its request number `at`. @returns what it was doing, or undefined when it made fewer requests */
async function runAndKill(bed: Bed, at: number, when: 'before' | 'after'): Promise<string | undefined> {
  let requests = 0;
  let doing: string | undefined;
  let killed: Promise<void> | undefined;
  interceptAll(bed, call => {
    if (requests++ !== at) return undefined;
    doing = call.operation;
    // The service acts in between, if it is to act at all.
    killed = new Promise<void>(resolve => setTimeout(resolve, 60)).then(() => bed.poller.kill());
    return { when, how: 'hang' };
  });
  const { error } = await bed.poll();
  await killed;
  interceptAll(bed, undefined);
  expect(error?.name).toBe(doing && 'ProcessDied');
  return doing;
}

describe.each(Object.entries(scenarios))('killed during %s', (_name, { settings, prepare }) => {
  test.each(['before', 'after'] as const)(
    '%s each request: nothing lost, and a repeat has the same id',
    async when => {
      const killedAt: string[] = [];
      for (let at = 0; ; at += 1) {
        const bed = await openBed(settings);
        try {
          const expected = await prepare(bed);
          const doing = await runAndKill(bed, at, when);
          if (doing === undefined) break;
          killedAt.push(doing);
          // The dead run's lease has to end first.
          for (let runs = 0; runs < 3; runs += 1) await bed.run('poll', { clockOffsetMs: 2 * MINUTE });

          const published = bed.published();
          expect([...new Set(published)]).toEqual(expected);
          const repeats = published.length - expected.length;
          const endedBetween =
            when === 'after' ? doing === 'PutEvents' || doing === 'BatchWriteItem' : doing === 'BatchWriteItem';
          expect(repeats).toBeLessThanOrEqual(endedBetween ? 10 : 0);
          expect(new Set(bed.eventBridge.events.map(({ detail }) => detail.eventId)).size).toBe(expected.length);
          expect(await bed.checkpoint()).toMatchObject({ leaseExpiresAtMs: 0, gaps: [] });
        } finally {
          await bed.close();
        }
      }
      expect(new Set(killedAt)).toEqual(
        new Set([
          'UpdateItem',
          'ListOpportunityFromEngagementTasks',
          'BatchGetItem',
          'PutEvents',
          'BatchWriteItem',
          'Query',
        ]),
      );
      expect(killedAt.length).toBeGreaterThan(10);
    },
    180_000,
  );
});
