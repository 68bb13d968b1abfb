import type { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { isInstant } from '../core/instant';

/** The part of an HTTP response that this needs; the SDK types it as unknown. */
interface RawResponse {
  statusCode: number;
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

const startTimes = /"StartTime"\s*:\s*("[^"]*"|[^\s,}\]]+)/g;

/**
 * Two things that the SDK's deserializer gets wrong for us. One StartTime that isn't RFC 3339 makes it throw away the
 * whole page, where only that one value should be lost; and it reads an empty body as an empty list, where it is a
 * broken answer that must not end a sweep.
 */
export function tolerateMalformedAnswers(client: PartnerCentralSellingClient): void {
  client.middlewareStack.add(
    next => async args => {
      const output = await next(args);
      const response = output.response as RawResponse;
      if (response.statusCode === 200) response.body = soundAnswer(await bytes(response.body));
      return output;
    },
    { step: 'deserialize', priority: 'low', name: 'tolerateMalformedAnswers' },
  );
}

async function bytes(body: RawResponse['body']): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * @returns the answer with every unusable StartTime replaced by null
 * @throws SyntaxError when it isn't a JSON object
 */
export function soundAnswer(answer: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(answer);
  if (!text.trimStart().startsWith('{')) throw new SyntaxError('The answer is not a JSON object');
  if (startTimesAreInstants(text)) return answer;
  const repaired = JSON.stringify(JSON.parse(text), (key, value) =>
    key === 'StartTime' && !isTaken(JSON.stringify(value)) ? null : value,
  );
  return Buffer.from(repaired);
}

function startTimesAreInstants(text: string): boolean {
  for (const [, value] of text.matchAll(startTimes)) if (!isTaken(value as string)) return false;
  return true;
}

/** Whether the SDK takes a StartTime, given as JSON. */
const isTaken = (json: string) => json === 'null' || (json.startsWith('"') && isInstant(json.slice(1, -1)));
