/**
 * The tasks of one catalog and family, ordered by start. Pages, look-ups and the list of running tasks cost the same for
 * ten tasks as for a million. History tasks share strings, so a million tasks take about 300 MB.
 */
import { sampleFailures } from './sample-failures';

export interface Task {
  /** `task-` and 13 characters of 0-9a-z. */
  taskId: string;
  startTimeMs: number;
  /** IN_PROGRESS, COMPLETE, FAILED, or any other status that a test needs. */
  status: string;
  message?: string | undefined;
  reasonCode?: string | undefined;
  opportunityId?: string | undefined;
  resourceSnapshotJobId?: string | undefined;
  engagementId?: string | undefined;
  contextId?: string | undefined;
  engagementInvitationId?: string | undefined;
}

/** Position in the order of tasks. Stays valid as the end of a page when tasks are added or removed. */
export type Position = Pick<Task, 'taskId' | 'startTimeMs'>;

export type Outcome = 'COMPLETE' | { status: 'FAILED'; reasonCode: string; message: string };

export interface SavedTasks {
  nextNumber: number;
  tasks: Task[];
  clientTokens: [token: string, request: string, taskId: string][];
}

/** @param salt separates the generated ids of two stores; equal salts generate equal ids */
export function taskStore(salt: string, now: () => number) {
  const byId = new Map<string, Task>();
  let all: Task[] = []; // oldest first
  let inProgress: Task[] = [];
  let nextNumber = 0;
  const clientTokens = new Map<string, { request: string; taskId: string }>();
  const saltNumber = [...salt].reduce((sum, character) => mix(sum ^ character.charCodeAt(0)), 0);

  function known(taskId: string): Task {
    const task = byId.get(taskId);
    if (!task) throw new Error(`There is no task ${taskId}.`);
    return task;
  }

  function generate(given: Partial<Task>): Task {
    const number = nextNumber++;
    const status = given.status ?? 'IN_PROGRESS';
    const completes = status === 'COMPLETE';
    const failure = status === 'FAILED' ? sampleFailures[number % sampleFailures.length] : undefined;
    return {
      taskId: given.taskId ?? `task-${idText(saltNumber ^ number)}`,
      startTimeMs: given.startTimeMs ?? now(),
      status,
      message: failure?.message,
      reasonCode: failure?.reasonCode,
      opportunityId: completes ? shared('opportunity', number) : undefined,
      resourceSnapshotJobId: completes ? shared('job', number) : undefined,
      engagementId: shared('engagement', number),
      contextId: shared('context', number),
      engagementInvitationId: shared('invitation', number),
      ...given,
    };
  }

  function addAll(tasks: Task[]) {
    for (const task of tasks) {
      if (byId.has(task.taskId)) throw new Error(`There is a task ${task.taskId} already.`);
      byId.set(task.taskId, task);
    }
    all = all.concat(tasks).sort(order);
    inProgress = inProgress.concat(tasks.filter(isInProgress)).sort(order);
  }

  return {
    /** Adds one task; by default it just started, and other fields are generated. */
    add(given: Partial<Task> = {}): Readonly<Task> {
      const task = generate(given);
      if (!/^task-[0-9a-z]{13}$/.test(task.taskId)) throw new Error(`${task.taskId} is no task id.`);
      if (byId.has(task.taskId)) throw new Error(`There is a task ${task.taskId} already.`);
      byId.set(task.taskId, task);
      insert(all, task);
      if (isInProgress(task)) insert(inProgress, task);
      return task;
    },

    /** Adds ended tasks at even intervals back from `newestAt`. Every `failedEvery`th is failed (0: none). Times in ms. */
    addHistory(history: { count: number; newestAt: number; failedEvery?: number } & Spacing) {
      const { count, newestAt, failedEvery = 12 } = history;
      const spacingMs = history.spacingMs ?? (newestAt - history.oldestAt) / Math.max(1, count - 1);
      const tasks: Task[] = new Array(count);
      for (let age = 0; age < count; age++) {
        const status = failedEvery > 0 && age % failedEvery === failedEvery - 1 ? 'FAILED' : 'COMPLETE';
        tasks[count - 1 - age] = generate({ startTimeMs: Math.round(newestAt - age * spacingMs), status });
      }
      addAll(tasks);
    },

    end(taskId: string, outcome: Outcome): Readonly<Task> {
      if (outcome !== 'COMPLETE') return this.set(taskId, outcome);
      const { opportunityId, resourceSnapshotJobId, engagementId, engagementInvitationId } = known(taskId);
      const number = Number.parseInt(taskId.slice(-6), 36); // tasks that end together create different opportunities
      return this.set(taskId, {
        status: 'COMPLETE',
        message: undefined,
        reasonCode: undefined,
        opportunityId: opportunityId ?? shared('opportunity', number),
        resourceSnapshotJobId: resourceSnapshotJobId ?? shared('job', number),
        engagementId: engagementId ?? shared('engagement', number),
        engagementInvitationId: engagementInvitationId ?? shared('invitation', number),
      });
    },

    /** Changes any field but the id: reopens a task, sets an unknown status, moves its start. */
    set(taskId: string, patch: Partial<Omit<Task, 'taskId'>>): Readonly<Task> {
      const task = known(taskId);
      const moved = patch.startTimeMs !== undefined && patch.startTimeMs !== task.startTimeMs;
      const before = { startTimeMs: task.startTimeMs, taskId };
      if (isInProgress(task)) take(inProgress, before);
      if (moved) take(all, before);
      Object.assign(task, patch);
      if (moved) insert(all, task);
      if (isInProgress(task)) insert(inProgress, task);
      return task;
    },

    remove(taskId: string) {
      const task = known(taskId);
      byId.delete(taskId);
      take(all, task);
      if (isInProgress(task)) take(inProgress, task);
    },

    get: (taskId: string): Readonly<Task> | undefined => byId.get(taskId),
    get count() {
      return all.length;
    },
    /** Ids of the running tasks, oldest first. */
    inProgressIds: (): string[] => inProgress.map(task => task.taskId),
    /** Every task, oldest first. It is the live list: don't add while iterating. */
    tasks: (): readonly Readonly<Task>[] => all,
    clientTokens,

    /** One page in either direction, starting after `after`, of matching tasks; `more` if another page follows. */
    page(query: {
      newestFirst: boolean;
      limit: number;
      after?: Position | undefined;
      taskIds?: string[] | undefined;
      onlyInProgress: boolean;
      matches: (task: Task) => boolean;
    }): { tasks: Task[]; more: boolean } {
      const candidates = query.taskIds ? lookUp(query.taskIds) : query.onlyInProgress ? inProgress : all;
      const tasks: Task[] = [];
      const step = query.newestFirst ? -1 : 1;
      let index = query.newestFirst ? candidates.length - 1 : 0;
      if (query.after) {
        index = firstFrom(candidates, query.after);
        const found = candidates[index];
        if (query.newestFirst) index -= 1;
        else if (found && order(found, query.after) === 0) index += 1;
      }
      for (let task = candidates[index]; task; index += step, task = candidates[index]) {
        if (!query.matches(task)) continue;
        if (tasks.length === query.limit) return { tasks, more: true };
        tasks.push(task);
      }
      return { tasks, more: false };
    },

    toJSON(): SavedTasks {
      const tokens: SavedTasks['clientTokens'] = [...clientTokens].map(([token, { request, taskId }]) => [
        token,
        request,
        taskId,
      ]);
      return { nextNumber, tasks: all, clientTokens: tokens };
    },

    /** Restores the state of toJSON(). */
    fromJSON(saved: SavedTasks) {
      byId.clear();
      all = [];
      inProgress = [];
      nextNumber = saved.nextNumber;
      addAll(saved.tasks.map(task => ({ ...task })));
      clientTokens.clear();
      for (const [token, request, taskId] of saved.clientTokens) clientTokens.set(token, { request, taskId });
    },
  };

  function lookUp(taskIds: string[]): Task[] {
    const found = [...new Set(taskIds)].flatMap(taskId => byId.get(taskId) ?? []);
    return found.sort(order);
  }
}

export type TaskStore = ReturnType<typeof taskStore>;

type Spacing = { spacingMs: number } | { spacingMs?: undefined; oldestAt: number };

const isInProgress = (task: Task) => task.status === 'IN_PROGRESS';

function order(a: Position, b: Position): number {
  return a.startTimeMs - b.startTimeMs || (a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0);
}

/** Index of the first task at or after a position. */
function firstFrom(tasks: Task[], position: Position): number {
  let low = 0;
  let high = tasks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(tasks[middle] as Task, position) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(tasks: Task[], task: Task) {
  const newest = tasks.at(-1);
  if (!newest || order(newest, task) < 0)
    tasks.push(task); // the usual case: the task starts now
  else tasks.splice(firstFrom(tasks, task), 0, task);
}

function take(tasks: Task[], position: Position) {
  tasks.splice(firstFrom(tasks, position), 1);
}

/** A pseudo-random bijection of 32-bit numbers: different numbers never give equal ids. */
function mix(number: number): number {
  let bits = number | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}

function idText(number: number): string {
  const unique = mix(number);
  const more = mix(unique + 1) % 36 ** 6;
  return more.toString(36).padStart(6, '0') + unique.toString(36).padStart(7, '0');
}

/** Identifiers shared by many generated tasks. */
const pools = {
  opportunity: Array.from({ length: 5000 }, (_, i) => `O${1_000_000 + (mix(i) % 9_000_000)}`),
  job: Array.from({ length: 5000 }, (_, i) => `job-${idText(i + 1_000_000)}`),
  engagement: Array.from({ length: 1000 }, (_, i) => `eng-${idText(i + 2_000_000)}0`),
  invitation: Array.from({ length: 1000 }, (_, i) => `engi-${idText(i + 3_000_000)}`),
  context: ['1', '2', '3'],
};

function shared(pool: keyof typeof pools, number: number): string {
  const values = pools[pool];
  return values[number % values.length] as string;
}
