/** Overlapping and dead runs, wrong clocks, deadlines, audits, and changed settings. */

import type { Summary } from '../../../lambdas/poller/run';
import type { InvokeOptions } from '../../../local/services/function-host';
import { ago, DAY, HOUR, MINUTE } from '../../durations';
import { isOverHttp, outcomes } from '../../engine-stack';
import { errorAnswer } from '../../faults';
import { always, endedSinceFirstRun, faultMatrix, holdFirst, type Row } from './matrix';

/** Holds the run with the lease until the others have ended. */
const runsAtOnce = (count: number, how: InvokeOptions = {}): Row => ({
  play: async stack => {
    const ended = await endedSinceFirstRun(stack, 20);
    const { release } = holdFirst(stack.partnerCentral);
    stack.takeCalls();
    const pollers = [stack.poller, ...Array.from({ length: count - 1 }, () => stack.anotherPoller())];
    const done: Summary[] = [];
    await Promise.all(
      pollers.map(async poller => {
        done.push(await stack.run('poll', how, poller));
        if (done.length === count - 1) release();
      }),
    );
    expect(done.map(({ outcome }) => outcome)).toEqual([...Array(count - 1).fill('skipped'), 'complete']);
    expect(done.map(({ listCalls }) => listCalls)).toEqual([...Array(count - 1).fill(0), 1]);
    return outcomes(ended);
  },
});

/** Runs from an audit on until nothing is left to do. Can request more audits. */
async function auditUntilQuiet(run: (mode: 'poll' | 'audit') => Promise<Summary>, then: 'poll' | 'audit' = 'poll') {
  const runs = [await run('audit')];
  while (runs.at(-1)?.gaps && runs.length < 30) runs.push(await run(then));
  return runs;
}
const driftOf = (runs: readonly Summary[]) => runs.reduce((sum, { drift }) => sum + drift, 0);

faultMatrix({
  'two runs at once': runsAtOnce(2),
  'five runs at once': runsAtOnce(5),
  'the same event delivered twice': runsAtOnce(2, { requestId: '6752a8ee-657e-4906-854d-1becaa7b1917' }),

  'a lease left by a dead run': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      const { arrived } = holdFirst(stack.partnerCentral);
      const dead = stack.poll();
      await arrived;
      await stack.poller.kill();
      expect((await dead).error?.name).toBe('ProcessDied');
      expect(await stack.run()).toMatchObject({ outcome: 'skipped' });
      expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({
        outcome: 'complete',
        published: 20,
      });
      return outcomes(ended);
    },
  },

  'a clock that is set back an hour': {
    play: async stack => {
      const [running] = stack.addRunning(1, 2 * HOUR);
      await stack.run();
      const first = stack.addEnded(3);
      expect(await stack.run('poll', { clockOffsetMs: HOUR })).toMatchObject({ outcome: 'complete', published: 3 });
      // The run died with a lease that lasts an hour.
      const { arrived } = holdFirst(stack.partnerCentral);
      const dead = stack.poll('poll', { clockOffsetMs: HOUR });
      await arrived;
      await stack.poller.kill();
      await dead;
      const second = stack.addEnded(3);
      stack.store.end(running?.taskId as string, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 4 });
      return outcomes([...first, ...second, { taskId: running?.taskId as string, status: 'COMPLETE' }]);
    },
  },

  'an audit requested during a poll': {
    settings: { emitSince: ago(DAY) },
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      const late = stack.addEnded(1, () => ({ startTimeMs: Date.now() - 3 * HOUR }));
      const { arrived, release } = holdFirst(stack.partnerCentral);
      const poll = stack.run();
      await arrived;
      expect(await stack.run('audit', {}, stack.anotherPoller())).toMatchObject({ outcome: 'skipped' });
      release();
      expect(await poll).toMatchObject({ outcome: 'complete', published: 20, drift: 0 });
      // The next run audits. Tasks found by the poll are no drift, tasks it could not find are.
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 1, drift: 1 });
      return outcomes([...ended, ...late]);
    },
  },

  'an audit requested during a backfill': {
    settings: { emitSince: ago(2 * DAY), maxEventsPerRun: 60, headPageSize: 20, backlogPageSize: 20 },
    play: async stack => {
      const past = stack.addEnded(250, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
      expect(await stack.run()).toMatchObject({ gaps: 1 });
      const runs = await auditUntilQuiet(mode => stack.run(mode));
      expect(runs.length).toBeGreaterThan(3);
      expect(driftOf(runs)).toBe(0);
      return outcomes(past);
    },
  },

  'an audit requested during another audit': {
    settings: { emitSince: ago(2 * DAY), maxListCallsPerRun: 10, headPageSize: 10, backlogPageSize: 10 },
    play: async stack => {
      const past = stack.addEnded(300, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
      await stack.runUntilQuiet();
      const [late] = stack.addEnded(1, () => ({ startTimeMs: Date.now() - DAY - HOUR }));
      const runs = await auditUntilQuiet(mode => stack.run(mode), 'audit');
      expect(runs.length).toBeGreaterThanOrEqual(3);
      expect(runs.map(({ gaps }) => gaps)).toEqual([...Array(runs.length - 1).fill(1), 0]);
      expect(driftOf(runs)).toBe(1);
      return outcomes([...past, late as never]);
    },
  },

  'a burst above the event budget in every tenth poll of a backfill': {
    settings: {
      emitSince: ago(2 * DAY),
      headPageSize: 20,
      backlogPageSize: 20,
      maxListCallsPerRun: 10,
      maxEventsPerRun: 30,
    },
    play: async stack => {
      const past = stack.addEnded(300, at => ({ startTimeMs: Date.now() - DAY - at * 1_000 }));
      const pastLines = outcomes(past);
      const fresh: typeof past = [];
      let left = past.length;
      let polls = 0;
      for (; left > 0; polls += 1) {
        if (polls % 10 === 1) fresh.push(...stack.addEnded(70));
        expect((await stack.run()).published).toBeLessThanOrEqual(30);
        const published = new Set(stack.published());
        const leftBefore = left;
        left = pastLines.filter(line => !published.has(line)).length;
        expect(left).toBeLessThan(leftBefore); // the burst uses only its share of a poll
      }
      expect(fresh).toHaveLength(140);
      // The number of polls for so many events at thirty a poll, and a few more.
      expect(polls).toBeLessThanOrEqual((300 + 140) / 30 + 4);
      return outcomes([...past, ...fresh]);
    },
  },

  'retention changed between polls': {
    settings: { emitSince: ago(20 * DAY), retentionDays: 1 },
    play: async stack => {
      const past = stack.addEnded(10, at => ({ startTimeMs: Date.now() - 10 * DAY - at * 1_000 }));
      expect(await stack.run()).toMatchObject({ published: 10 });
      await stack.run();
      await stack.expireRows();
      // A longer retention covers forgotten tasks, which must not count as new.
      const longer = stack.anotherPoller({ retentionDays: 90 });
      expect(await stack.run('audit', {}, longer)).toMatchObject({ outcome: 'complete', published: 0, drift: 0 });
      const fresh = stack.addEnded(5);
      expect(await stack.run('poll', {}, longer)).toMatchObject({ published: 5 });
      expect(await stack.run('audit')).toMatchObject({ outcome: 'complete', published: 0, drift: 0 });
      return outcomes([...past, ...fresh]);
    },
  },

  'filters changed between polls': {
    settings: { engagementIdentifiers: ['eng-00000000000001'] },
    play: async stack => {
      const engagement = (number: number) => ({ engagementId: `eng-0000000000000${number}` });
      const ours = await endedSinceFirstRun(stack, 3, engagement(1));
      const others = stack.addEnded(3, at => ({ startTimeMs: Date.now() - 15 * MINUTE - at, ...engagement(2) }));
      const running = stack.store.add({ ...engagement(2), startTimeMs: Date.now() - 9 * DAY });
      expect(await stack.run()).toMatchObject({ published: 3, unsettled: 0 });

      // Wider filters publish newly shown tasks as events, not as drift, and learn long-running tasks.
      const wider = stack.anotherPoller({ engagementIdentifiers: undefined });
      const audited = await stack.run('audit', {}, wider);
      expect(audited).toMatchObject({ outcome: 'complete', published: 3, drift: 0, unsettled: 1 });
      // After narrower filters, tasks seen running are still watched.
      stack.store.end(running.taskId, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 1, drift: 0 });
      return outcomes([...ours, ...others, { ...running, status: 'COMPLETE' }]);
    },
  },

  'a deadline of 2 seconds with thousands of pending tasks': {
    settings: { emitSince: ago(2 * DAY), maxEventsPerRun: isOverHttp ? 10_000 : 2_500 },
    play: async stack => {
      stack.store.addHistory({
        count: isOverHttp ? 20_000 : 4_000,
        newestAt: Date.now() - HOUR,
        oldestAt: Date.now() - DAY,
      });
      const runs: Summary[] = [];
      do runs.push(await stack.run('poll', { timeoutMs: 2_000 }));
      while (runs.at(-1)?.gaps && runs.length < 100);
      expect(runs.length).toBeGreaterThan(1);
      expect(runs.slice(0, -1).filter(({ published }) => published === 0)).toEqual([]); // each makes progress
      return outcomes(stack.store.tasks());
    },
  },

  'AccessDenied until the permission is restored': {
    over: 'HTTP',
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      for (const service of [stack.partnerCentral, stack.eventBridge, stack.dynamoDb]) {
        service.intercept = always(errorAnswer('AccessDeniedException'));
        for (let polls = 0; polls < 2; polls += 1) {
          expect((await stack.poll()).error).toMatchObject({
            name: 'PermanentFailure',
            message: expect.stringContaining("Let the function's role use"),
          });
        }
        service.intercept = undefined;
      }
      expect(stack.published()).toEqual([]);
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 20 });
      return outcomes(ended);
    },
  },
});
