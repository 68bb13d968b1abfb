/** Invalid summaries of Partner Central, and unusual task histories. */
import { ago, DAY, HOUR, MINUTE } from '../../durations';
import { outcomes } from '../../engine-stack';
import { endedSinceFirstRun, faultMatrix, type Row } from './matrix';

/** The poller skips them and uses the rest of the page. */
const malformed = (...odd: unknown[]): Row => ({
  play: async stack => {
    const ended = await endedSinceFirstRun(stack, 5);
    stack.partnerCentral.tamper = (_, output) => ({
      ...output,
      TaskSummaries: [...odd, ...(output.TaskSummaries as object[]), ...odd],
    });
    expect(await stack.run()).toMatchObject({ outcome: 'complete', malformed: 2 * odd.length, published: 5 });
    return outcomes(ended);
  },
});

faultMatrix({
  'null elements': malformed(null, undefined),
  'missing TaskId': malformed(
    {},
    ...[{}, { TaskId: null }, { TaskId: '' }, { TaskId: 'null' }, { TaskId: 7 }].map(odd => ({
      TaskStatus: 'FAILED',
      StartTime: ago(MINUTE),
      ...odd,
    })),
  ),

  'missing StartTime': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 8);
      const odd = [undefined, null, 1_795_382_342, 'yesterday'];
      stack.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: (output.TaskSummaries as object[]).map((summary, at) => ({
          ...summary,
          StartTime: odd[at % 4],
        })),
      });
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 8 });
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 0 });
      return outcomes(ended);
    },
  },

  'an unknown status': {
    play: async stack => {
      await stack.run();
      const { taskId } = stack.store.add({ status: 'PAUSED' });
      expect(await stack.run()).toMatchObject({ outcome: 'complete', unknownStatus: 1, published: 0, unsettled: 1 });
      stack.store.end(taskId, 'COMPLETE');
      await stack.run('poll', { clockOffsetMs: 2 * MINUTE });
      expect(stack.eventBridge.events[0]?.detail).toMatchObject({ previousStatus: 'PAUSED' });
      return [`${taskId} COMPLETE`];
    },
  },

  'an unknown reason': {
    play: async stack => {
      const failed = await endedSinceFirstRun(stack, 1, { status: 'FAILED', reasonCode: 'BrandNewCode' });
      await stack.run();
      expect(stack.eventBridge.events[0]?.detail).toMatchObject({
        reasonCode: 'BrandNewCode',
        reasonCategory: 'unknown',
      });
      return outcomes(failed);
    },
  },

  'a 2 MB message': {
    play: async stack => {
      const ended = await endedSinceFirstRun(stack, 20);
      const { taskId } = stack.store.set(ended[7]?.taskId as string, {
        status: 'FAILED',
        reasonCode: 'InternalError',
        message: '"<é>\n'.repeat(400_000),
      });
      expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 20, rejected: 0 });
      const event = stack.eventBridge.events.find(({ detail }) => detail.taskId === taskId);
      expect(event?.detail).toMatchObject({ messageTruncated: true, message: expect.stringMatching(/^"<é>\n"<é>/) });
      expect(String(event?.detail.message).length).toBeGreaterThan(50_000);
      expect(Buffer.byteLength(String((await stack.row(taskId))?.message))).toBeLessThanOrEqual(1_024);
      return outcomes(ended);
    },
  },

  'a task that vanishes': {
    play: async stack => {
      const [task] = stack.addRunning(1, HOUR);
      const { taskId } = task as { taskId: string };
      await stack.run();
      const saved = stack.store.get(taskId);
      stack.store.remove(taskId);
      const missing: unknown[] = [];
      for (const minutes of [0, 2, 5, 10, 20])
        missing.push((await stack.run('poll', { clockOffsetMs: minutes * MINUTE })).missing ?? 0);
      expect(missing).toEqual([0, 0, 0, 0, 1]);
      expect(await stack.row(taskId)).toMatchObject({ misses: 5, missing: true });
      // An audit looks it up, even if it is not due.
      stack.store.add({ ...saved, status: 'COMPLETE' });
      expect(await stack.run('audit', { clockOffsetMs: 21 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
      return [`${taskId} COMPLETE`];
    },
  },

  'an ended task that runs again': {
    play: async stack => {
      await stack.run();
      const [same, other] = stack.addEnded(2, () => ({ status: 'FAILED' })).map(({ taskId }) => taskId) as [
        string,
        string,
      ];
      await stack.run();
      for (const taskId of [same, other]) stack.store.set(taskId, { status: 'IN_PROGRESS' });
      expect(await stack.run()).toMatchObject({ reopened: 2, unsettled: 2, published: 0 });
      stack.store.set(same, { status: 'FAILED' });
      stack.store.end(other, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ published: 1, unsettled: 0 });
      expect(stack.eventBridge.events.at(-1)?.detail).toMatchObject({
        taskStatus: 'COMPLETE',
        previousStatus: 'IN_PROGRESS',
      });
      return [`${same} FAILED`, `${other} FAILED`, `${other} COMPLETE`];
    },
  },

  'FAILED changes to COMPLETE': {
    play: async stack => {
      const [old] = await endedSinceFirstRun(stack, 1, { status: 'FAILED' });
      const [fresh] = stack.addEnded(1, () => ({ status: 'FAILED' }));
      expect(await stack.run()).toMatchObject({ published: 2 });
      for (const task of [old, fresh]) stack.store.end(task?.taskId as string, 'COMPLETE');
      expect(await stack.run()).toMatchObject({ published: 1, failed: 0, completed: 1 });
      expect(stack.eventBridge.events.at(-1)?.detail).toMatchObject({
        taskId: fresh?.taskId,
        previousStatus: 'FAILED',
      });
      // Outside the lookback, the audit finds it. The table knew it, so it is no drift.
      expect(await stack.run('audit')).toMatchObject({ published: 1, drift: 0 });
      expect(stack.eventBridge.events.at(-1)?.detail).toMatchObject({ taskId: old?.taskId, previousStatus: 'FAILED' });
      return [old, fresh].flatMap(task => [`${task?.taskId} FAILED`, `${task?.taskId} COMPLETE`]);
    },
  },

  'a status that flaps': {
    play: async stack => {
      await stack.run();
      const { taskId } = stack.store.add();
      const published: number[] = [];
      for (const status of 'FAILED IN_PROGRESS FAILED COMPLETE IN_PROGRESS PAUSED FAILED COMPLETE'.split(' ')) {
        stack.store.set(taskId, { status });
        published.push((await stack.run()).published);
      }
      expect(published).toEqual([1, 0, 0, 1, 0, 0, 0, 0]);
      return [`${taskId} FAILED`, `${taskId} COMPLETE`];
    },
  },

  'a task that appears late with an old StartTime': {
    settings: { emitSince: ago(2 * DAY) },
    play: async stack => {
      await stack.run();
      const late = stack.addEnded(3, at => ({ startTimeMs: Date.now() - DAY - at }));
      expect(await stack.run()).toMatchObject({ published: 0 });
      expect(await stack.run('audit')).toMatchObject({ outcome: 'complete', published: 3, drift: 3, gaps: 0 });
      return outcomes(late);
    },
  },
});
