/**
 * Runs this poller and the peer on the same tasks: one Partner Central for both, and a DynamoDB and an EventBridge for
 * each. They poll one after the other, so that each count and measurement belongs to one of them.
 */
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { tableSchema } from '../../lambdas/poller/table-schema';
import { createTableFromTemplate, startDynamoDb } from '../../local/services/dynamodb';
import { startEventBridge } from '../../local/services/event-bridge';
import { hostFunction, type Invocation, type InvokeOptions } from '../../local/services/function-host';
import { type LocalStack, startLocalStack } from '../../local/start/local-stack';
import { type TableMeter, tableMeter } from './table-meter';

export const MINUTE_MS = 60_000;

/** What one poll did, measured outside the poller. */
export interface Measured {
  readonly listCalls: number;
  readonly tableCalls: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly putCalls: number;
  readonly cpuMs: number;
  /** Peak resident memory of its process since the start. */
  readonly peakRssBytes: number;
  /** Resident memory of Node.js and the bundle before the first poll. */
  readonly idleRssBytes: number;
  readonly logBytes: number;
  /** `taskId status` of each event that the bus accepted. */
  readonly events: readonly string[];
  readonly eventBytes: number;
  /** What the poller returned. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** @param settings of this poller that differ from the synthesized ones */
export async function startOurs(directory: string, stackName: string, settings: Record<string, unknown> = {}) {
  const log = logCounter();
  const stack = await startLocalStack({ directory, stackName, settings, skipPauses: true, onLog: log.onLog });
  const meter = tableMeter({
    keys: [tableSchema.partitionKey, tableSchema.sortKey],
    index: tableSchema.index,
  });
  stack.dynamoDb.onReply = meter.observe;
  // Virtual clock for both pollers and the tasks.
  let aheadMs = 0;
  const clock = {
    now: () => Date.now() + aheadMs,
    advance: (ms: number) => {
      aheadMs += ms;
    },
  };
  const poller = measured({
    ...stack,
    invoke: (how, mode) => stack.poll(mode, { ...how, clockOffsetMs: aheadMs }) as Promise<Invocation<Wire>>,
    restart: () => stack.poller.kill(),
    meter,
    log,
  });
  return { ...poller, stack, clock, store: stack.partnerCentral.store(stack.catalog), close: stack.close };
}

export type Ours = Awaited<ReturnType<typeof startOurs>>;

const peerTable = {
  Resources: {
    Tasks: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'taskId', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'taskId', AttributeType: 'S' }],
      },
    },
  },
};

/** Lambda's maximum timeout. */
const MAX_TIMEOUT_MS = 15 * MINUTE_MS;

/** @param bundle of bench/peer/handler.ts */
export async function startPeer(bundle: string, stack: Pick<LocalStack, 'partnerCentral' | 'catalog'>) {
  const log = logCounter();
  const meter = tableMeter({ keys: ['taskId'] });
  const dynamoDb = await startDynamoDb({ onReply: meter.observe });
  const eventBridge = await startEventBridge({ buses: ['peer'] });
  const tableName = await createTableFromTemplate(dynamoDb.url, peerTable, 'Tasks');
  const host = hostFunction({
    bundle,
    handler: 'handler',
    environment: {
      AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: stack.partnerCentral.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
      TABLE_NAME: tableName,
      EVENT_BUS_NAME: 'peer',
      CATALOG: stack.catalog,
    },
    timeoutMs: MAX_TIMEOUT_MS,
    onLog: log.onLog,
  });
  const { partnerCentral } = stack;
  const poller = measured({
    invoke: how => host.invoke<Wire>({}, how),
    restart: host.kill,
    partnerCentral,
    dynamoDb,
    eventBridge,
    meter,
    log,
  });
  return {
    ...poller,
    /** Deletes rows, so that the history keeps its length. (This poller never reads rows of old tasks.) */
    async deleteRows(taskIds: readonly string[]) {
      const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
      const client = new DynamoDBClient({ endpoint: dynamoDb.url, region: 'us-east-1', credentials });
      for (let from = 0; from < taskIds.length; from += 25) {
        const some = taskIds.slice(from, from + 25).map(taskId => ({ DeleteRequest: { Key: marshall({ taskId }) } }));
        await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: some } }));
      }
      client.destroy();
    },
    async close() {
      await host.kill();
      await Promise.all([dynamoDb.close(), eventBridge.close()]);
    },
  };
}

export type Peer = Awaited<ReturnType<typeof startPeer>>;

type Wire = Record<string, unknown>;

interface Parts {
  readonly invoke: (how?: InvokeOptions, mode?: 'poll' | 'audit') => Promise<Invocation<Wire>>;
  readonly restart: () => Promise<void>;
  readonly partnerCentral: LocalStack['partnerCentral'];
  readonly dynamoDb: LocalStack['dynamoDb'];
  readonly eventBridge: LocalStack['eventBridge'];
  readonly meter: TableMeter;
  readonly log: ReturnType<typeof logCounter>;
}

function measured({ invoke, restart, partnerCentral, dynamoDb, eventBridge, meter, log }: Parts) {
  return {
    meter,
    eventBridge,
    /** Starts a new process for the next poll, whose peak memory then excludes earlier polls. */
    restart,

    /**
     * One poll.
     * @throws Error with the name of the poller's error, or `TimedOut`
     */
    async poll(how?: InvokeOptions, mode?: 'poll' | 'audit'): Promise<Measured> {
      for (const service of [partnerCentral, dynamoDb, eventBridge]) service.calls.reset();
      eventBridge.clear();
      log.take();
      meter.take();
      const { result, error, cpuMs, peakRssBytes, idleRssBytes } = await invoke(how, mode);
      if (error) throw Object.assign(new Error(`A poll failed: ${error.name}: ${error.message}`), { name: error.name });
      const units = meter.take();
      const details = eventBridge.events.map(({ detail }) => detail);
      return {
        listCalls: partnerCentral.calls.total,
        tableCalls: dynamoDb.calls.total,
        readUnits: units.read,
        writeUnits: units.write,
        putCalls: eventBridge.calls.total,
        cpuMs,
        peakRssBytes,
        idleRssBytes,
        logBytes: log.take(),
        events: details.map(({ taskId, taskStatus }) => `${taskId} ${taskStatus}`),
        eventBytes: details.reduce((sum, detail) => sum + Buffer.byteLength(JSON.stringify(detail)), 0),
        result,
      };
    },
  };
}

/** CloudWatch's overhead for each line: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
const BYTES_PER_LOG_LINE = 26;

function logCounter() {
  let bytes = 0;
  return {
    onLog: (line: string) => {
      bytes += Buffer.byteLength(line) + BYTES_PER_LOG_LINE;
    },
    /** Bytes since the last call. */
    take(): number {
      const taken = bytes;
      bytes = 0;
      return taken;
    },
  };
}
