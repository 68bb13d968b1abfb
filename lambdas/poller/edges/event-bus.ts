import type { Logger } from '@aws-lambda-powertools/logger';
import { EventBridgeClient, PutEventsCommand, type PutEventsResultEntry } from '@aws-sdk/client-eventbridge';
import type { EventEntry } from '../core/build-event';
import { sortFailure, TransientFailure } from '../errors';

/** What became of one entry of a call. */
export type EntryOutcome =
  | { readonly became: 'accepted' }
  /** EventBridge could not take it now. */
  | { readonly became: 'retryable'; readonly code: string }
  /** EventBridge won't take it as it is, or not from us. */
  | { readonly became: 'refused'; readonly code: string; readonly denied?: true };

export type EventBus = ReturnType<typeof connectEventBus>;

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html */
const retryableCodes = new Set(['InternalFailure', 'InternalException', 'ThrottlingException']);
const notAuthorisedCodes = new Set([
  'AccessDeniedException',
  'NotAuthorizedForSourceException',
  'NotAuthorizedForDetailTypeException',
]);

export const publishingDenied =
  "Let the function's role use events:PutEvents on the event bus, and look at the bus's own policy";

/** Takes everything and logs it, but for the API's own message, which may name a customer. */
export function shadowOfEventBus(logger: Pick<Logger, 'info'>): EventBus {
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

/** What one entry of a PutEvents answer says. */
export function toOutcome({ EventId, ErrorCode: code = 'NoErrorCode' }: PutEventsResultEntry): EntryOutcome {
  if (EventId) return { became: 'accepted' };
  if (notAuthorisedCodes.has(code)) return { became: 'refused', code, denied: true };
  return { became: retryableCodes.has(code) || code === 'NoErrorCode' ? 'retryable' : 'refused', code };
}

export function connectEventBus() {
  const client = new EventBridgeClient({
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });

  return {
    /**
     * Puts 1 to 10 entries and tells of each, in the same order, what became of it. HTTP 200 proves nothing: an entry
     * can fail on its own, and the SDK retries none.
     * @throws RequestRefused, TransientFailure, PermanentFailure
     */
    async put(entries: readonly EventEntry[], signal: AbortSignal): Promise<EntryOutcome[]> {
      const answer = await client
        .send(new PutEventsCommand({ Entries: [...entries] }), { abortSignal: signal })
        .catch((error: unknown) => {
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
