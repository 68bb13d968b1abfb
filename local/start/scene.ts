/** Simulates Partner Central while the poller runs: tasks start, run for some seconds, and complete or fail. */
import { sampleFailures } from '../services/sample-failures';
import type { Outcome, Task, TaskStore } from '../services/task-store';

const second = 1_000;
const day = 86_400 * second;

export interface TaskChange {
  readonly what: 'started' | 'ended';
  readonly task: Readonly<Task>;
  /** Who started the task: the simulation, or a request. */
  readonly by: 'scene' | 'outside';
  /** It ended between two runs of the local stack. */
  readonly whileStopped?: boolean;
}

interface SceneOptions {
  readonly store: TaskStore;
  readonly now: () => number;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Maximum number of running tasks, not counting those started by a request. */
  readonly maxRunning?: number;
  /** Fields of a new task of the simulation. */
  readonly newTask?: () => Partial<Task>;
  /** How a task ends that a request started. */
  readonly outcomeFromOutside: (task: Readonly<Task>) => Outcome;
  readonly report: (change: TaskChange) => void;
}

const longestRun = 20 * second;

export function openScene({
  store,
  now,
  random,
  maxRunning = 6,
  newTask = () => ({}),
  outcomeFromOutside,
  report,
}: SceneOptions) {
  const plan = new Map<string, { endsAt: number; by: TaskChange['by'] }>(); // known running tasks
  const ended: string[] = [];
  let nextStartAt = now() + 2 * second;
  let changes = 0;

  const between = (least: number, most: number) => least + random() * (most - least);

  function change(what: TaskChange) {
    changes += 1;
    if (what.what === 'ended') ended.push(what.task.taskId);
    report(what);
  }

  function watch(task: Readonly<Task>, by: TaskChange['by'], endsAt: number) {
    plan.set(task.taskId, { endsAt, by });
  }

  const add = (startTimeMs = now()) => store.add({ ...newTask(), startTimeMs });

  function end(taskId: string, outcome: Outcome, more: { whileStopped?: boolean } = {}) {
    const by = plan.get(taskId)?.by ?? 'scene';
    plan.delete(taskId);
    change({ what: 'ended', task: store.end(taskId, outcome), by, ...more });
  }

  function outcomeOf(taskId: string): Outcome {
    if (plan.get(taskId)?.by === 'outside') return outcomeFromOutside(store.get(taskId) as Task);
    // Every third task fails, and the first one too, so that a failure is shown early.
    const reason = sampleFailures[Math.floor(random() * sampleFailures.length)];
    return reason && ended.length % 3 === 0 ? failed(reason.reasonCode) : 'COMPLETE';
  }

  return {
    /** Fills an empty Partner Central: ended tasks of the last 90 days, and running ones of different ages. */
    begin({ history, running }: { history: number; running: number }) {
      const newestAt = now() - 2 * 60 * second;
      store.addHistory({ count: history, newestAt, oldestAt: newestAt - 90 * day });
      for (let age = 1; age <= running; age += 1)
        watch(add(now() - age * age * 60 * second), 'scene', now() + between(4, 15) * second);
    },

    /** Continues with a saved state. Tasks whose time has passed meanwhile have ended. */
    resume() {
      for (const taskId of store.inProgressIds()) {
        const { startTimeMs } = store.get(taskId) as Task;
        if (now() - startTimeMs > longestRun) end(taskId, outcomeOf(taskId), { whileStopped: true });
        else watch(store.get(taskId) as Task, 'scene', startTimeMs + longestRun);
      }
    },

    start() {
      const task = add();
      watch(task, 'scene', now() + between(5 * second, longestRun));
      change({ what: 'started', task, by: 'scene' });
    },

    end,
    /** Ids, oldest first. */
    running: store.inProgressIds,

    /** Starts and ends tasks that are due. Call it about twice a second. */
    advance() {
      for (const taskId of store.inProgressIds()) {
        if (plan.has(taskId)) continue;
        const task = store.get(taskId) as Task;
        watch(task, 'outside', now() + between(2, 5) * second);
        change({ what: 'started', task, by: 'outside' });
      }
      for (const [taskId, { endsAt }] of plan) if (endsAt <= now()) end(taskId, outcomeOf(taskId));
      if (now() < nextStartAt) return;
      nextStartAt = now() + between(3, 8) * second;
      if (plan.size < maxRunning) this.start();
    },

    /** Ids of the tasks that ended in this scene. */
    ended: ended as readonly string[],
    /** Counts all changes. */
    get changes() {
      return changes;
    },
  };
}

type ReasonCode = (typeof sampleFailures)[number]['reasonCode'];

export function failed(reasonCode: ReasonCode): Outcome {
  const message = sampleFailures.find(failure => failure.reasonCode === reasonCode)?.message ?? '';
  return { status: 'FAILED', reasonCode, message };
}
