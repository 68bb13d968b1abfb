/** Faults of EventBridge: failing calls and failing entries. */
import type { Fault } from '../../../local/services/service';
import { MINUTE } from '../../durations';
import { outcomes } from '../../engine-stack';
import { errorAnswer } from '../../faults';
import { endedSinceFirstRun, faultMatrix } from './matrix';

const refusal = (ErrorCode: string) => ({ ErrorCode, ErrorMessage: 'on purpose' });

faultMatrix({
  'errors of a whole PutEvents call': {
    over: 'HTTP',
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 45);
      const faults: Fault[] = [
        errorAnswer('ThrottlingException'),
        errorAnswer('InternalException', 500),
        { when: 'before', how: 'reset' },
        { when: 'before', how: 'hang' },
      ];
      for (const fault of faults) {
        stack.eventBridge.calls.reset();
        stack.eventBridge.intercept = ({ index }) => (index > 0 ? fault : undefined);
        // Batches accepted before the error are recorded.
        expect(await stack.run('poll', { timeoutMs: 2_500 })).toMatchObject({ outcome: 'partial', published: 10 });
      }
      stack.eventBridge.intercept = undefined;
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 5 });
      return outcomes(ended);
    },
  },

  'a lost answer to an accepted PutEvents': {
    repeats: 2 * 10,
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 25);
      stack.eventBridge.calls.reset();
      stack.eventBridge.intercept = ({ index }) => (index < 2 ? { when: 'after', how: 'reset' } : undefined);
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 25 });
      return outcomes(ended);
    },
  },

  "answers to PutEvents after the client's timeout": {
    over: 'HTTP',
    repeats: 10,
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 25);
      stack.eventBridge.calls.reset();
      stack.eventBridge.intercept = ({ index }) =>
        index === 1 ? { when: 'after', how: { delayMs: 3_000 } } : undefined;
      expect(await stack.run('poll', { timeoutMs: 2_000 })).toMatchObject({ outcome: 'partial', published: 10 });
      expect(stack.eventBridge.events).toHaveLength(20);
      return outcomes(ended);
    },
  },

  'retryable entry errors': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 60);
      const tries = new Map<unknown, number>();
      stack.eventBridge.entryFault = ({ Detail }, at) => {
        const before = tries.get(Detail) ?? 0;
        tries.set(Detail, before + 1);
        return before < at % 4 ? refusal(at % 2 ? 'InternalFailure' : 'ThrottlingException') : undefined;
      };
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 60, rejected: 0 });
      expect(Math.max(...tries.values())).toBeGreaterThan(2);
      return outcomes(ended);
    },
  },

  'retryable entry errors for a whole run': {
    over: 'HTTP',
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 5);
      stack.eventBridge.entryFault = () => refusal('InternalFailure');
      expect(await stack.run('poll', { timeoutMs: 2_500 })).toMatchObject({
        outcome: 'partial',
        published: 0,
        rejected: 0,
      });
      return outcomes(ended);
    },
  },

  'an entry that is throttled for a whole run': {
    over: 'HTTP',
    waits: true,
    pauses: true,
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 11);
      const one = ended[10]?.taskId as string;
      stack.eventBridge.entryFault = ({ Detail }) =>
        Detail?.includes(one) ? refusal('ThrottlingException') : undefined;
      stack.takeCalls();
      expect(await stack.run('poll', { timeoutMs: 3_000 })).toMatchObject({
        outcome: 'partial',
        published: 10,
        rejected: 0,
      });
      expect(stack.takeCalls().puts).toBeLessThan(25); // with backoff; without it there would be hundreds
      return outcomes(ended);
    },
  },

  'permanent entry errors': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 12);
      stack.eventBridge.entryFault = () => refusal('InvalidArgument');
      stack.takeCalls();
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0, rejected: 12, unsettled: 12 });
      expect(stack.takeCalls().puts).toBe(2);
      expect(await stack.run()).toMatchObject({ rejected: 0, unsettled: 12 }); // not due yet
      expect(stack.takeCalls().puts).toBe(0);
      expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ rejected: 12, unsettled: 12 });
      return outcomes(ended);
    },
  },

  'one entry that always fails, alone in later quiet polls': {
    play: async stack => {
      await stack.run();
      const ended = stack.addEnded(20);
      const poisoned = ended[7]?.taskId as string;
      stack.eventBridge.entryFault = entry =>
        entry.Detail?.includes(poisoned) ? refusal('InternalFailure') : undefined;
      expect(await stack.run()).toMatchObject({ published: 19, rejected: 1 });
      for (const [at, attempts] of [
        [2, 2],
        [5, 3],
      ] as const) {
        const later = { clockOffsetMs: at * MINUTE };
        // It was quarantined while others succeeded, so the entry is the cause, not EventBridge.
        expect(await stack.run('poll', later)).toMatchObject({ outcome: 'complete', published: 0, rejected: 1 });
        expect(await stack.row(poisoned)).toMatchObject({ publishAttempts: attempts });
        expect(await stack.run('poll', later)).toMatchObject({ outcome: 'complete', rejected: 0 }); // not due yet
      }
      return outcomes(ended);
    },
  },

  'one poisoned entry among a hundred': {
    play: async stack => {
      await stack.run();
      const ended = stack.addEnded(100);
      const poisoned = ended[42]?.taskId as string;
      stack.eventBridge.entryFault = entry =>
        entry.Detail?.includes(poisoned) ? refusal('MalformedDetail') : undefined;
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 99, rejected: 1, unsettled: 1 });
      expect(await stack.row(poisoned)).toMatchObject({ publishAttempts: 1, lastError: 'MalformedDetail' });
      expect(await stack.run()).toMatchObject({ published: 0, rejected: 0 }); // not due yet
      expect(await stack.run('poll', { clockOffsetMs: 2 * MINUTE })).toMatchObject({ published: 0, rejected: 1 });
      expect(await stack.row(poisoned)).toMatchObject({ publishAttempts: 2 });
      stack.eventBridge.entryFault = undefined;
      await stack.run('poll', { clockOffsetMs: 10 * MINUTE });
      // A late event keeps the window in which the task was first seen.
      const [first, last] = [0, -1].map(at =>
        Date.parse(String(stack.eventBridge.events.at(at)?.detail.detectedBefore)),
      );
      expect(Number(last) - Number(first)).toBeLessThan(MINUTE);
      return outcomes(ended);
    },
  },
});
