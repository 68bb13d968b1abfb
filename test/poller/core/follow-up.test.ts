import { followPauseMs, nextPollInMs } from '../../../lambdas/poller/core/follow-up';
import { MINUTE } from '../../durations';

test('the pauses grow with the age of the youngest task, from 2 to 15 seconds', () => {
  const ages: number[] = [];
  for (let age = 0; age < 90_000; age += followPauseMs(age)) ages.push(Math.round(age / 100) / 10);
  expect(ages).toEqual([0, 2, 4.3, 7.1, 10.2, 13.9, 18.3, 23.3, 29.2, 36.1, 44.1, 53.4, 64.3, 77]);
});

const base = { startedAt: 10_000, now: 11_000, pollRequested: false, followMs: 5 * MINUTE };

test.each<[string, Partial<Parameters<typeof nextPollInMs>[0]>, number | undefined]>([
  ['nothing runs', {}, undefined],
  ['a young task runs', { youngestAgeMs: 6_000 }, 3_000],
  ['only old tasks run', { youngestAgeMs: 5 * MINUTE }, undefined],
  ['following is switched off', { youngestAgeMs: 0, followMs: 0 }, undefined],
  ['a task starts in the future', { youngestAgeMs: -6_000 }, 2_000],
  ['following is switched off and a task starts in the future', { youngestAgeMs: -6_000, followMs: 0 }, undefined],
  ['another poll is requested', { pollRequested: true }, 2_000],
  ['another poll is requested and a task is young', { pollRequested: true, youngestAgeMs: 60_000 }, 2_000],
  ['another poll is requested after a long one', { pollRequested: true, now: 30_000 }, 0],
  ['another poll is requested with following switched off', { pollRequested: true, followMs: 0 }, 2_000],
])('%s', (_, given, expected) => {
  expect(nextPollInMs({ ...base, ...given })).toBe(expected);
});
