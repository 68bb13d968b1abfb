import { toInstant } from '../core/instant';

const startTimes = /"StartTime"\s*:\s*("[^"]*"|[^\s,}\]]+)/g;

export interface RepairedAnswer {
  readonly body: Uint8Array;
  /** How many StartTimes could not be read. */
  readonly unreadable: number;
}

/**
 * Checks and repairs the body of a List answer before the SDK reads it. The SDK gets two things wrong for us. One
 * StartTime that isn't RFC 3339 makes it throw away the whole page, where only that one value should be lost. And it
 * reads everything that has no TaskSummaries as an empty list, an error body included, where a broken answer must not end
 * a sweep. Partner Central writes every member of an answer, with null where there is nothing.
 * @returns the answer with each StartTime in RFC 3339, or null where it can't be read
 * @throws SyntaxError when it is not a List answer
 */
export function repairAnswer(answer: Uint8Array): RepairedAnswer {
  const text = new TextDecoder().decode(answer);
  if (!text.trimStart().startsWith('{')) throw new SyntaxError('The answer is not a JSON object');
  const startTimesAreFine = [...text.matchAll(startTimes)].every(([, value]) => isTaken(value as string));
  let unreadable = 0;
  const repair = (key: string, value: unknown) => {
    if (key !== 'StartTime' || value === null) return value;
    const instant = typeof value === 'string' ? toInstant(value) : undefined;
    if (instant === undefined) unreadable += 1;
    return instant ?? null;
  };
  const parsed = JSON.parse(text, startTimesAreFine ? undefined : repair) as Record<string, unknown>;
  const { TaskSummaries: summaries } = parsed;
  if ('__type' in parsed || (summaries !== null && !Array.isArray(summaries)))
    throw new SyntaxError('The answer is not a list of tasks');
  return startTimesAreFine
    ? { body: answer, unreadable: 0 }
    : { body: Buffer.from(JSON.stringify(parsed)), unreadable };
}

/** Whether the SDK takes a StartTime, given as JSON. */
const isTaken = (json: string) =>
  json === 'null' || (json.startsWith('"') && toInstant(json.slice(1, -1)) === json.slice(1, -1));

/** The part of an HTTP response that this needs; the SDK types it as unknown. */
export interface RawResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

export async function bytes(body: RawResponse['body']): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
