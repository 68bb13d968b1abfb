/**
 * Time from "listed as finished" to "event on the bus": the real bundle on the local services, in virtual time. A pause
 * of the function takes no time; the clock jumps to the next action.
 */
import type { Summary } from '../../lambdas/poller/run';
import { startLocalStack } from '../../local/start/local-stack';
import { MINUTE_MS } from './side-by-side';

export const latencyModes = ['schedule only', 'follow', 'follow and nudges'] as const;
export type LatencyMode = (typeof latencyModes)[number];

export interface LatencyCase {
  readonly name: string;
  /** Duration of the task with this number. */
  readonly seconds: (task: number) => number;
}

/** Distributes numbers evenly between 0 and 1, without a pattern. */
const spread = (task: number) => (task * 0.618_033_988_75) % 1;

/** Of ten tasks, seven take 2 to 20 seconds, two 20 to 90, and one ten minutes. */
export const mixedCase: LatencyCase = {
  name: 'a mix',
  seconds: task => {
    if (task % 10 < 7) return 2 + 18 * spread(task * 7);
    return task % 10 < 9 ? 20 + 70 * spread(task * 7) : 600;
  },
};

export const latencyCases: readonly LatencyCase[] = [
  { name: '2 seconds', seconds: () => 2 },
  { name: '2 to 20 seconds', seconds: task => 2 + 18 * spread(task * 7) },
  { name: '20 seconds', seconds: () => 20 },
  { name: '90 seconds', seconds: () => 90 },
  mixedCase,
];

/** The targets apply to tasks up to this duration. */
export const SHORT_SECONDS = 20;
export const isShort = ({ seconds }: LatencyCase) =>
  Array.from({ length: TASKS }, (_, task) => seconds(task)).every(each => each <= SHORT_SECONDS);

export interface Latency {
  readonly mode: LatencyMode;
  /** Name of the case. */
  readonly tasks: string;
  readonly isShort: boolean;
  /** For each task, from "listed as finished" to "event on the bus"; ascending. */
  readonly seconds: readonly number[];
  readonly median: number;
  readonly p95: number;
  /** More than with the schedule alone, which makes the fewest calls. */
  readonly extraListCallsPerTask: number;
  readonly listCallsPerDay: number;
  /** Billed duration of the function for each task, beyond that of the schedule alone. */
  readonly extraComputeSecondsPerTask: number;
}

/** Assumed, as in the monthly cost. */
const LIST_CALL_MS = 200;
const OTHER_CALL_MS = 10;
/** From the TaskStarted event to the start of the poll: EventBridge, and Lambda with an occasional cold start. */
const nudgeDelayMs = (task: number) => 300 + 1_000 * spread(task * 3);

const TASKS = 40;
const BETWEEN_TASKS_MS = 2 * MINUTE_MS;
/** Start times are spread over the period between two ticks. */
const startOf = (task: number) => MINUTE_MS + task * BETWEEN_TASKS_MS + spread(task) * MINUTE_MS;

export async function measureLatencies(directory: string, stackName: string, cases = latencyCases): Promise<Latency[]> {
  const all: Latency[] = [];
  for (const each of cases) {
    let least: Simulated | undefined;
    for (const mode of latencyModes) {
      const simulated = await simulate(directory, stackName, mode, each);
      least ??= simulated;
      const seconds = simulated.latencies.sort((one, other) => one - other);
      all.push({
        mode,
        tasks: each.name,
        isShort: isShort(each),
        seconds,
        median: quantile(seconds, 0.5),
        p95: quantile(seconds, 0.95),
        extraListCallsPerTask: (simulated.listCalls - least.listCalls) / TASKS,
        listCallsPerDay: (simulated.listCalls * 24 * 60 * MINUTE_MS) / simulated.durationMs,
        extraComputeSecondsPerTask: (simulated.computeMs - least.computeMs) / 1_000 / TASKS,
      });
    }
  }
  return all;
}

const quantile = (ascending: readonly number[], share: number) =>
  ascending[Math.min(ascending.length - 1, Math.ceil(share * ascending.length) - 1)] as number;

interface Simulated {
  readonly latencies: number[];
  readonly listCalls: number;
  readonly computeMs: number;
  readonly durationMs: number;
}

interface Action {
  readonly at: number;
  readonly run: () => Promise<void> | void;
}

/** @throws Error when a task is not published exactly once */
async function simulate(
  directory: string,
  stackName: string,
  mode: LatencyMode,
  { seconds }: LatencyCase,
): Promise<Simulated> {
  const published = new Map<string, number>();
  const stack = await startLocalStack({
    directory,
    stackName,
    onEvent: event => {
      const taskId = String(event.detail.taskId);
      if (published.has(taskId)) throw new Error(`${taskId} was published twice`);
      published.set(taskId, now + elapsedInCalls());
    },
  });
  const store = stack.partnerCentral.store(stack.catalog);
  const settings = { followMinutes: mode === 'schedule only' ? 0 : 5 };
  const beganAt = Date.now();
  let now = 0;
  let computeMs = 0;
  const offset = () => Math.round(beganAt + now - Date.now());

  const actions: Action[] = [];
  const at = (when: number, run: Action['run']) => actions.push({ at: when, run });

  /** Call counts before the running instance acted; all other instances wait. */
  let callsBefore = { list: 0, other: 0 };
  const calls = () => ({
    list: stack.partnerCentral.calls.total,
    other: stack.dynamoDb.calls.total + stack.eventBridge.calls.total,
  });
  const elapsedInCalls = () =>
    (calls().list - callsBefore.list) * LIST_CALL_MS + (calls().other - callsBefore.other) * OTHER_CALL_MS;

  const idle: Instance[] = [];
  interface Instance {
    readonly host: ReturnType<typeof stack.anotherPoller>;
    /** Called when the function waits or has returned. */
    settled: () => void;
  }
  /** Runs one instance until it waits or returns. */
  async function act(instance: Instance, begin: () => void): Promise<void> {
    callsBefore = calls();
    stack.partnerCentral.clockOffsetMs = offset();
    const settled = new Promise<void>(resolve => {
      instance.settled = resolve;
    });
    begin();
    await settled;
  }
  function newInstance(): Instance {
    const instance: Instance = {
      settled: () => undefined,
      host: stack.anotherPoller(settings, ms => {
        const resumeAt = now + elapsedInCalls() + ms;
        return new Promise<number>(resume => {
          at(resumeAt, () => act(instance, () => resume(offset())));
          instance.settled();
        });
      }),
    };
    return instance;
  }
  async function invoke(input: object): Promise<void> {
    const instance = idle.pop() ?? newInstance();
    const invokedAt = now;
    await act(instance, () => {
      void instance.host.invoke<Summary>(input, { clockOffsetMs: offset() }).then(({ error }) => {
        failure ??= error;
        computeMs += now + elapsedInCalls() - invokedAt;
        idle.push(instance);
        instance.settled();
      });
    });
  }
  let failure: { readonly message: string } | undefined;

  const endedAt = new Map<string, number>();
  let lastEnd = 0;
  for (let task = 0; task < TASKS; task += 1) {
    const startsAt = startOf(task);
    const endsAt = startsAt + seconds(task) * 1_000;
    lastEnd = Math.max(lastEnd, endsAt);
    at(startsAt, () => {
      const { taskId } = store.add({ startTimeMs: beganAt + startsAt });
      at(endsAt, () => {
        store.end(taskId, 'COMPLETE');
        endedAt.set(taskId, endsAt);
      });
    });
    if (mode === 'follow and nudges') at(startsAt + nudgeDelayMs(task), () => invoke({ mode: 'nudge' }));
  }
  const durationMs = Math.ceil(lastEnd / MINUTE_MS + 2) * MINUTE_MS;
  for (let tick = 0; tick < durationMs; tick += MINUTE_MS) at(tick, () => invoke({ mode: 'poll' }));

  try {
    while (actions.length > 0) {
      actions.sort((one, other) => one.at - other.at);
      const next = actions.shift() as Action;
      now = Math.max(now, next.at);
      await next.run();
      if (failure) throw new Error(`A poll failed: ${failure.message}`);
    }
    const latencies = [...endedAt].map(([taskId, ended]) => {
      const seen = published.get(taskId);
      if (seen === undefined) throw new Error(`${taskId} was not published`);
      return (seen - ended) / 1_000;
    });
    return { latencies, listCalls: stack.partnerCentral.calls.total, computeMs, durationMs };
  } finally {
    await stack.close();
  }
}
