import type { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';

/** The part of an HTTP response that this needs; the SDK types it as unknown. */
interface RawResponse {
  statusCode: number;
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

const wellFormedStartTime = /^(null|"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")/;
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
      if (response.statusCode === 200) response.body = Buffer.from(soundAnswer(await text(response.body)));
      return output;
    },
    { step: 'deserialize', priority: 'low', name: 'tolerateMalformedAnswers' },
  );
}

async function text(body: RawResponse['body']): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/**
 * @returns the answer with every unusable StartTime replaced by null
 * @throws SyntaxError when it isn't a JSON object
 */
export function soundAnswer(answer: string): string {
  const suspicious = [...answer.matchAll(startTimes)].some(([, value]) => !isInstant(value as string));
  if (!suspicious) {
    if (!answer.trimStart().startsWith('{')) throw new SyntaxError('The answer is not a JSON object');
    return answer;
  }
  return JSON.stringify(JSON.parse(answer), (key, value) =>
    key === 'StartTime' && !isInstant(JSON.stringify(value)) ? null : value,
  );
}

function isInstant(json: string): boolean {
  return wellFormedStartTime.test(json) && (json === 'null' || !Number.isNaN(Date.parse(json.slice(1, -1))));
}
