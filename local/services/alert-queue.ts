/** The queue of failed tasks between the rule and the formatter: batches like Lambda's, without waiting. */
import { createHash, randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { DeliveredEvent } from './event-bridge';

/** Lambda's limit for one invocation: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const mostPayloadBytes = 6 * 1024 * 1024;

/** Number of pollers, each of which gathers a batch: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const usualPollers = 5;
/** Maximum number of messages that a poller receives with one request. */
const mostReceived = 10;

export type InvokeFormatter = (event: SQSEvent) => Promise<SQSBatchResponse>;

/**
 * @param batchSize that of the event source mapping
 * @param pollers number of pollers, each of which gathers a batch
 */
export function alertQueue(batchSize: number, pollers = usualPollers) {
  let waiting: SQSRecord[] = [];

  return {
    send: (event: DeliveredEvent) => waiting.push(record(JSON.stringify(event))),

    /** Number of waiting records, returned ones included. */
    get length() {
      return waiting.length;
    },

    /**
     * Delivers all waiting records in batches like Lambda's. Records that the function returns as failed stay in the queue
     * for the next call, and so does a batch for which the function fails.
     */
    async deliver(invoke: InvokeFormatter) {
      const batches = distribute(pollers, waiting).flatMap(records => batchesOf(records, batchSize));
      waiting = [];
      for (const [index, Records] of batches.entries()) {
        try {
          const { batchItemFailures } = await invoke({ Records });
          const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
          waiting.push(...Records.filter(({ messageId }) => failed.has(messageId)));
        } catch (error) {
          waiting.push(...batches.slice(index).flat());
          throw error;
        }
      }
    },
  };
}

/** The pollers receive ten records in turn, so a burst makes at least one batch for each. */
function distribute(pollers: number, records: readonly SQSRecord[]): SQSRecord[][] {
  return Array.from({ length: pollers }, (_, poller) =>
    records.filter((_, at) => Math.floor(at / mostReceived) % pollers === poller),
  );
}

/** In order; each with at most `batchSize` records and 6 MB. */
export function batchesOf(records: readonly SQSRecord[], batchSize: number): SQSRecord[][] {
  const batches: SQSRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of records) {
    const size = Buffer.byteLength(JSON.stringify(one)) + 1;
    if (bytes + size > mostPayloadBytes || batches.at(-1)?.length === batchSize) {
      batches.push([]);
      bytes = Buffer.byteLength('{"Records":[]}');
    }
    batches.at(-1)?.push(one);
    bytes += size;
  }
  return batches;
}

/** As long as a real receipt handle, because it counts towards the size. */
function record(body: string): SQSRecord {
  const now = String(Date.now());
  return {
    messageId: randomUUID(),
    receiptHandle: 'A'.repeat(412),
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: now,
      SenderId: 'AIDAIENQZJOLO23YVJ4VO',
      ApproximateFirstReceiveTimestamp: now,
    },
    messageAttributes: {},
    md5OfBody: createHash('md5').update(body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:failed-tasks',
    awsRegion: 'us-east-1',
  };
}
