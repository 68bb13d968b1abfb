/** Random scenarios: what happens to tasks, table, configuration, clocks and runs. */
import fc from 'fast-check';
import type { Settings } from '../../lambdas/poller/settings';
import { DAY, HOUR, MINUTE } from '../durations';
import { type Disturbance, disturbance } from './disturbance';

const generousLimits = { headPageSize: 100, backlogPageSize: 1_000, maxEventsPerRun: 1_000, maxListCallsPerRun: 100 };

/** Small pages and budgets end runs early. A change of page size invalidates cursors. */
const smallLimits = { headPageSize: 2, backlogPageSize: 10, maxEventsPerRun: 10, maxListCallsPerRun: 10 };

/** A low limit that a few requested polls use up. */
export const EXTRA_CALLS_PER_DAY = 24;

/** Every second task has it. */
export const FILTERED_OPPORTUNITY = 'O1';

/** Configurations that an operator switches between polls. @param now start of the scenario */
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
  /** `times` polls, a minute apart. */
  | { do: 'poll'; mode: 'poll' | 'audit'; by: Configuration; disturbed: Disturbance; times: number }
  | { do: 'poll twice at once'; by: Configuration }
  /** A running task finishes in the pause with this number, if there is one. */
  | { do: 'nudge'; disturbed: Disturbance; endsInPause: number; atWork: boolean; times: number }
  /** Sets the poller's clock this far ahead of Partner Central's. */
  | { do: 'set the clock'; skewMs: number }
  /** Deletes all rows and the checkpoint. */
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
      // Just started; late, but within the lookback; so late that only an audit finds it.
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
      // Whether a scheduled poll runs at the same time.
      atWork: fc.boolean(),
      times: fc.constantFrom(1, 2, 5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set the clock'), skewMs: fc.constantFrom(...skews) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'lose the table' }) },
);

/** What happens after all steps, when the poller is idle. */
export type FinalStep =
  | { is: 'nothing' }
  | { is: 'another day' }
  /** `count` tasks end, and List calls are throttled after `calls`. */
  | { is: 'burst'; count: number; calls: number }
  /** No polls for `days` while an audit is open. Then a poll, perhaps with an earlier emitSince. */
  | { is: 'pause'; days: number; by: Configuration };

const finalStep: fc.Arbitrary<FinalStep> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<FinalStep>({ is: 'nothing' }) },
  { weight: 2, arbitrary: fc.constant<FinalStep>({ is: 'another day' }) },
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
      days: fc.constantFrom(20, 100), // all rows expire in the longer one
      by: fc.constantFrom<Configuration>('generous', 'sinceAnHour', 'sinceEver'),
    }),
  },
);

export const scenario = fc.record({
  /** Half of the scenarios begin with the first poll, the others a day later. */
  watchedForMs: fc.constantFrom(0, DAY),
  /** How far the poller's clock is ahead of Partner Central's. */
  clockSkewMs: fc.constantFrom(0, ...skews),
  /** Delay of rows in the index. */
  indexLagMs: fc.constantFrom(0, 0, 2_000, 20_000),
  /** Number of tasks that ended 2 to 41 days before the first poll. */
  history: fc.constantFrom(0, 0, 3, 12),
  /** One in `undatedEvery` tasks has no start time; 0: none. */
  undatedEvery: fc.constantFrom(0, 0, 3, 1),
  oldEntryFirst: fc.constantFrom(false, false, true),
  ignoresStatus: fc.constantFrom(false, false, true),
  /** There is a second source in the table, with the same task ids. */
  hasSecondSource: fc.constantFrom(false, false, true),
  steps: fc.array(step, { minLength: 1, maxLength: 10, size: 'max' }),
  finalStep,
});
export type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;
