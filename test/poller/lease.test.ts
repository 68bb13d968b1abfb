/** What a run writes before it knows anything. */
import { openMemoryBed } from '../in-memory/bed';
import { DAY } from '../integration/bed';

test('the lease outlives the deadline by five seconds, in which the run must have ended', async () => {
  const bed = openMemoryBed();
  const poller = bed.anotherPoller();
  const deadline = bed.now() + 55_000;
  const seen: unknown[] = [];
  bed.partnerCentral.intercept = async () => {
    seen.push((await bed.checkpoint())?.leaseExpiresAtMs);
    return undefined;
  };
  await poller.invoke({ mode: 'poll' });
  expect(new Set(seen)).toEqual(new Set([deadline + 5_000]));
});

test('an emitSince that is still to come is stored as now, even by a first run that dies', async () => {
  const bed = openMemoryBed();
  const startedAt = bed.now();
  const poller = bed.anotherPoller({ emitSince: new Date(bed.now() + DAY).toISOString() });
  bed.partnerCentral.intercept = async () => {
    await poller.kill();
    return { when: 'before', how: 'hang' };
  };
  await poller.invoke({ mode: 'poll' });
  expect((await bed.checkpoint())?.emitSince).toBe(new Date(startedAt).toISOString());
});
