/**
 * Random lives of tasks, polls that are disturbed at random, and a model that says what must come of it: on ports in
 * memory, where thousands take a minute, and with the real bundle over real HTTP.
 */
import fc from 'fast-check';
import * as v from 'valibot';
import type { Settings } from '../../lambdas/poller/settings';
import { taskFamilyNames } from '../../lambdas/poller/task-families';
import { taskEventSchema, taskStalledEventSchema } from '../../lambdas/task-event';
import { DAY, HOUR, MINUTE } from '../integration/test-stack';
import {
  type Disturbance,
  disturb,
  disturbance,
  type LifePoller,
  type LifeStack,
  oldEntry,
  undisturbed,
} from './disturbance';
import {
  isHistory,
  isStalledTruly,
  isTerminal,
  isTrue,
  type Life,
  mustBeTold,
  mustBeToldStalled,
  type Told,
  toldInVain,
} from './world';

const generousLimits = { headPageSize: 100, backlogPageSize: 1_000, maxEventsPerRun: 1_000, maxListCallsPerRun: 100 };

/** Small pages and budgets cut runs short; a change from one to another makes cursors worthless. */
const settings = (now: number): Partial<Settings>[] => [
  { headPageSize: 2, backlogPageSize: 10, maxEventsPerRun: 10, maxListCallsPerRun: 10 },
  { headPageSize: 7, backlogPageSize: 25, maxEventsPerRun: 15, maxListCallsPerRun: 12 },
  generousLimits,
  // The same, but for what an operator may change from one poll to the next.
  { ...generousLimits, retentionDays: 2 },
  { ...generousLimits, opportunityIdentifiers: ['O1'] }, // no task is of it
  { ...generousLimits, emitSince: new Date(now - HOUR).toISOString() },
  { ...generousLimits, emitSince: '1970-01-01T00:00:00Z' },
];
const small = 0;
const generous = 2;
const sinceAnHour = 5;
const sinceEver = 6;
const filtered = 4;
const LOOK_BACK = 5 * MINUTE;

type Step =
  | { do: 'start'; count: number; ago: number; status: string }
  | { do: 'change'; first: number; every: number; status: string }
  | { do: 'remove'; pick: number }
  | { do: 'wait'; ms: number }
  /** So many times, a minute apart. */
  | { do: 'poll'; mode: 'poll' | 'audit'; by: number; disturbed: Disturbance; times: number }
  | { do: 'poll twice at once'; by: number };

const statuses = fc.constantFrom('IN_PROGRESS', 'COMPLETE', 'FAILED', 'COMPLETE', 'FAILED', 'SUSPENDED');
const poller = fc.constantFrom(0, 0, 0, 0, 1, 1, generous, generous, 3, filtered, sinceAnHour);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('start'),
      count: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 6 }) },
        { weight: 1, arbitrary: fc.integer({ min: 7, max: 30 }) },
      ),
      // Just now; late, but within the look back; so late that only an audit finds it.
      ago: fc.constantFrom(0, 0, 3 * MINUTE, 2 * HOUR),
      status: fc.constantFrom('IN_PROGRESS', 'IN_PROGRESS', 'COMPLETE', 'FAILED'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change'),
      first: fc.nat(30),
      every: fc.integer({ min: 1, max: 6 }),
      status: statuses,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), pick: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(MINUTE, 10 * MINUTE, 5 * HOUR) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('poll'),
      mode: fc.constantFrom('poll', 'poll', 'poll', 'audit'),
      by: poller,
      disturbed: disturbance,
      times: fc.constantFrom(1, 1, 1, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('poll twice at once'), by: poller }) },
);

/** What has happened in all cases together: a generator that went dull would prove nothing. */
const tally = { polls: 0, cut: 0, deaths: 0, mishaps: 0, events: 0, stalled: 0, repeats: 0, drift: 0 };

const story = fc.record({
  /** Half of the stories begin with the first poll, the others long after it. */
  watchedForMs: fc.constantFrom(0, DAY),
  /** How far the poller's clock is ahead of Partner Central's. */
  clockSkewMs: fc.constantFrom(0, 0, 10 * MINUTE, -10 * MINUTE),
  /** So many tasks ended before the first poll, two to 41 days earlier. */
  history: fc.constantFrom(0, 0, 3, 12),
  /** Every so many tasks one has no start time; 0: none. */
  undatedEvery: fc.constantFrom(0, 0, 3, 1),
  oldEntryFirst: fc.constantFrom(false, false, true),
  ignoresStatus: fc.constantFrom(false, false, true),
  /** After everything, a burst of so many tasks, with every List call throttled that comes after so many. */
  burst: fc.oneof(
    { weight: 7, arbitrary: fc.constant({ count: 0, calls: 0 }) }, // the SDK's pauses take real time
    {
      weight: 1,
      arbitrary: fc.record({ count: fc.integer({ min: 10, max: 24 }), calls: fc.integer({ min: 2, max: 5 }) }),
    },
  ),
  /** And then an earlier moment since which to publish, and a pause in which all rows expire. */
  lastPoller: fc.constantFrom(sinceAnHour, sinceEver),
  steps: fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }),
});
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

let stack: LifeStack;
let limits: Partial<Settings>[];
let pollers: LifePoller[];

/**
 * Prepares a test. `npm run fuzz -- --runs 50000` tries other lives, as many as wanted, and `--seed` repeats some.
 * @param usualRuns how many lives it tries otherwise, always the same ones: where it fails, the change at hand is why
 */
export function prepareLives(
  open: (settings: Partial<Settings>) => LifeStack | Promise<LifeStack>,
  usualRuns: number,
  msForEach: number,
) {
  const runs = Number(process.env.FUZZ_RUNS ?? usualRuns);
  const otherSeed = () => (process.env.FUZZ_RUNS ? Math.floor(Math.random() * 2 ** 31) : 4_711);
  const seed = Number(process.env.FUZZ_SEED ?? otherSeed());

  beforeAll(async () => {
    process.stdout.write(`Random lives: ${runs} cases from seed ${seed}\n`);
    stack = await open({ taskFamily: taskFamilyNames[seed % taskFamilyNames.length] as Settings['taskFamily'] });
    limits = settings(stack.now());
    pollers = limits.map(each => stack.anotherPoller({ ...each, taskStalledEvents: true }));
  });
  afterAll(() => stack.close());
  afterAll(() => void process.stdout.write(`Random lives: ${JSON.stringify(tally)}\n`));

  return {
    async tryAll(): Promise<void> {
      await fc.assert(fc.asyncProperty(story, live), { numRuns: runs, seed });
      if (runs >= 1_000) expect(Object.entries(tally).filter(([, count]) => count === 0)).toEqual([]);
    },
    timeoutMs: runs * msForEach + 600_000,
  };
}

async function live(story: Story): Promise<void> {
  const { watchedForMs, clockSkewMs, undatedEvery, oldEntryFirst, ignoresStatus, steps, burst } = story;
  await stack.reset();
  const lives = new Map<string, Life>();
  const blameless = new Set<string>();
  let clockOffsetMs = 0;
  let drift = 0;
  const withoutRows = new Set<string>();
  const slackMs = clockSkewMs === 0 ? 0 : 2_500;
  const undated = new Set<string>();
  let emitSince: number | undefined;
  const askedFor: { from: number; since: number }[] = [];
  let isFirst = true;
  const now = () => stack.now() + clockOffsetMs;

  const quirks = { isUndated: (taskId: string) => undated.has(taskId), oldEntryFirst, ignoresStatus };

  function note(taskId: string, status: string, since = now()): void {
    const task = stack.store.get(taskId);
    const life = lives.get(taskId);
    const phases = [...(life?.phases ?? []), { since, status, reasonCode: task?.reasonCode }];
    if (!life && undatedEvery > 0 && lives.size % undatedEvery === 0) undated.add(taskId);
    const isUndated = undated.has(taskId);
    lives.set(taskId, {
      startTimeMs: task?.startTimeMs ?? 0,
      isUndated,
      isListed: true,
      wasNoted: false,
      ...life,
      phases,
    });
  }

  function start(count: number, status: string, startedAt = now(), since = now()): void {
    for (let at = 0; at < count; at += 1) {
      const { taskId } = stack.store.add({ status, startTimeMs: startedAt });
      note(taskId, status, since);
    }
  }

  async function poll(mode: 'poll' | 'audit', by: number, disturbed: Disturbance): Promise<boolean> {
    const host = pollers[by] as LifePoller;
    const hit = disturb(stack, disturbed, host, quirks);
    const configured = limits[by]?.emitSince;
    // Once asked for, an earlier moment holds for what is published from then on, even by a run that dies.
    if (configured !== undefined)
      askedFor.push({ from: stack.eventBridge.events.length, since: Date.parse(configured) });
    const { result, error } = await host.invoke({ mode }, { clockOffsetMs, clockSkewMs });
    disturb(stack, undisturbed, host, quirks); // another poll may still be at work
    tally.polls += 1;
    const began = (await stack.checkpoint())?.leaseOwner;
    if (disturbed.is === 'no rows' && result?.outcome !== 'skipped') withoutRows.add(String(began));
    tally.deaths += hit.died ? 1 : 0;
    tally.mishaps += hit.answersWereLost ? 1 : 0;
    tally.cut += result?.gaps ? 1 : 0;
    drift += result?.drift ?? 0;
    if (hit.died) {
      expect(error?.name).toBe('ProcessDied');
    } else {
      if (!hit.mayFail) expect(error).toBeUndefined();
      if (!error) expect(result?.published).toBeLessThanOrEqual(limits[by]?.maxEventsPerRun as number);
      if (!error) expect(result?.listCalls).toBeLessThanOrEqual(limits[by]?.maxListCallsPerRun as number);
      if (result && !hit.answersWereLost) blameless.add(result.runId);
    }
    for (const { item, unsettledSource, ...checkpoint } of await stack.items()) {
      // What is to be told about is fixed once Partner Central has told its time, whatever happens to the run that fixed it.
      if (checkpoint.clockOffsetMs !== undefined) emitSince ??= Date.parse(checkpoint.emitSince as string);
      const life = lives.get(String(item).slice('TASK#'.length));
      if (life && unsettledSource) lives.set(String(item).slice('TASK#'.length), { ...life, wasNoted: true });
    }
    if (result?.outcome === 'complete' && isFirst && by !== filtered) {
      const overlooked = [...lives.values()].filter(
        life => life.isListed && life.phases.at(-1)?.status === 'IN_PROGRESS' && !life.wasNoted,
      );
      expect(overlooked).toEqual([]); // a first poll that was whole has learnt what is running
    }
    isFirst = false;
    return result?.outcome === 'complete' && result.gaps === 0;
  }

  for (let day = 0; day < story.history; day += 1) {
    const endedAt = now() - (2 + day) * DAY;
    start(1, day % 3 === 0 ? 'FAILED' : 'COMPLETE', endedAt, endedAt);
  }
  if (oldEntryFirst) {
    const { taskId, startTimeMs, status } = oldEntry;
    const phases = [{ since: startTimeMs, status }];
    lives.set(taskId, { startTimeMs, phases, isUndated: false, isListed: false, wasNoted: false });
  }
  if (watchedForMs > 0) {
    await poll('poll', generous, undisturbed);
    clockOffsetMs += watchedForMs;
    await poll('poll', generous, undisturbed);
  }
  for (const each of steps) {
    clockOffsetMs += 1_000;
    const ids = [...lives.keys()].filter(taskId => lives.get(taskId)?.isListed);
    if (each.do === 'wait') clockOffsetMs += each.ms;
    if (each.do === 'start') start(each.count, each.status, now() - each.ago);
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
    }
    if (each.do === 'poll twice at once') {
      await Promise.all([each.by % generous, generous].map(by => poll('poll', by, undisturbed)));
    }
  }

  /** Nothing more happens: after an audit the poller comes to rest, whatever happened before. */
  async function comeToRest(by = generous): Promise<void> {
    await stack.expireRows(now());
    await poll('poll', by, undisturbed);
    clockOffsetMs += HOUR;
    await poll('audit', generous, undisturbed);
    let quiet = false;
    for (let polls = 0; polls < 20 && !quiet; polls += 1) {
      clockOffsetMs += MINUTE;
      quiet = await poll('poll', generous, undisturbed);
    }
    expect(quiet).toBe(true);
  }
  for (const pauseMs of [DAY, DAY]) {
    clockOffsetMs += pauseMs;
    await comeToRest();
  }

  // A service that throttles at the same depth each time makes polls slow, and doesn't stop them.
  start(burst.count, 'FAILED');
  const startedLast = [...lives.keys()].slice(lives.size - burst.count).filter(taskId => !undated.has(taskId));
  const areTold = () => {
    const told = new Set(stack.eventBridge.events.map(({ detail }) => detail.taskId));
    return startedLast.every(taskId => told.has(taskId));
  };
  for (let polls = 0; polls < 3 * burst.count && !areTold(); polls += 1) {
    clockOffsetMs += 1_000;
    await poll('poll', small, { is: 'throttled depth', pages: burst.calls });
  }
  expect(areTold()).toBe(true);

  // Nobody polls while an audit is open, until all rows have expired; then somebody asks for what came before the first.
  for (const [days, by] of [
    [20, generous],
    [100, story.lastPoller],
  ] as const) {
    await poll('audit', small, { is: 'throttled depth', pages: 2 });
    clockOffsetMs += days * DAY;
    await comeToRest(by);
  }

  const checkpoint = await stack.checkpoint();
  if (emitSince === undefined) throw new Error('No poll has begun');
  // It is fixed once, unless an earlier one is configured later on.
  const earliest = Date.parse(checkpoint?.emitSince as string);
  expect(earliest).toBeLessThanOrEqual(emitSince);
  const since = emitSince;
  const historyUntil = new Map(
    stack.eventBridge.events.map(({ detail }, at) => {
      const earlier = askedFor.filter(({ from, since: asked }) => from <= at && asked < since);
      // Where it lies among dated ones doesn't tell whether an undated task started since then or before.
      // What the table takes no row of is forgotten, and without a start time nothing else tells how old it is.
      const nobodyKnows = undated.has(detail.taskId as string) && (earlier.length > 0 || withoutRows.size > 0);
      const until = nobodyKnows
        ? Number.NEGATIVE_INFINITY
        : Math.min(since, ...earlier.map(({ since: asked }) => asked));
      return [`${detail.runId} ${detail.eventId}`, until];
    }),
  );
  const ofType = (isStalled: boolean) =>
    stack.eventBridge.events.filter(event => (event['detail-type'] === 'TaskStalled') === isStalled);
  const events = ofType(false).map(({ detail }) => v.parse(taskEventSchema, detail) as Told);
  const stalled = ofType(true).map(({ detail }) => v.parse(taskStalledEventSchema, detail));
  const all = [...events, ...stalled];
  tally.events += events.length;
  tally.stalled += stalled.length;
  const told = new Set(events.map(({ taskId, taskStatus }) => `${taskId} ${taskStatus}`));

  const lost = [...lives].flatMap(([taskId, life]) => {
    const status = mustBeTold(life, since, slackMs);
    return status === undefined || told.has(`${taskId} ${status}`) ? [] : [`${taskId} ${status}`];
  });
  expect(lost).toEqual([]);
  const invented = events.filter(event => {
    const life = lives.get(event.taskId);
    const until = historyUntil.get(`${event.runId} ${event.eventId}`) as number;
    return life === undefined || !isTrue(event, life, slackMs) || isHistory(life, until, slackMs);
  });
  const isUndated = ({ taskId }: Told) => undated.has(taskId);
  expect(invented.filter(event => !isUndated(event))).toEqual([]);
  // Of a few at the top of the list, with hardly a start time above them, nothing tells that they are old.
  expect(invented.filter(isUndated).slice(2)).toEqual([]);
  expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(told.size);

  const toldToStall = new Set(stalled.map(({ taskId }) => taskId));
  const tellSince = Date.parse(checkpoint?.tellStalledSince as string);
  const stallsUntold = [...lives].filter(
    ([taskId, life]) => mustBeToldStalled(life, since, tellSince, slackMs) && !toldToStall.has(taskId),
  );
  expect(stallsUntold).toEqual([]);
  expect(stalled.filter(one => !isStalledTruly(one, lives.get(one.taskId) as Life, earliest, slackMs))).toEqual([]);
  expect(new Set(stalled.map(({ eventId }) => eventId)).size).toBe(toldToStall.size);

  // A table that takes no rows has an event told in vain once, and not in each poll; whole audits forget that it did.
  const audits = steps.reduce((sum, each) => sum + (each.do === 'poll' && each.mode === 'audit' ? each.times : 0), 0);
  const inVain = new Map<string, number>();
  for (const { eventId, runId } of all) if (withoutRows.has(runId)) inVain.set(eventId, (inVain.get(eventId) ?? 0) + 1);
  expect([...inVain].filter(([, times]) => times > 1 + audits)).toEqual([]);

  tally.repeats += all.length - told.size - toldToStall.size;
  // That a task stalled is known as long as its row lives. One that ends, loses its row and runs again may stall anew.
  const isAnew = ({ eventId, detectedBefore }: { eventId: string; detectedBefore: string }) =>
    stalled.some(first => {
      const later = Date.parse(detectedBefore) - Date.parse(first.detectedBefore);
      return first.eventId === eventId && later > 90 * DAY;
    });
  const inTime = all.filter(event => !isAnew(event));
  const culprits = [...toldInVain(inTime)].filter(([runId, ids]) => blameless.has(runId) || ids.size > 10);
  expect(culprits).toEqual([]);
  const twiceInARun = all.filter(
    ({ runId, eventId }, at) =>
      blameless.has(runId) && all.findIndex(other => other.runId === runId && other.eventId === eventId) !== at,
  );
  expect(twiceInARun).toEqual([]);

  tally.drift += drift;
  const late = steps.flatMap(each => (each.do === 'start' && each.ago > LOOK_BACK ? [each.count] : []));
  // An event whose row was refused waits for an audit to try again.
  if (withoutRows.size === 0) expect(drift).toBeLessThanOrEqual(late.reduce((sum, count) => sum + count, 0));

  expect(checkpoint).toMatchObject({ leaseExpiresAtMs: 0, gaps: [], initialised: true });
  const restless = (await stack.items()).flatMap(({ item, unsettledSource }) => {
    const life = lives.get(String(item).slice('TASK#'.length));
    return unsettledSource && life?.isListed && isTerminal(life.phases.at(-1)?.status ?? '') ? [item] : [];
  });
  expect(restless).toEqual([]);
}
