/**
 * The poller function. EventBridge Scheduler invokes it with `{"mode":"poll"}` and, less often, `{"mode":"audit"}`; rules
 * invoke it with `{"mode":"nudge"}` when a task was started.
 *
 * - The schedule delivers at least once and does not wait for the last run: runs may overlap, so each takes a lease.
 * - A transient failure ends the run as `partial`, without an exception; if it lasts, the missing heartbeat alarms.
 * - A failure that needs a person throws, so that the function's error metric alarms at once.
 * - Lambda retries nothing: the next scheduled run is the retry.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { sourceId } from '../source-id';
import { connectEventBus, shadowEventBus } from './edges/event-bus';
import { connectPartnerCentral } from './edges/partner-central';
import { connectSnapshotTable } from './edges/snapshot-table';
import { type InvocationMode, invocationModes, pollAndFollow } from './invocation';
import { metricsLine } from './metrics';
import type { Summary } from './run';
import { readEnvironment } from './settings';

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

/**
 * @returns what the first poll did; undefined if another invocation polls instead
 * @throws TypeError for any other input; PermanentFailure when a person has to fix something
 */
export async function handler(input: unknown, context: LambdaContext): Promise<Summary | undefined> {
  logger.appendKeys({ requestId: context.awsRequestId });
  let first: Summary | undefined;
  try {
    const deadline = Date.now() + context.getRemainingTimeInMillis();
    for await (const summary of pollAndFollow(services, readMode(input), deadline)) {
      first ??= summary;
      logger.info('Run', { ...summary });
      const line = metricsLine(summary, process.env.POWERTOOLS_SERVICE_NAME ?? '', Date.now());
      // Not by console.log: Lambda would put a time and a request id in front, and CloudWatch would read no metrics.
      if (line !== undefined) process.stdout.write(`${line}\n`);
    }
    return first;
  } catch (error) {
    logger.error('The run failed', error as Error);
    throw error;
  }
}

function readMode(input: unknown): InvocationMode {
  const given = (input as { mode?: unknown } | null | undefined)?.mode;
  const mode = invocationModes.find(allowed => allowed === given);
  if (mode !== undefined && Object.keys(input as object).length === 1) return mode;
  const allowed = invocationModes.map(name => JSON.stringify({ mode: name })).join(' or ');
  throw new TypeError(`Invocation input: got ${JSON.stringify(input)}, allowed: ${allowed}`);
}
