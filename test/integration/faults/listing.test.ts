/** Faults of Partner Central: failing calls and unusable answers. */
import type { InvokeOptions } from '../../../local/services/function-host';
import type { Fault } from '../../../local/services/service';
import type { Task } from '../../../local/services/task-store';
import { HOUR, MINUTE } from '../../durations';
import { outcomes } from '../../engine-stack';
import { errorAnswer } from '../../faults';
import { always, endedSinceFirstRun, faultMatrix, type Row, someCalls, takesTime } from './matrix';

const smallPages = { headPageSize: 20, backlogPageSize: 20 };

/** Each poll makes progress during the fault. */
const throttled = (share: number, tasks: number, mostRuns: number): Row => ({
  settings: { headPageSize: 5, backlogPageSize: 5 },
  play: async stack => {
    const ended = await endedSinceFirstRun(stack, tasks);
    const { intercept, failed } = someCalls(share, errorAnswer('ThrottlingException', 429));
    stack.takeCalls();
    stack.partnerCentral.intercept = intercept;
    let listCalls = 0;
    for (let runs = 0; runs < mostRuns && stack.eventBridge.events.length < tasks; runs += 1) {
      listCalls += (await stack.run()).listCalls;
    }
    expect(stack.published()).toEqual(outcomes(ended));
    expect(failed()).toBeGreaterThan(0);
    expect(listCalls).toBe(stack.takeCalls().list); // refused calls are counted too
    return outcomes(ended);
  },
});

/** First on every call, which must not lose the position; then on every page but the first, which must leave a gap. */
const broken = (fault: Fault, how?: InvokeOptions): Row => ({
  settings: smallPages,
  over: takesTime(fault) ? 'HTTP' : undefined,
  play: async stack => {
    const ended = await endedSinceFirstRun(stack, 50);
    const before = await stack.checkpoint();
    stack.partnerCentral.intercept = always(fault);
    expect(await stack.run('poll', how)).toMatchObject({ outcome: 'partial', published: 0 });
    expect(await stack.checkpoint()).toMatchObject({ watermark: before?.watermark, gaps: [], leaseExpiresAtMs: 0 });
    stack.partnerCentral.intercept = ({ input }) => (input.NextToken ? fault : undefined);
    expect(await stack.run('poll', how)).toMatchObject({ outcome: 'partial', published: 20, gaps: 1 });
    return outcomes(ended);
  },
});
const answer = (status: number, body: string): Fault => ({ when: 'before', how: { status, body } });

/** The sweep starts again from the top and skips the pages that are done. */
const lostCursor = (refusal: Fault): Row => ({
  settings: smallPages,
  play: async stack => {
    const ended = await endedSinceFirstRun(stack, 100);
    let pages = 0;
    stack.partnerCentral.intercept = () => (pages++ === 3 ? refusal : undefined);
    expect(await stack.run()).toMatchObject({ outcome: 'partial', lostCursors: 1, gaps: 0, published: 100 });
    const line = stack.logs.find(log => log.includes('refused a page token')) as string;
    expect(JSON.parse(line)).toMatchObject({ reason: 'ON_PURPOSE', errorList: [{ FieldName: 'NextToken' }] });
    return outcomes(ended);
  },
});
const aboutTheToken = { Reason: 'ON_PURPOSE', ErrorList: [{ FieldName: 'NextToken', Message: 'no', Code: 'INVALID' }] };

faultMatrix({
  'throttling at 10 % of List calls': throttled(0.1, 60, 1),
  'throttling at 30 % of List calls': throttled(0.3, 60, 3),
  'throttling at 90 % of List calls': throttled(0.9, 10, 20),
  'throttling with status 400, as documented': broken(errorAnswer('ThrottlingException', 400)),
  '500s': broken(errorAnswer('InternalServerException', 500)),
  '503s that are no JSON': broken(answer(503, '<html>busy</html>')),
  'hung sockets': broken({ when: 'before', how: 'hang' }, { timeoutMs: 4_000 }),
  'expired signatures': broken(
    errorAnswer('InvalidSignatureException', 403, {
      message: 'Signature expired: 20261122T000000Z is now earlier than 20261122T000500Z (20261122T001000Z - 5 min.)',
    }),
  ),
  resets: broken({ when: 'before', how: 'reset' }),
  'truncated bodies': broken({ when: 'after', how: 'truncate' }),
  'invalid bodies: empty': broken(answer(200, '')),
  'invalid bodies: no JSON': broken(answer(200, '<html>fine</html>')),
  'invalid bodies: a list': broken(answer(200, '[]')),
  'invalid bodies: an error under HTTP 200': broken(
    answer(200, '{"__type":"com.amazonaws#InternalFailure","message":null}'),
  ),
  'invalid bodies: an object without a list': broken(answer(200, '{}')),
  'invalid bodies: summaries that are no list': broken(answer(200, '{"TaskSummaries":{"0":{}}}')),
  "answers to List after the client's timeout": {
    ...broken({ when: 'after', how: { delayMs: 6_000 } }, { timeoutMs: 3_000 }),
    waits: true,
  },

  'a page out of order': {
    play: async stack => {
      stack.store.addHistory({ count: 2_000, newestAt: Date.now() - 2 * HOUR, spacingMs: MINUTE });
      const ended = await endedSinceFirstRun(stack, 150);
      const [oldest] = stack.store.tasks();
      // An old entry at the top would end the sweep on its first page if one entry sufficed.
      let answers = 0;
      stack.partnerCentral.tamper = (_, output) => {
        answers += 1;
        const summaries = output.TaskSummaries as object[];
        const { taskId: TaskId, startTimeMs } = oldest as Task;
        const misplaced = { ...summaries[0], TaskId, StartTime: new Date(startTimeMs).toISOString() };
        return answers > 1 ? output : { ...output, TaskSummaries: [misplaced, ...summaries] };
      };
      expect(await stack.run()).toMatchObject({ outOfOrder: 1 });
      await stack.runUntilQuiet();
      expect(stack.published()).toEqual(outcomes(ended));
      // A sweep to the end happens at most once between two audits.
      answers = 0;
      stack.takeCalls();
      expect(await stack.run()).toMatchObject({ outOfOrder: 1 });
      expect(stack.takeCalls().list).toBeLessThanOrEqual(2);
      return outcomes(ended);
    },
  },

  'a repeated token': {
    settings: smallPages,
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 100);
      let token: unknown;
      stack.partnerCentral.tamper = (_, output) => {
        token ??= output.NextToken;
        return { ...output, NextToken: token };
      };
      const first = await stack.run();
      expect(first).toMatchObject({ outcome: 'partial' });
      expect(first.repeatedTokens).toBeGreaterThan(0);
      const stuck: number[] = [];
      for (let runs = 0; runs < 2; runs += 1) {
        token = undefined;
        stuck.push((await stack.run()).stuckGaps ?? 0);
      }
      expect(stuck.at(-1)).toBeGreaterThan(0); // a metric reports it
      return outcomes(ended);
    },
  },

  'an expired cursor': lostCursor(errorAnswer('ResourceNotFoundException', 404, aboutTheToken)),
  'a rejected cursor': lostCursor(errorAnswer('ValidationException', 400, aboutTheToken)),

  'cursors that die between polls': {
    settings: { ...smallPages, maxEventsPerRun: 60 },
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 200);
      let alive = new Set<unknown>();
      stack.partnerCentral.tamper = (_, output) => {
        alive.add(output.NextToken);
        return output;
      };
      stack.partnerCentral.intercept = ({ input }) =>
        input.NextToken && !alive.has(input.NextToken) ? errorAnswer('ValidationException') : undefined;
      const runs = [];
      do {
        alive = new Set();
        runs.push(await stack.run());
      } while (runs.at(-1)?.gaps && runs.length < 20);
      expect(runs.reduce((sum, { lostCursors = 0 }) => sum + lostCursors, 0)).toBeGreaterThan(2);
      expect(runs.filter(({ stuckGaps }) => stuckGaps)).toEqual([]);
      expect(stack.published()).toEqual(outcomes(ended));
      return outcomes(ended);
    },
  },

  'page sizes changed between polls': {
    settings: { headPageSize: 20, maxListCallsPerRun: 10 },
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 400);
      expect(await stack.run()).toMatchObject({ gaps: 1 });
      const other = stack.anotherPoller({ headPageSize: 30, backlogPageSize: 70 });
      for (let runs = 0; runs < 10; runs += 1) {
        // A cursor of another page size is dropped, because Partner Central would reject it.
        expect(await stack.run('poll', {}, other)).not.toHaveProperty('lostCursors');
      }
      expect(stack.published()).toEqual(outcomes(ended));
      return outcomes(ended);
    },
  },

  'duplicates across pages': {
    over: 'HTTP',
    settings: { headPageSize: 10 },
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 25);
      let last: object | undefined;
      stack.partnerCentral.tamper = (_, output) => {
        const summaries = output.TaskSummaries as object[];
        const again = [last, ...summaries, summaries[0]].filter(summary => summary !== undefined);
        last = summaries.at(-1);
        return { ...output, TaskSummaries: again };
      };
      let rowsRead = 0;
      stack.dynamoDb.intercept = ({ operation, input }) => {
        const asked = operation === 'BatchGetItem' ? Object.values(input.RequestItems as object) : [];
        for (const { Keys } of asked) rowsRead += Keys.length;
        return undefined;
      };
      expect(await stack.run()).toMatchObject({ outcome: 'complete', pages: 3, published: 25 });
      expect(rowsRead).toBe(25); // rows that are done are not read again
      return outcomes(ended);
    },
  },

  '700 rows that can never settle': {
    play: async stack => {
      const lost = stack.addRunning(700, HOUR);
      const [alive] = stack.addRunning(1, 2 * HOUR);
      await stack.run();
      for (const { taskId } of lost) stack.store.remove(taskId);
      let lookUps = 0;
      stack.partnerCentral.intercept = ({ input }) => {
        if (input.TaskIdentifier) lookUps += 1;
        return undefined;
      };
      const perRun: number[] = [];
      for (let runs = 0; runs < 4; runs += 1) {
        lookUps = 0;
        const { listCalls } = await stack.run('poll', { clockOffsetMs: runs * 100 });
        perRun.push(lookUps);
        expect(listCalls).toBe(lookUps + 3); // head, running and finished tasks
      }
      expect(perRun).toEqual([19, 19, 19, 13]);
      stack.store.end(alive?.taskId as string, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ published: 1, unsettled: 700 });
      return [`${alive?.taskId} COMPLETE`];
    },
  },
});
