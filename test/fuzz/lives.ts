/**
 * Random lives of tasks with randomly disturbed polls, compared with a model: thousands a minute on in-memory ports, and
 * some with the real bundle over HTTP.
 */
import fc from 'fast-check';
import type { InvocationMode } from '../../lambdas/poller/invocation';
import type { Settings } from '../../lambdas/poller/settings';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { sourceId } from '../../lambdas/source-id';
import { DAY, HOUR, MINUTE } from '../durations';
import { type Disturbance, disturb, type LifePoller, type LifeStack, oldEntry, undisturbed } from './disturbance';
import type { Life } from './model';
import {
  type Configuration,
  configurations,
  EXTRA_CALLS_PER_DAY,
  FILTERED_OPPORTUNITY,
  type Scenario,
  scenario,
} from './scenario';
import { openSecondSource } from './second-source';
import { verify } from './verify';

/** Counts over all cases. A count of 0 shows that the generator no longer covers something. */
const tally = {
  polls: 0,
  cut: 0,
  deaths: 0,
  frozen: 0,
  overtaken: 0,
  faults: 0,
  tablesLost: 0,
  clocksSet: 0,
  secondSourcePolls: 0,
  nudges: 0,
  follows: 0,
  daysUsedUp: 0,
  events: 0,
  stalled: 0,
  repeats: 0,
  drift: 0,
};

/** The time between two losses of the table, in which the poller knows its published events. */
export interface Era {
  /** Number of earlier events. */
  readonly firstEvent: number;
  /** The emission floor, set by the first run that knew Partner Central's time. */
  emitSince?: number;
  /** The earliest value in the table. */
  earliest: number;
  /** Configured earlier moments (`since`), when (`at`), and the number of events before that (`from`). */
  readonly askedFor: { readonly from: number; readonly since: number; readonly at: number }[];
  /** Since then, a poll has seen only the filtered tasks. */
  filteredSince: boolean;
}
const newEra = (firstEvent: number): Era => ({
  firstEvent,
  earliest: Number.POSITIVE_INFINITY,
  askedFor: [],
  filteredSince: false,
});

let stack: LifeStack;
let source: string;
let settingsOf: Record<Configuration, Partial<Settings>>;
let pollers: Record<Configuration, LifePoller>;
/** A second instance of the function of `following`. */
let another: LifePoller;
let secondSource: ReturnType<typeof openSecondSource>;

/**
 * Prepares a test. `npm run fuzz -- --runs 50000` tries other lives, and `--seed` repeats a run.
 * @param usualRuns number of lives otherwise; always the same ones, so that a failure is caused by the current change
 */
export function prepareLives(
  open: (settings: Partial<Settings>) => LifeStack | Promise<LifeStack>,
  usualRuns: number,
  msForEach: number,
  isInMemory = false,
) {
  const runs = Number(process.env.FUZZ_RUNS ?? usualRuns);
  const otherSeed = () => (process.env.FUZZ_RUNS ? Math.floor(Math.random() * 2 ** 31) : 4_711);
  const seed = Number(process.env.FUZZ_SEED ?? otherSeed());

  beforeAll(async () => {
    process.stdout.write(`Random lives: ${runs} cases from seed ${seed}\n`);
    // In virtual time thousands of these timers would pile up before the first fires.
    if (isInMemory) jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => new AbortController().signal);
    const taskFamily = taskFamilyNames[seed % taskFamilyNames.length] as Settings['taskFamily'];
    stack = await open({ taskFamily });
    source = sourceId({ catalog: 'Sandbox', taskFamily });
    settingsOf = configurations(stack.now());
    // Over HTTP, pauses take no time, so following would never end.
    if (!isInMemory) settingsOf.following.followMinutes = 0;
    pollers = Object.fromEntries(
      Object.entries(settingsOf).map(([name, each]) => [
        name,
        stack.anotherPoller({ taskStalledEvents: true, ...each }),
      ]),
    ) as typeof pollers;
    another = stack.anotherPoller({ taskStalledEvents: true, ...settingsOf.following });
    secondSource = openSecondSource(stack, taskFamily);
  });
  afterAll(() => stack.close());
  afterAll(() => jest.restoreAllMocks());
  afterAll(() => void process.stdout.write(`Random lives: ${JSON.stringify(tally)}\n`));

  return {
    async runAll(): Promise<void> {
      await fc.assert(fc.asyncProperty(scenario, live), { numRuns: runs, seed });
      if (runs >= 1_000) expect(Object.entries(tally).filter(([, count]) => count === 0)).toEqual([]);
    },
    timeoutMs: runs * msForEach + 600_000,
  };
}

/** `expect` is slower than a poll, so this throws by itself. */
function must(holds: boolean, rule: string, shown?: unknown): void {
  if (!holds) throw new Error(`${rule}: ${JSON.stringify(shown)}`);
}

async function live(scenario: Scenario): Promise<void> {
  const { watchedForMs, undatedEvery, oldEntryFirst, ignoresStatus, steps, finalStep } = scenario;
  await stack.reset();
  const lives = new Map<string, Life>();
  const undisturbedRuns = new Set<string>();
  const withoutRows = new Set<string>();
  const undated = new Set<string>();
  let { clockSkewMs } = scenario;
  let clockOffsetMs = 0;
  let drift = 0;
  let era = newEra(0);
  const eras = [era];
  let isFirst = true;
  /** A frozen run waits to continue. */
  let isOvertaking = false;
  const hasSecondSource = scenario.hasSecondSource && undatedEvery === 0;
  const now = () => stack.now() + clockOffsetMs;
  const how = () => ({ clockOffsetMs, clockSkewMs });
  const skews = [clockSkewMs, ...steps.flatMap(each => (each.do === 'set the clock' ? [each.skewMs] : []))];
  if (stack.canFreeze) stack.dynamoDb.indexLagMs = scenario.indexLagMs;

  /** List calls of nudges and follows, by day of the poller's clock. */
  const extraCalls = new Map<number, number>();
  const dayOfPoller = () => Math.floor((now() + clockSkewMs) / DAY);

  const quirks = {
    isUndated: (taskId: string) => undated.has(taskId),
    oldEntryFirst,
    ignoresStatus,
    get areTidy() {
      return undated.size === 0;
    },
  };

  function recordStatus(taskId: string, status: string, since = now()): void {
    const task = stack.store.get(taskId);
    const life = lives.get(taskId);
    const phases = [...(life?.phases ?? []), { since, status, reasonCode: task?.reasonCode }];
    if (!life && undatedEvery > 0 && lives.size % undatedEvery === 0) undated.add(taskId);
    lives.set(taskId, {
      startTimeMs: task?.startTimeMs ?? 0,
      isUndated: undated.has(taskId),
      isListed: true,
      wasRecorded: false,
      ...life,
      phases,
    });
  }

  function start(count: number, status: string, startedAt = now(), since = now()): string[] {
    return Array.from({ length: count }, (_, at) => {
      const opportunityId = at % 2 === 0 ? FILTERED_OPPORTUNITY : 'O2';
      const { taskId } = stack.store.add({ status, startTimeMs: startedAt, opportunityId });
      recordStatus(taskId, status, since);
      return taskId;
    });
  }

  async function poll(
    mode: InvocationMode,
    by: Configuration,
    asked: Disturbance,
    host: LifePoller = pollers[by],
  ): Promise<boolean> {
    const disturbed = asked.is === 'freeze' && !stack.canFreeze ? undisturbed : asked;
    const hit = disturb(stack, disturbed, host, quirks, async () => {
      if (disturbed.is !== 'freeze') return;
      clockOffsetMs += disturbed.ms;
      isOvertaking = true;
      await poll('poll', disturbed.meanwhile, undisturbed);
      isOvertaking = false;
    });
    const configured = settingsOf[by].emitSince;
    // A configured earlier moment applies to all later events, even if the run dies.
    if (configured !== undefined)
      era.askedFor.push({ from: stack.eventBridge.events.length, since: Date.parse(configured), at: now() });
    if (by === 'filtered' && era.askedFor.length > 0) era.filteredSince = true;
    const callsBefore = stack.partnerCentral.calls.total;
    const day = dayOfPoller();
    const { result, error } = await host.invoke({ mode }, how());
    const polls = stack.summaries?.splice(0) ?? (result ? [result] : []);
    disturb(stack, undisturbed, host, quirks); // another poll may still be running
    tally.polls += 1;
    tally.deaths += hit.died ? 1 : 0;
    tally.frozen += hit.froze ? 1 : 0;
    tally.overtaken += isOvertaking && result?.outcome !== 'skipped' ? 1 : 0;
    tally.faults += hit.answersWereLost ? 1 : 0;
    tally.cut += result?.gaps ? 1 : 0;
    drift += result?.drift ?? 0;
    if (hit.died) {
      must(error?.name === 'ProcessDied', 'A killed process dies', error);
    } else {
      must(hit.mayFail || error === undefined, 'No run fails because of a fault', error);
      // Pending writes of an overtaken run may undo writes of the other one.
      if (!hit.answersWereLost && !hit.froze && !isOvertaking)
        for (const { runId } of polls) undisturbedRuns.add(runId);
    }
    for (const each of polls) {
      const { maxEventsPerRun, maxListCallsPerRun } = settingsOf[by];
      must(each.published <= Number(maxEventsPerRun), 'Events are within the budget', each);
      must(each.listCalls <= Number(maxListCallsPerRun), 'List calls are within the limit', each);
    }
    countExtraCalls();

    function countExtraCalls(): void {
      const extra = polls.filter(each => each.mode === 'nudge' || each.mode === 'follow');
      tally.nudges += extra.filter(each => each.mode === 'nudge').length;
      tally.follows += extra.filter(each => each.mode === 'follow').length;
      const sum = (all: typeof polls) => all.reduce((calls, { listCalls }) => calls + listCalls, 0);
      // The calls of a poll that died are in no summary.
      const diedInExtra = hit.died && !hit.froze && (mode === 'nudge' || polls.length > 0);
      const callsOfDeadRun = diedInExtra ? stack.partnerCentral.calls.total - callsBefore - sum(polls) : 0;
      const calls = (extraCalls.get(day) ?? 0) + sum(extra) + callsOfDeadRun;
      if (day === dayOfPoller()) extraCalls.set(day, calls);
      if (calls > EXTRA_CALLS_PER_DAY - Number(settingsOf.following.maxListCallsPerRun)) tally.daysUsedUp += 1;
    }
    observeTable(await stack.items(), disturbed.is === 'no rows' && result?.outcome !== 'skipped');
    if (result?.outcome === 'complete' && isFirst && by !== 'filtered') {
      const overlooked = [...lives.values()].filter(
        life => life.isListed && life.phases.at(-1)?.status === 'IN_PROGRESS' && !life.wasRecorded,
      );
      must(overlooked.length === 0, 'A complete first poll has recorded all running tasks', overlooked);
    }
    isFirst = false;
    return result?.outcome === 'complete' && result.gaps === 0;
  }

  function observeTable(items: readonly Record<string, unknown>[], tookNoRows: boolean): void {
    for (const row of items) {
      if (row.source !== source) continue;
      if (row.item === 'CHECKPOINT') {
        if (tookNoRows) withoutRows.add(String(row.leaseOwner));
        const emitSince = Date.parse(String(row.emitSince));
        if (!Number.isNaN(emitSince)) era.earliest = Math.min(era.earliest, emitSince);
        // The emission floor is set as soon as Partner Central's time is known, even if the run then fails.
        if (row.clockOffsetMs !== undefined) era.emitSince ??= emitSince;
      } else if (row.unsettledSource) {
        const taskId = String(row.item).slice('TASK#'.length);
        const life = lives.get(taskId);
        if (life && !life.wasRecorded) lives.set(taskId, { ...life, wasRecorded: true });
      }
    }
  }

  async function pollSecondSource(afterTableLoss = false): Promise<void> {
    if (!hasSecondSource) return;
    tally.secondSourcePolls += 1;
    if (afterTableLoss) secondSource.forget();
    await secondSource.poll(how());
  }

  async function loseTable(): Promise<void> {
    await stack.removeItems(() => true);
    era = newEra(stack.eventBridge.events.length);
    eras.push(era);
    for (const [taskId, life] of lives) lives.set(taskId, { ...life, wasRecorded: false });
    isFirst = true;
    extraCalls.clear();
    tally.tablesLost += 1;
    await pollSecondSource(true);
  }

  for (let day = 0; day < scenario.history; day += 1) {
    const endedAt = now() - (2 + day) * DAY;
    start(1, day % 3 === 0 ? 'FAILED' : 'COMPLETE', endedAt, endedAt);
  }
  if (oldEntryFirst) {
    const { taskId, startTimeMs, status } = oldEntry;
    const phases = [{ since: startTimeMs, status }];
    lives.set(taskId, { startTimeMs, phases, isUndated: false, isListed: false, wasRecorded: false });
  }
  secondSource.begin();
  disturb(stack, undisturbed, pollers.generous, quirks);
  await pollSecondSource();
  if (watchedForMs > 0) {
    await poll('poll', 'generous', undisturbed);
    clockOffsetMs += watchedForMs;
    await poll('poll', 'generous', undisturbed);
  }
  for (const [number, each] of steps.entries()) {
    clockOffsetMs += 1_000;
    const ids = [...lives.keys()].filter(taskId => lives.get(taskId)?.isListed);
    if (each.do === 'wait') clockOffsetMs += each.ms;
    if (each.do === 'start') {
      const started = start(each.count, each.status, now() - each.ago);
      if (hasSecondSource) secondSource.start(started, now());
    }
    if (each.do === 'change') {
      for (const taskId of ids.filter((_, at) => at >= each.first && (at - each.first) % each.every === 0)) {
        if (stack.store.get(taskId)?.status === each.status) continue;
        const reasonCode = each.status === 'FAILED' ? 'InternalError' : undefined;
        stack.store.set(taskId, { status: each.status, reasonCode });
        recordStatus(taskId, each.status);
      }
    }
    if (each.do === 'remove') {
      const taskId = ids[each.pick % (ids.length || 1)];
      if (taskId !== undefined) {
        stack.store.remove(taskId);
        lives.set(taskId, { ...(lives.get(taskId) as Life), isListed: false });
      }
    }
    if (each.do === 'poll') {
      for (let time = 0; time < each.times; time += 1) {
        if (time > 0) clockOffsetMs += MINUTE;
        await poll(each.mode, each.by, each.disturbed);
      }
      if (number % 3 === 0) await pollSecondSource();
    }
    if (each.do === 'poll twice at once') {
      const other = each.by === 'generous' ? 'medium' : 'generous'; // an instance handles one invocation at a time
      await Promise.all(([each.by, other] as const).map(by => poll('poll', by, undisturbed)));
    }
    if (each.do === 'nudge') {
      let pauses = 0;
      const endOne = () => {
        const taskId = ids.findLast(id => stack.store.get(id)?.status === 'IN_PROGRESS');
        if (pauses++ !== each.endsInPause || taskId === undefined) return;
        stack.store.set(taskId, { status: 'COMPLETE', reasonCode: undefined });
        recordStatus(taskId, 'COMPLETE');
      };
      if (stack.pauses) stack.pauses.during = endOne;
      for (let time = 0; time < each.times; time += 1) {
        if (time > 0) clockOffsetMs += MINUTE;
        if (each.atWork)
          await Promise.all([poll('poll', 'following', undisturbed), poll('nudge', 'following', undisturbed, another)]);
        else await poll('nudge', 'following', each.disturbed);
      }
      if (stack.pauses) stack.pauses.during = undefined;
    }
    if (each.do === 'set the clock') {
      clockSkewMs = each.skewMs;
      tally.clocksSet += 1;
    }
    if (each.do === 'lose the table') await loseTable();
  }

  /** With no more changes, the poller becomes idle after an audit, whatever happened before. */
  async function runUntilIdle(by: Configuration = 'generous'): Promise<void> {
    await stack.removeItems(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1_000 <= now());
    await poll('poll', by, undisturbed);
    clockOffsetMs += HOUR;
    await poll('audit', 'generous', undisturbed);
    let quiet = false;
    for (let polls = 0; polls < 20 && !quiet; polls += 1) {
      clockOffsetMs += MINUTE;
      quiet = await poll('poll', 'generous', undisturbed);
    }
    must(quiet, 'The poller is idle after an audit');
  }
  clockOffsetMs += DAY;
  await runUntilIdle();
  if (finalStep.is === 'another day') {
    clockOffsetMs += DAY;
    await runUntilIdle();
  }
  if (finalStep.is === 'burst') {
    // Throttling at always the same page slows polls and must not stop them.
    const burst = start(finalStep.count, 'FAILED').filter(taskId => !undated.has(taskId));
    const arePublished = () => {
      const ids = new Set(stack.eventBridge.events.map(({ detail }) => detail.taskId));
      return burst.every(taskId => ids.has(taskId));
    };
    for (let polls = 0; polls < 3 * finalStep.count && !arePublished(); polls += 1) {
      clockOffsetMs += 1_000;
      await poll('poll', 'small', { is: 'throttled depth', pages: finalStep.calls });
    }
    must(arePublished(), 'A list throttled at a constant depth is worked off', burst);
    clockOffsetMs += DAY;
    await runUntilIdle();
  }
  if (finalStep.is === 'pause') {
    await poll('audit', 'small', { is: 'throttled depth', pages: 2 });
    clockOffsetMs += finalStep.days * DAY;
    await runUntilIdle(finalStep.by);
  }
  if (hasSecondSource) await secondSource.expectEachOnce(how());

  const clockWasSet = skews.some(skew => skew !== skews[0]);
  const overused = [...extraCalls].filter(([, calls]) => calls > EXTRA_CALLS_PER_DAY);
  must(clockWasSet || overused.length === 0, 'Nudges and follows stay within the daily limit of calls', overused);
  const checkpoint = await stack.checkpoint();
  const counted = verify({
    lives,
    undated,
    eras,
    undisturbedRuns,
    withoutRows,
    drift,
    steps,
    // With a wrong clock, the poller knows Partner Central's time to a second or two.
    slackMs: skews.some(skew => skew !== 0) ? 2_500 : 0,
    clockWasSet,
    events: stack.eventBridge.events,
    checkpoint: checkpoint ?? {},
    items: (await stack.items()).filter(item => item.source === source),
  });
  tally.events += counted.events;
  tally.stalled += counted.stalled;
  tally.repeats += counted.repeats;
  tally.drift += drift;
}
