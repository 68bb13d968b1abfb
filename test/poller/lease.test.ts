/** Writes of a run before it has read anything. */

import { DAY } from '../durations';
import { openMemoryStack } from '../in-memory/test-stack';

test('the lease expires five seconds after the deadline, when the run has ended', async () => {
  const stack = openMemoryStack();
  const poller = stack.anotherPoller();
  const deadline = stack.now() + 55_000;
  const seen: unknown[] = [];
  stack.partnerCentral.intercept = async () => {
    seen.push((await stack.checkpoint())?.leaseExpiresAtMs);
    return undefined;
  };
  await poller.invoke({ mode: 'poll' });
  expect(new Set(seen)).toEqual(new Set([deadline + 5_000]));
});

test('an emitSince in the future is stored as now, even by a first run that dies', async () => {
  const stack = openMemoryStack();
  const startedAt = stack.now();
  const poller = stack.anotherPoller({ emitSince: new Date(stack.now() + DAY).toISOString() });
  stack.partnerCentral.intercept = async () => {
    await poller.kill();
    return { when: 'before', how: 'hang' };
  };
  await poller.invoke({ mode: 'poll' });
  expect((await stack.checkpoint())?.emitSince).toBe(new Date(startedAt).toISOString());
});
