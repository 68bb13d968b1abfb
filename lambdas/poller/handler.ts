/**
 * The poller function. EventBridge Scheduler invokes it with `{"mode":"poll"}` and, less often, `{"mode":"audit"}`.
 *
 * - The schedule delivers at least once and does not wait for the last run: runs may overlap, so each takes a lease.
 * - A transient failure ends the run as `partial`, without an exception; if it lasts, the missing heartbeat alarms.
 * - A failure that needs a person throws, so that the function's error metric alarms at once.
 * - Lambda retries nothing: the next scheduled run is the retry.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { connectEventBus, shadowEventBus } from './edges/event-bus';
import { connectPartnerCentral } from './edges/partner-central';
import { connectSnapshotTable } from './edges/snapshot-table';
import { metricsLine } from './metrics';
import { type Mode, poll, type Summary } from './run';
import { readEnvironment, sourceId } from './settings';

const logger = new Logger();
const { tableName, eventBusName, settings } = readEnvironment(process.env);
const source = sourceId(settings);
logger.appendPersistentKeys({ source });
const services = {
  settings,
  eventBusName,
  logger,
  partnerCentral: connectPartnerCentral(settings, Date.now),
  table: connectSnapshotTable(tableName, source, settings.includeMessage),
  bus: settings.shadow ? shadowEventBus(logger) : connectEventBus(),
  now: Date.now,
};

interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** @throws TypeError for any input but the two modes; PermanentFailure when a person has to fix something */
export async function handler(input: unknown, context: LambdaContext): Promise<Summary> {
  logger.appendKeys({ requestId: context.awsRequestId });
  try {
    const summary = await poll(services, readMode(input), Date.now() + context.getRemainingTimeInMillis());
    logger.info('Run', { ...summary });
    const line = metricsLine(summary, process.env.POWERTOOLS_SERVICE_NAME ?? '', Date.now());
    // Not by console.log: Lambda would put a time and a request id in front, and CloudWatch would read no metrics.
    if (line !== undefined) process.stdout.write(`${line}\n`);
    return summary;
  } catch (error) {
    logger.error('The run failed', error as Error);
    throw error;
  }
}

function readMode(input: unknown): Mode {
  const mode = (input as { mode?: unknown } | null | undefined)?.mode;
  if ((mode === 'poll' || mode === 'audit') && Object.keys(input as object).length === 1) return mode;
  throw new TypeError(`Invocation input: got ${JSON.stringify(input)}, allowed: {"mode":"poll"} or {"mode":"audit"}`);
}
