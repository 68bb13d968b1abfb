/**
 * Random lives of tasks, polls that are disturbed at random, and a model that says what must come of it: on ports in
 * memory, where thousands take a minute, and with the real bundle over real HTTP.
 */
import fc from 'fast-check';
import type { InvocationMode } from '../../lambdas/poller/invocation';
import type { Settings } from '../../lambdas/poller/settings';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { sourceId } from '../../lambdas/source-id';
import { DAY, HOUR, MINUTE } from '../durations';
import { type Disturbance, disturb, type LifePoller, type LifeStack, oldEntry, undisturbed } from './disturbance';
import { judge } from './judge';
import { openNeighbour } from './neighbour';
import {
  type Configuration,
  configurations,
  EXTRA_CALLS_PER_DAY,
  FILTERED_OPPORTUNITY,
  type Story,
  story,
} from './story';
import type { Life } from './world';

/** What has happened in all cases together: a generator that went dull would prove nothing. */
const tally = {
  polls: 0,
  cut: 0,
  deaths: 0,
  frozen: 0,
  overtaken: 0,
  mishaps: 0,
  tablesLost: 0,
  clocksSet: 0,
  neighbours: 0,
  nudges: 0,
  follows: 0,
  daysUsedUp: 0,
  events: 0,
  stalled: 0,
  repeats: 0,
  drift: 0,
};

/** From one loss of the table to the next, the poller knows what it has published. */
export interface Era {
  /** How many events came before it. */
  readonly firstEvent: number;
  /** Since when to publish, as the first run that was told Partner Central's time has fixed it. */
  emitSince?: number;
  /** The earliest that the table had. */
  earliest: number;
  /** Earlier moments that were asked for, when, and how many events came before that. */
  readonly askedFor: { readonly from: number; readonly since: number; readonly at: number }[];
  /** A poll saw only part of the tasks after that. */
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
/** The function of `following` once more: Lambda has several instances. */
let another: LifePoller;
let neighbour: ReturnType<typeof openNeighbour>;

/**
 * Prepares a test. `npm run fuzz -- --runs 50000` tries other lives, as many as wanted, and `--seed` repeats some.
 * @param usualRuns how many lives it tries otherwise, always the same ones: where it fails, the change at hand is why
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
    // Time is virtual here, and these would be kept by the thousand until a minute of the real one has passed.
    if (isInMemory) jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => new AbortController().signal);
    const taskFamily = taskFamilyNames[seed % taskFamilyNames.length] as Settings['taskFamily'];
    stack = await open({ taskFamily });
    source = sourceId({ catalog: 'Sandbox', taskFamily });
    settingsOf = configurations(stack.now());
    // Over HTTP pauses take no time, so that following would never end.
    if (!isInMemory) settingsOf.following.followMinutes = 0;
    pollers = Object.fromEntries(
      Object.entries(settingsOf).map(([name, each]) => [
        name,
        stack.anotherPoller({ taskStalledEvents: true, ...each }),
      ]),
    ) as typeof pollers;
    another = stack.anotherPoller({ taskStalledEvents: true, ...settingsOf.following });
    neighbour = openNeighbour(stack, taskFamily);
  });
  afterAll(() => stack.close());
  afterAll(() => jest.restoreAllMocks());
  afterAll(() => void process.stdout.write(`Random lives: ${JSON.stringify(tally)}\n`));

  return {
    async tryAll(): Promise<void> {
      await fc.assert(fc.asyncProperty(story, live), { numRuns: runs, seed });
      if (runs >= 1_000) expect(Object.entries(tally).filter(([, count]) => count === 0)).toEqual([]);
    },
    timeoutMs: runs * msForEach + 600_000,
  };
}

/** Jest's own expectations cost more than a poll does. */
function must(holds: boolean, rule: string, shown?: unknown): void {
  if (!holds) throw new Error(`${rule}: ${JSON.stringify(shown)}`);
}

async function live(told: Story): Promise<void> {
  const { watchedForMs, undatedEvery, oldEntryFirst, ignoresStatus, steps, epilogue } = told;
  await stack.reset();
  const lives = new Map<string, Life>();
  const blameless = new Set<string>();
  const withoutRows = new Set<string>();
  const undated = new Set<string>();
  let { clockSkewMs } = told;
  let clockOffsetMs = 0;
  let drift = 0;
  let era = newEra(0);
  const eras = [era];
  let isFirst = true;
  /** A frozen run waits to go on. */
  let isOvertaking = false;
  const hasNeighbour = told.hasNeighbour && undatedEvery === 0;
  const now = () => stack.now() + clockOffsetMs;
  const how = () => ({ clockOffsetMs, clockSkewMs });
  const skews = [clockSkewMs, ...steps.flatMap(each => (each.do === 'set the clock' ? [each.skewMs] : []))];
  if (stack.canFreeze) stack.dynamoDb.indexLagMs = told.indexLagMs;

  /** List calls of nudges and follows, by the day on which the poller's clock was. */
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

  function note(taskId: string, status: string, since = now()): void {
    const task = stack.store.get(taskId);
    const life = lives.get(taskId);
    const phases = [...(life?.phases ?? []), { since, status, reasonCode: task?.reasonCode }];
    if (!life && undatedEvery > 0 && lives.size % undatedEvery === 0) undated.add(taskId);
    lives.set(taskId, {
      startTimeMs: task?.startTimeMs ?? 0,
      isUndated: undated.has(taskId),
      isListed: true,
      wasNoted: false,
      ...life,
      phases,
    });
  }

  function start(count: number, status: string, startedAt = now(), since = now()): string[] {
    return Array.from({ length: count }, (_, at) => {
      const opportunityId = at % 2 === 0 ? FILTERED_OPPORTUNITY : 'O2';
      const { taskId } = stack.store.add({ status, startTimeMs: startedAt, opportunityId });
      note(taskId, status, since);
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
    // Once asked for, an earlier moment holds for what is published from then on, even by a run that dies.
    if (configured !== undefined)
      era.askedFor.push({ from: stack.eventBridge.events.length, since: Date.parse(configured), at: now() });
    if (by === 'filtered' && era.askedFor.length > 0) era.filteredSince = true;
    const callsBefore = stack.partnerCentral.calls.total;
    const day = dayOfPoller();
    const { result, error } = await host.invoke({ mode }, how());
    const polls = stack.summaries?.splice(0) ?? (result ? [result] : []);
    disturb(stack, undisturbed, host, quirks); // another poll may still be at work
    tally.polls += 1;
    tally.deaths += hit.died ? 1 : 0;
    tally.frozen += hit.froze ? 1 : 0;
    tally.overtaken += isOvertaking && result?.outcome !== 'skipped' ? 1 : 0;
    tally.mishaps += hit.answersWereLost ? 1 : 0;
    tally.cut += result?.gaps ? 1 : 0;
    drift += result?.drift ?? 0;
    if (hit.died) {
      must(error?.name === 'ProcessDied', 'A process that is killed dies', error);
    } else {
      must(hit.mayFail || error === undefined, 'No run fails that only a fault disturbs', error);
      // What an overtaken run has in flight may undo what the other one has written.
      if (!hit.answersWereLost && !hit.froze && !isOvertaking) for (const { runId } of polls) blameless.add(runId);
    }
    for (const each of polls) {
      const { maxEventsPerRun, maxListCallsPerRun } = settingsOf[by];
      must(each.published <= Number(maxEventsPerRun), 'Events are bounded', each);
      must(each.listCalls <= Number(maxListCallsPerRun), 'Calls are bounded', each);
    }
    countExtraCalls();

    function countExtraCalls(): void {
      const extra = polls.filter(each => each.mode === 'nudge' || each.mode === 'follow');
      tally.nudges += extra.filter(each => each.mode === 'nudge').length;
      tally.follows += extra.filter(each => each.mode === 'follow').length;
      const sum = (all: typeof polls) => all.reduce((calls, { listCalls }) => calls + listCalls, 0);
      // The calls of a poll that died are in no summary.
      const diedInExtra = hit.died && !hit.froze && (mode === 'nudge' || polls.length > 0);
      const ofTheDead = diedInExtra ? stack.partnerCentral.calls.total - callsBefore - sum(polls) : 0;
      const calls = (extraCalls.get(day) ?? 0) + sum(extra) + ofTheDead;
      if (day === dayOfPoller()) extraCalls.set(day, calls);
      if (calls > EXTRA_CALLS_PER_DAY - Number(settingsOf.following.maxListCallsPerRun)) tally.daysUsedUp += 1;
    }
    noteTable(await stack.items(), disturbed.is === 'no rows' && result?.outcome !== 'skipped');
    if (result?.outcome === 'complete' && isFirst && by !== 'filtered') {
      const overlooked = [...lives.values()].filter(
        life => life.isListed && life.phases.at(-1)?.status === 'IN_PROGRESS' && !life.wasNoted,
      );
      must(overlooked.length === 0, 'A first poll that was whole has learnt what is running', overlooked);
    }
    isFirst = false;
    return result?.outcome === 'complete' && result.gaps === 0;
  }

  function noteTable(items: readonly Record<string, unknown>[], tookNoRows: boolean): void {
    for (const row of items) {
      if (row.source !== source) continue;
      if (row.item === 'CHECKPOINT') {
        if (tookNoRows) withoutRows.add(String(row.leaseOwner));
        const emitSince = Date.parse(String(row.emitSince));
        if (!Number.isNaN(emitSince)) era.earliest = Math.min(era.earliest, emitSince);
        // What is to be published is fixed once Partner Central has told its time, whatever happens to the run that fixed it.
        if (row.clockOffsetMs !== undefined) era.emitSince ??= emitSince;
      } else if (row.unsettledSource) {
        const taskId = String(row.item).slice('TASK#'.length);
        const life = lives.get(taskId);
        if (life && !life.wasNoted) lives.set(taskId, { ...life, wasNoted: true });
      }
    }
  }

  async function pollNeighbour(knowsNothing = false): Promise<void> {
    if (!hasNeighbour) return;
    tally.neighbours += 1;
    if (knowsNothing) neighbour.forget();
    await neighbour.poll(how());
  }

  async function loseTable(): Promise<void> {
    await stack.removeItems(() => true);
    era = newEra(stack.eventBridge.events.length);
    eras.push(era);
    for (const [taskId, life] of lives) lives.set(taskId, { ...life, wasNoted: false });
    isFirst = true;
    extraCalls.clear();
    tally.tablesLost += 1;
    await pollNeighbour(true);
  }

  for (let day = 0; day < told.history; day += 1) {
    const endedAt = now() - (2 + day) * DAY;
    start(1, day % 3 === 0 ? 'FAILED' : 'COMPLETE', endedAt, endedAt);
  }
  if (oldEntryFirst) {
    const { taskId, startTimeMs, status } = oldEntry;
    const phases = [{ since: startTimeMs, status }];
    lives.set(taskId, { startTimeMs, phases, isUndated: false, isListed: false, wasNoted: false });
  }
  neighbour.begin();
  disturb(stack, undisturbed, pollers.generous, quirks);
  await pollNeighbour();
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
      if (hasNeighbour) neighbour.start(started, now());
    }
    if (each.do === 'change') {
      for (const taskId of ids.filter((_, at) => at >= each.first && (at - each.first) % each.every === 0)) {
        if (stack.store.get(taskId)?.status === each.status) continue;
        const reasonCode = each.status === 'FAILED' ? 'InternalError' : undefined;
        stack.store.set(taskId, { status: each.status, reasonCode });
        note(taskId, each.status);
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
      if (number % 3 === 0) await pollNeighbour();
    }
    if (each.do === 'poll twice at once') {
      const other = each.by === 'generous' ? 'medium' : 'generous'; // one instance does one thing at a time
      await Promise.all(([each.by, other] as const).map(by => poll('poll', by, undisturbed)));
    }
    if (each.do === 'nudge') {
      let pauses = 0;
      const endOne = () => {
        const taskId = ids.findLast(id => stack.store.get(id)?.status === 'IN_PROGRESS');
        if (pauses++ !== each.endsInPause || taskId === undefined) return;
        stack.store.set(taskId, { status: 'COMPLETE', reasonCode: undefined });
        note(taskId, 'COMPLETE');
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

  /** Nothing more happens: after an audit the poller comes to rest, whatever happened before. */
  async function comeToRest(by: Configuration = 'generous'): Promise<void> {
    await stack.removeItems(({ expiresAt }) => expiresAt !== undefined && Number(expiresAt) * 1_000 <= now());
    await poll('poll', by, undisturbed);
    clockOffsetMs += HOUR;
    await poll('audit', 'generous', undisturbed);
    let quiet = false;
    for (let polls = 0; polls < 20 && !quiet; polls += 1) {
      clockOffsetMs += MINUTE;
      quiet = await poll('poll', 'generous', undisturbed);
    }
    must(quiet, 'After an audit the poller comes to rest');
  }
  clockOffsetMs += DAY;
  await comeToRest();
  if (epilogue.is === 'another day') {
    clockOffsetMs += DAY;
    await comeToRest();
  }
  if (epilogue.is === 'burst') {
    // A service that throttles at the same depth each time makes polls slow, and doesn't stop them.
    const startedLast = start(epilogue.count, 'FAILED').filter(taskId => !undated.has(taskId));
    const areTold = () => {
      const ids = new Set(stack.eventBridge.events.map(({ detail }) => detail.taskId));
      return startedLast.every(taskId => ids.has(taskId));
    };
    for (let polls = 0; polls < 3 * epilogue.count && !areTold(); polls += 1) {
      clockOffsetMs += 1_000;
      await poll('poll', 'small', { is: 'throttled depth', pages: epilogue.calls });
    }
    must(areTold(), 'A list that is cut at the same depth each time is got through', startedLast);
    clockOffsetMs += DAY;
    await comeToRest();
  }
  if (epilogue.is === 'pause') {
    await poll('audit', 'small', { is: 'throttled depth', pages: 2 });
    clockOffsetMs += epilogue.days * DAY;
    await comeToRest(epilogue.by);
  }
  if (hasNeighbour) await neighbour.expectItsOwn(how());

  const clockWasSet = skews.some(skew => skew !== skews[0]);
  const overused = [...extraCalls].filter(([, calls]) => calls > EXTRA_CALLS_PER_DAY);
  must(clockWasSet || overused.length === 0, 'Nudges and follows stay within the calls of a day', overused);
  const checkpoint = await stack.checkpoint();
  const counted = judge({
    lives,
    undated,
    eras,
    blameless,
    withoutRows,
    drift,
    steps,
    // Where the poller's clock is wrong, it knows Partner Central's time to a second or two.
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
