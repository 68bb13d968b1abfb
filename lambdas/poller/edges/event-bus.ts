import {
  EventBridgeClient,
  type EventBridgeClientConfig,
  PutEventsCommand,
  type PutEventsRequest,
  type PutEventsResponse,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { publishingDenied, sortFailure, TransientFailure } from '../errors';
import type { EntryOutcome, EventBus, RunLogger } from '../ports';
import { quietLogger } from './quiet-sdk';
import { type CommandSender, repeatedCommand } from './repeated-command';

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html */
const retryableCodes = new Set(['InternalFailure', 'InternalException', 'ThrottlingException']);
const notAuthorisedCodes = new Set([
  'AccessDeniedException',
  'NotAuthorizedForSourceException',
  'NotAuthorizedForDetailTypeException',
]);

/** Accepts and logs every entry, without the API's message, which may name a customer. */
export function shadowEventBus(logger: Pick<RunLogger, 'info'>): EventBus {
  return {
    async put(entries) {
      for (const { DetailType: detailType, Detail } of entries) {
        const { message: _, messageTruncated: __, ...event } = JSON.parse(Detail);
        logger.info('Would publish', { detailType, event });
      }
      return entries.map(() => ({ became: 'accepted' as const }));
    },
  };
}

/** The outcome of one entry of a PutEvents answer. */
export function toOutcome({ EventId, ErrorCode: code = 'NoErrorCode' }: PutEventsResultEntry): EntryOutcome {
  if (EventId) return { became: 'accepted' };
  if (notAuthorisedCodes.has(code)) return { became: 'refused', code, denied: true };
  return { became: retryableCodes.has(code) || code === 'NoErrorCode' ? 'retryable' : 'refused', code };
}

/** @param where for a bus that is not where the environment says */
export function connectEventBus(where: EventBridgeClientConfig = {}): EventBus {
  const client = new EventBridgeClient({
    ...where,
    logger: quietLogger,
    requestHandler: {
      ...where.requestHandler,
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
    },
  });

  const putEvents = repeatedCommand<PutEventsRequest, PutEventsResponse>(
    client as unknown as CommandSender,
    input => new PutEventsCommand(input),
  );

  return {
    /** HTTP 200 proves nothing: single entries can fail, and the SDK retries none of them. */
    async put(entries, signal) {
      const answer = await putEvents({ Entries: [...entries] }, signal).catch((error: unknown) => {
        throw sortFailure(error, 'PutEvents', {
          denied: publishingDenied,
          refused: 'Report it',
          notFound: 'The event bus of this stack is gone; the runbook says how to get it back',
        });
      });
      const results = answer.Entries ?? [];
      if (results.length !== entries.length) {
        throw new TransientFailure(`PutEvents: answered for ${results.length} of ${entries.length} entries`);
      }
      return results.map(toOutcome);
    },
  };
}
