/** What can happen in a random life: to tasks, to the table, to the configuration, to clocks and to runs. */
import fc from 'fast-check';
import type { Settings } from '../../lambdas/poller/settings';
import { DAY, HOUR, MINUTE } from '../durations';
import { type Disturbance, disturbance } from './disturbance';

const generousLimits = { headPageSize: 100, backlogPageSize: 1_000, maxEventsPerRun: 1_000, maxListCallsPerRun: 100 };

/** Small pages and budgets cut runs short; a change from one to another makes cursors worthless. */
const smallLimits = { headPageSize: 2, backlogPageSize: 10, maxEventsPerRun: 10, maxListCallsPerRun: 10 };

/** So few that a few polls by request use them up. */
export const EXTRA_CALLS_PER_DAY = 24;

/** Every second task is of it. */
export const FILTERED_OPPORTUNITY = 'O1';

/** The configurations between which an operator changes from one poll to the next. @param now when the story begins */
export const configurations = (now: number) =>
  ({
    small: smallLimits,
    medium: { headPageSize: 7, backlogPageSize: 25, maxEventsPerRun: 15, maxListCallsPerRun: 12 },
    generous: generousLimits,
    shortRetention: { ...generousLimits, retentionDays: 2 },
    filtered: { ...generousLimits, opportunityIdentifiers: [FILTERED_OPPORTUNITY] },
    sinceAnHour: { ...generousLimits, emitSince: new Date(now - HOUR).toISOString() },
    sinceThreeDays: { ...smallLimits, emitSince: new Date(now - 3 * DAY).toISOString() },
    sinceEver: { ...generousLimits, emitSince: '1970-01-01T00:00:00Z' },
    following: {
      ...generousLimits,
      followMinutes: 5,
      maxListCallsPerRun: 10,
      maxExtraListCallsPerDay: EXTRA_CALLS_PER_DAY,
    },
    quieter: { ...generousLimits, taskStalledEvents: false, includeMessage: false, lookbackMinutes: 60 },
  }) satisfies Record<string, Partial<Settings>>;

export type Configuration = keyof ReturnType<typeof configurations>;

export type Step =
  | { do: 'start'; count: number; ago: number; status: string }
  | { do: 'change'; first: number; every: number; status: string }
  | { do: 'remove'; pick: number }
  | { do: 'wait'; ms: number }
  /** So many times, a minute apart. */
  | { do: 'poll'; mode: 'poll' | 'audit'; by: Configuration; disturbed: Disturbance; times: number }
  | { do: 'poll twice at once'; by: Configuration }
  /** In the pause with this number, a task that runs finishes, if there is such a pause. */
  | { do: 'nudge'; disturbed: Disturbance; endsInPause: number; atWork: boolean; times: number }
  /** The poller's clock is put so far ahead of Partner Central's. */
  | { do: 'set the clock'; skewMs: number }
  /** All that any run has ever written is gone. */
  | { do: 'lose the table' };

const skews = [0, 10 * MINUTE, -10 * MINUTE];
const statuses = fc.constantFrom('IN_PROGRESS', 'COMPLETE', 'FAILED', 'COMPLETE', 'FAILED', 'SUSPENDED');
const configuration = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Configuration>('small') },
  { weight: 4, arbitrary: fc.constant<Configuration>('medium') },
  { weight: 4, arbitrary: fc.constant<Configuration>('generous') },
  {
    weight: 9,
    arbitrary: fc.constantFrom<Configuration>(
      'shortRetention',
      'shortRetention',
      'filtered',
      'filtered',
      'sinceAnHour',
      'sinceAnHour',
      'sinceThreeDays',
      'quieter',
    ),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 25,
    arbitrary: fc.record({
      do: fc.constant('start'),
      count: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 6 }) },
        { weight: 1, arbitrary: fc.integer({ min: 7, max: 18 }) },
      ),
      // Just now; late, but within the look back; so late that only an audit finds it.
      ago: fc.constantFrom(0, 0, 3 * MINUTE, 2 * HOUR),
      status: fc.constantFrom('IN_PROGRESS', 'IN_PROGRESS', 'COMPLETE', 'FAILED'),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('change'),
      first: fc.nat(30),
      every: fc.integer({ min: 1, max: 6 }),
      status: statuses,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('remove'), pick: fc.nat(30) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(MINUTE, 10 * MINUTE, 5 * HOUR) }) },
  {
    weight: 50,
    arbitrary: fc.record({
      do: fc.constant('poll'),
      mode: fc.constantFrom('poll', 'poll', 'poll', 'audit'),
      by: configuration,
      disturbed: disturbance,
      times: fc.constantFrom(1, 1, 1, 3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('poll twice at once'), by: configuration }) },
  {
    weight: 15,
    arbitrary: fc.record({
      do: fc.constant('nudge'),
      disturbed: disturbance,
      endsInPause: fc.nat(6),
      // Whether a scheduled poll is at work, which follows too.
      atWork: fc.boolean(),
      times: fc.constantFrom(1, 2, 5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set the clock'), skewMs: fc.constantFrom(...skews) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'lose the table' }) },
);

/** What comes when all that was to happen has happened, and the poller has come to rest. */
export type Epilogue =
  | { is: 'nothing' }
  | { is: 'another day' }
  /** So many tasks end, and every List call is throttled that comes after so many. */
  | { is: 'burst'; count: number; calls: number }
  /** Nobody polls while an audit is open, for so many days; then somebody polls who may ask for what came before. */
  | { is: 'pause'; days: number; by: Configuration };

const epilogue: fc.Arbitrary<Epilogue> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Epilogue>({ is: 'nothing' }) },
  { weight: 2, arbitrary: fc.constant<Epilogue>({ is: 'another day' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant('burst'),
      count: fc.integer({ min: 10, max: 24 }),
      calls: fc.integer({ min: 2, max: 5 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant('pause'),
      days: fc.constantFrom(20, 100), // in the longer one all rows expire
      by: fc.constantFrom<Configuration>('generous', 'sinceAnHour', 'sinceEver'),
    }),
  },
);

export const story = fc.record({
  /** Half of the stories begin with the first poll, the others long after it. */
  watchedForMs: fc.constantFrom(0, DAY),
  /** How far the poller's clock is ahead of Partner Central's. */
  clockSkewMs: fc.constantFrom(0, ...skews),
  /** How long the index shows a row late. */
  indexLagMs: fc.constantFrom(0, 0, 2_000, 20_000),
  /** So many tasks ended before the first poll, two to 41 days earlier. */
  history: fc.constantFrom(0, 0, 3, 12),
  /** Every so many tasks one has no start time; 0: none. */
  undatedEvery: fc.constantFrom(0, 0, 3, 1),
  oldEntryFirst: fc.constantFrom(false, false, true),
  ignoresStatus: fc.constantFrom(false, false, true),
  /** A second source is on the table, with tasks of the same ids. */
  hasNeighbour: fc.constantFrom(false, false, true),
  steps: fc.array(step, { minLength: 1, maxLength: 10, size: 'max' }),
  epilogue,
});
export type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;
