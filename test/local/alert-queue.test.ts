import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { alertQueue, batchesOf } from '../../local/services/alert-queue';
import type { DeliveredEvent } from '../../local/services/event-bridge';

const event = (message = '') => ({ detail: { message } }) as unknown as DeliveredEvent;
const none = { batchItemFailures: [] };

async function deliveries(queue: ReturnType<typeof alertQueue>) {
  const seen: SQSEvent[] = [];
  await queue.deliver(async batch => {
    seen.push(batch);
    return none;
  });
  return seen;
}

test("limits a batch to the template's batch size", async () => {
  const queue = alertQueue(3);
  for (let at = 0; at < 7; at += 1) queue.send(event());
  expect((await deliveries(queue)).map(({ Records }) => Records.length)).toEqual([3, 3, 1]);
  expect(queue.length).toBe(0);
});

test('each of five pollers gathers a batch, ten records at a time', async () => {
  const queue = alertQueue(10_000);
  for (let at = 0; at < 73; at += 1) queue.send(event());
  expect((await deliveries(queue)).map(({ Records }) => Records.length)).toEqual([20, 20, 13, 10, 10]);
});

test('limits a batch to 6 MB', () => {
  const records = Array.from({ length: 100 }, (_, at) => ({ messageId: String(at), body: 'm'.repeat(103_200) }));
  const batches = batchesOf(records as SQSRecord[], 10_000);
  expect(batches.map(({ length }) => length)).toEqual([60, 40]);
  const bytes = Buffer.byteLength(JSON.stringify({ Records: batches[0] }));
  expect(bytes).toBeLessThanOrEqual(6 * 1024 * 1024);
  expect(bytes).toBeGreaterThan(6 * 1024 * 1024 - 105_000);
});

test('delivers records again that the function returned as failed', async () => {
  const queue = alertQueue(10);
  for (let at = 0; at < 3; at += 1) queue.send(event(String(at)));
  let second = '';
  await queue.deliver(async ({ Records }) => {
    second = Records[1]?.messageId ?? '';
    return { batchItemFailures: [{ itemIdentifier: second }] };
  });
  const [again] = await deliveries(queue);
  expect(again?.Records.map(({ messageId }) => messageId)).toEqual([second]);
});

test('fails when the function fails: its batch and later ones stay in the queue', async () => {
  const queue = alertQueue(1);
  for (let at = 0; at < 3; at += 1) queue.send(event());
  let calls = 0;
  const invoke = async () => {
    calls += 1;
    if (calls === 2) throw new Error('oops');
    return none;
  };
  await expect(queue.deliver(invoke)).rejects.toThrow('oops');
  expect(queue.length).toBe(2);
});
