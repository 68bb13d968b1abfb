import { createHash, createHmac, createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
interface HttpResponse {
  readonly statusCode: number;
  readonly body?: unknown;
}
interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The part of an SDK client that this needs. The SDK types these members by what each client makes of them. */
export interface CommandSender {
  readonly config: {
    readonly systemClockOffset: number;
    readonly requestHandler: {
      handle(request: HttpRequest, options: { abortSignal: AbortSignal }): Promise<{ response: HttpResponse }>;
    };
    credentials(): Promise<Credentials>;
  };
  send(command: unknown, options: { abortSignal: AbortSignal }): Promise<unknown>;
}

/** What is added innermost, around the HTTP exchange. */
type Exchange = (args: { readonly request: HttpRequest }) => Promise<{ readonly response: HttpResponse }>;
interface Command {
  readonly middlewareStack: {
    add(middleware: (next: Exchange) => Exchange, where: { step: 'deserialize'; priority: 'low'; name: string }): void;
  };
}

/** A request that the SDK made in this run, and how it signed it. */
interface Template {
  readonly run: AbortSignal;
  readonly request: HttpRequest;
  readonly accessKeyId: string;
  /** `region/service/aws4_request` */
  readonly scope: string;
  /** Lower case and sorted, with `;` between them. */
  readonly signedHeaders: string;
}

/** What came of an attempt. */
type Attempt = { readonly text: string } | { readonly response: HttpResponse } | { readonly error: unknown };

/** Binary values of DynamoDB are base64 in JSON, and only the SDK knows how to get there and back. No text contains this. */
const hasBinary = (json: string) => json.includes('"B":') || json.includes('"BS":');

/**
 * Sends a JSON command that a burst needs a hundred times, at half of the SDK's CPU time. The SDK sends the first one of
 * each run, with this run's endpoint and trace id. The others repeat that request with another body and signature.
 *
 * Only a plain success ends here. Any other attempt becomes the first attempt of an SDK call, as if the SDK had made it:
 * what an error means, pauses, retries and their number, and a wrong clock are the SDK's business.
 */
export function repeatedCommand<Input extends object, Output extends object>(
  client: CommandSender,
  toCommand: (input: Input) => unknown,
): (input: Input, abortSignal: AbortSignal) => Promise<Output> {
  const { config } = client;
  const signingKey = keepSigningKey();
  let template: Template | undefined;

  async function repeat(body: string, abortSignal: AbortSignal): Promise<Attempt | undefined> {
    if (template?.run !== abortSignal || hasBinary(body)) return undefined;
    try {
      const credentials = await config.credentials();
      if (credentials.accessKeyId !== template.accessKeyId) return undefined;
      const signed = sign(template, body, Date.now() + config.systemClockOffset, (day, scope) =>
        signingKey(credentials.secretAccessKey, day, scope),
      );
      const { response } = await config.requestHandler.handle(signed, { abortSignal });
      if (response.statusCode !== 200) return { response };
      const bytes = await readAll(response.body as Readable);
      const text = bytes.toString();
      return hasBinary(text) ? { response: Object.assign(response, { body: bytes }) } : { text };
    } catch (error) {
      return { error };
    }
  }

  return async (input, abortSignal) => {
    let attempt = await repeat(JSON.stringify(input), abortSignal);
    if (attempt !== undefined && 'text' in attempt) return JSON.parse(attempt.text) as Output;

    const command = toCommand(input) as Command;
    command.middlewareStack.add(
      next => async args => {
        const first = attempt;
        attempt = undefined;
        if (first !== undefined && 'error' in first) throw first.error;
        if (first !== undefined && 'response' in first) return first;
        template = toTemplate(args.request, abortSignal);
        return next(args);
      },
      { step: 'deserialize', priority: 'low', name: 'repeatedCommand' },
    );
    return (await client.send(command, { abortSignal })) as Output;
  };
}

const authorization = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/(\S+), SignedHeaders=(\S+), Signature=/;

/** @returns undefined for a request that is not signed, or not to be signed again, in the way that `sign` knows */
function toTemplate(request: HttpRequest, run: AbortSignal): Template | undefined {
  const [, accessKeyId, scope, signedHeaders] = authorization.exec(request.headers.authorization ?? '') ?? [];
  if (request.method !== 'POST' || request.path !== '/') return undefined;
  if (accessKeyId === undefined || scope === undefined || signedHeaders === undefined) return undefined;
  return { run, request, accessKeyId, scope, signedHeaders };
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function sign(
  { request, accessKeyId, scope, signedHeaders }: Template,
  body: string,
  now: number,
  signingKey: (day: string, scope: string) => KeyObject,
): HttpRequest {
  const time = `${new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const day = time.slice(0, 8);
  const bodyHash = sha256(body);
  const headers: Record<string, string> = {
    ...request.headers,
    'amz-sdk-invocation-id': randomUUID(),
    'content-length': String(Buffer.byteLength(body)),
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': time,
  };
  let canonical = 'POST\n/\n\n';
  for (const name of signedHeaders.split(';')) canonical += `${name}:${headers[name]?.trim().replace(/ +/g, ' ')}\n`;
  canonical += `\n${signedHeaders}\n${bodyHash}`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${scope}\n${sha256(canonical)}`;
  const signature = createHmac('sha256', signingKey(day, scope)).update(toSign).digest('hex');
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${day}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return { ...request, headers, body };
}

const readAll = (body: Readable): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    body.on('data', chunk => chunks.push(chunk));
    body.once('end', () => resolve(Buffer.concat(chunks)));
    body.once('error', reject);
  });

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A key is the same for a whole day. */
function keepSigningKey() {
  let kept: { readonly of: string; readonly key: KeyObject } | undefined;
  return (secretAccessKey: string, day: string, scope: string): KeyObject => {
    const of = `${secretAccessKey} ${day} ${scope}`;
    if (kept?.of !== of) {
      const parts = [day, ...scope.split('/')];
      const secret = Buffer.from(`AWS4${secretAccessKey}`);
      const key = parts.reduce((parent, part) => createHmac('sha256', parent).update(part).digest(), secret);
      kept = { of, key: createSecretKey(key) };
    }
    return kept.key;
  };
}
