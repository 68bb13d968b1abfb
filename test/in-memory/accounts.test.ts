/** Named sources of one catalog and family: each has its own rows, and its name in its events. */
import { sourceId } from '../../lambdas/source-id';
import { DAY, MINUTE } from '../durations';
import { openMemoryStack } from './test-stack';

test('each source has its own rows, checkpoint and lease, and its name in its events', async () => {
  const stack = openMemoryStack();
  const pollers = ['acme', 'beta', undefined].map(name => stack.anotherPoller(name === undefined ? {} : { name }));
  const pollAll = async () => {
    for (const poller of pollers) expect((await poller.invoke({ mode: 'poll' })).result?.outcome).toBe('complete');
  };
  await pollAll();
  stack.pass(MINUTE);
  // All accounts of this test have the same tasks, so each source must publish the task.
  const { taskId } = stack.store.add({ status: 'FAILED', startTimeMs: stack.now() });
  await pollAll();
  await pollAll();

  const details = stack.eventBridge.events.map(({ detail }) => detail as Record<string, unknown>);
  expect(details.map(({ taskId: id, sourceName }) => [id, sourceName])).toEqual([
    [taskId, 'acme'],
    [taskId, 'beta'],
    [taskId, undefined],
  ]);
  expect(new Set(details.map(({ eventId }) => eventId)).size).toBe(1); // the id is the same from every source
  const key = { catalog: 'Sandbox', taskFamily: 'OpportunityFromEngagement' };
  const ids = [...['acme', 'beta'].map(name => sourceId({ ...key, name })), 'Sandbox#OpportunityFromEngagement'];
  const items = (await stack.items()).map(({ source, item }) => `${source} ${item}`);
  expect(items.sort()).toEqual(ids.flatMap(id => [`${id} CHECKPOINT`, `${id} TASK#${taskId}`]).sort());
});

test('a source that gets a name starts with an empty state and publishes no history', async () => {
  const stack = openMemoryStack();
  await stack.poller.invoke({ mode: 'poll' });
  stack.pass(MINUTE);
  stack.store.add({ status: 'FAILED', startTimeMs: stack.now() });
  await stack.poller.invoke({ mode: 'poll' });
  stack.pass(DAY);
  await stack.anotherPoller({ name: 'acme' }).invoke({ mode: 'poll' });
  expect(stack.eventBridge.events).toHaveLength(1);
});
