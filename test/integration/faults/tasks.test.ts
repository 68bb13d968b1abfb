/** Partner Central: summaries that are odd, and tasks whose lives are. */
import { ago, DAY, HOUR, MINUTE, outcomes } from '../bed';
import { endedSinceFirstRun, faultMatrix, type Row } from './matrix';

/** The page goes on without them. */
const malformed = (...odd: unknown[]): Row => ({
  play: async bed => {
    const ended = await endedSinceFirstRun(bed, 5);
    bed.partnerCentral.tamper = (_, output) => ({
      ...output,
      TaskSummaries: [...odd, ...(output.TaskSummaries as object[]), ...odd],
    });
    expect(await bed.run()).toMatchObject({ outcome: 'complete', malformed: 2 * odd.length, published: 5 });
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
    play: async bed => {
      const ended = await endedSinceFirstRun(bed, 8);
      const odd = [undefined, null, 1_795_382_342, 'yesterday'];
      bed.partnerCentral.tamper = (_, output) => ({
        ...output,
        TaskSummaries: (output.TaskSummaries as object[]).map((summary, at) => ({
          ...summary,
          StartTime: odd[at % 4],
        })),
      });
      expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 8 });
      expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 0 });
      return outcomes(ended);
    },
  },

  'an unknown status': {
    play: async bed => {
      await bed.run();
      const { taskId } = bed.store.add({ status: 'PAUSED' });
      expect(await bed.run()).toMatchObject({ outcome: 'complete', unknownStatus: 1, published: 0, unsettled: 1 });
      bed.store.end(taskId, 'COMPLETE');
      await bed.run('poll', { clockOffsetMs: 2 * MINUTE });
      expect(bed.eventBridge.events[0]?.detail).toMatchObject({ previousStatus: 'PAUSED' });
      return [`${taskId} COMPLETE`];
    },
  },

  'an unknown reason': {
    play: async bed => {
      const failed = await endedSinceFirstRun(bed, 1, { status: 'FAILED', reasonCode: 'BrandNewCode' });
      await bed.run();
      expect(bed.eventBridge.events[0]?.detail).toMatchObject({
        reasonCode: 'BrandNewCode',
        reasonCategory: 'unknown',
      });
      return outcomes(failed);
    },
  },

  'a 2 MB message': {
    play: async bed => {
      const ended = await endedSinceFirstRun(bed, 20);
      const { taskId } = bed.store.set(ended[7]?.taskId as string, {
        status: 'FAILED',
        reasonCode: 'InternalError',
        message: '"<é>\n'.repeat(400_000),
      });
      expect(await bed.run()).toMatchObject({ outcome: 'complete', published: 20, rejected: 0 });
      const event = bed.eventBridge.events.find(({ detail }) => detail.taskId === taskId);
      expect(event?.detail).toMatchObject({ messageTruncated: true, message: expect.stringMatching(/^"<é>\n"<é>/) });
      expect(String(event?.detail.message).length).toBeGreaterThan(50_000);
      expect(Buffer.byteLength(String((await bed.row(taskId))?.message))).toBeLessThanOrEqual(1_024);
      return outcomes(ended);
    },
  },

  'a task that vanishes': {
    play: async bed => {
      const [task] = bed.addRunning(1, HOUR);
      const { taskId } = task as { taskId: string };
      await bed.run();
      const saved = bed.store.get(taskId);
      bed.store.remove(taskId);
      const missing: unknown[] = [];
      for (const minutes of [0, 2, 5, 10, 20])
        missing.push((await bed.run('poll', { clockOffsetMs: minutes * MINUTE })).missing ?? 0);
      expect(missing).toEqual([0, 0, 0, 0, 1]);
      expect(await bed.row(taskId)).toMatchObject({ misses: 5, missing: true });
      // An audit looks it up, due or not.
      bed.store.add({ ...saved, status: 'COMPLETE' });
      expect(await bed.run('audit', { clockOffsetMs: 21 * MINUTE })).toMatchObject({ published: 1, unsettled: 0 });
      return [`${taskId} COMPLETE`];
    },
  },

  'a terminal task that runs again': {
    play: async bed => {
      await bed.run();
      const [same, other] = bed.addEnded(2, () => ({ status: 'FAILED' })).map(({ taskId }) => taskId) as [
        string,
        string,
      ];
      await bed.run();
      for (const taskId of [same, other]) bed.store.set(taskId, { status: 'IN_PROGRESS' });
      expect(await bed.run()).toMatchObject({ reopened: 2, unsettled: 2, published: 0 });
      bed.store.set(same, { status: 'FAILED' });
      bed.store.end(other, 'COMPLETE');
      expect(await bed.run()).toMatchObject({ published: 1, unsettled: 0 });
      expect(bed.eventBridge.events.at(-1)?.detail).toMatchObject({
        taskStatus: 'COMPLETE',
        previousStatus: 'IN_PROGRESS',
      });
      return [`${same} FAILED`, `${other} FAILED`, `${other} COMPLETE`];
    },
  },

  'FAILED that becomes COMPLETE': {
    play: async bed => {
      const [old] = await endedSinceFirstRun(bed, 1, { status: 'FAILED' });
      const [fresh] = bed.addEnded(1, () => ({ status: 'FAILED' }));
      expect(await bed.run()).toMatchObject({ published: 2 });
      for (const task of [old, fresh]) bed.store.end(task?.taskId as string, 'COMPLETE');
      expect(await bed.run()).toMatchObject({ published: 1, failed: 0, completed: 1 });
      expect(bed.eventBridge.events.at(-1)?.detail).toMatchObject({ taskId: fresh?.taskId, previousStatus: 'FAILED' });
      // What the head doesn't look back at any more is found by the audit. The table knew it: no drift.
      expect(await bed.run('audit')).toMatchObject({ published: 1, drift: 0 });
      expect(bed.eventBridge.events.at(-1)?.detail).toMatchObject({ taskId: old?.taskId, previousStatus: 'FAILED' });
      return [old, fresh].flatMap(task => [`${task?.taskId} FAILED`, `${task?.taskId} COMPLETE`]);
    },
  },

  'a status that flaps': {
    play: async bed => {
      await bed.run();
      const { taskId } = bed.store.add();
      const published: number[] = [];
      for (const status of 'FAILED IN_PROGRESS FAILED COMPLETE IN_PROGRESS PAUSED FAILED COMPLETE'.split(' ')) {
        bed.store.set(taskId, { status });
        published.push((await bed.run()).published);
      }
      expect(published).toEqual([1, 0, 0, 1, 0, 0, 0, 0]);
      return [`${taskId} FAILED`, `${taskId} COMPLETE`];
    },
  },

  'a task that appears late with an old StartTime': {
    settings: { emitSince: ago(2 * DAY) },
    play: async bed => {
      await bed.run();
      const late = bed.addEnded(3, at => ({ startTimeMs: Date.now() - DAY - at }));
      expect(await bed.run()).toMatchObject({ published: 0 });
      expect(await bed.run('audit')).toMatchObject({ outcome: 'complete', published: 3, drift: 3, gaps: 0 });
      return outcomes(late);
    },
  },
});
