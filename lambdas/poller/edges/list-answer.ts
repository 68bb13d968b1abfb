import { readSummary } from '../core/task';
import type { Page } from '../ports';

export type ListAnswer = Pick<Page, 'tasks' | 'malformed' | 'unreadable' | 'nextToken'>;

/**
 * Reads the body of a List answer in place of the SDK, which gets two things wrong for us. One StartTime that isn't RFC
 * 3339 makes it throw away the whole page. And it reads everything without TaskSummaries as an empty list, an error body
 * included, where a broken answer must not end a sweep. It also copies each task twice on the way. Partner Central writes
 * every member of an answer, with null where there is nothing.
 * @throws SyntaxError when it is not a List answer
 */
export function readListAnswer(body: Uint8Array): ListAnswer {
  return toListAnswer(JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()));
}

/** @throws SyntaxError when it is not a List answer */
export function toListAnswer(answer: unknown): ListAnswer {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new SyntaxError('The answer is not a JSON object');
  const { TaskSummaries, NextToken } = answer as { TaskSummaries?: unknown; NextToken?: unknown };
  if ('__type' in answer || (TaskSummaries !== null && !Array.isArray(TaskSummaries)))
    throw new SyntaxError('The answer is not a list of tasks');
  const summaries: readonly unknown[] = TaskSummaries ?? [];
  const read = summaries.map(readSummary);
  const tasks = read.filter(task => task !== undefined);
  return {
    tasks,
    malformed: read.length - tasks.length,
    unreadable: summaries.filter((summary, at) => hasStartTime(summary) && read[at]?.startTime === undefined).length,
    ...(typeof NextToken === 'string' && NextToken !== '' && { nextToken: NextToken }),
  };
}

const hasStartTime = (summary: unknown) =>
  ((summary as { StartTime?: unknown } | null | undefined)?.StartTime ?? null) !== null;

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
