import { randomUUID } from 'node:crypto';

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
interface HttpResponse {
  readonly statusCode: number;
  readonly body?: unknown;
}
interface Signer {
  sign(request: HttpRequest, options: { signingDate: Date }): Promise<HttpRequest>;
}

/** The part of an SDK client that this needs. The SDK types these members by what each client makes of them. */
export interface CommandSender {
  readonly config: {
    readonly systemClockOffset: number;
    readonly requestHandler: {
      handle(request: HttpRequest, options: { abortSignal: AbortSignal }): Promise<{ response: HttpResponse }>;
    };
    signer(authScheme?: unknown): Promise<Signer>;
    streamCollector(body: unknown): Promise<Uint8Array>;
  };
  send(command: unknown, options: { abortSignal: AbortSignal }): Promise<unknown>;
}

/** What is added innermost, around the HTTP exchange. */
type Exchange = (args: { readonly request: HttpRequest }) => Promise<{ readonly response: HttpResponse }>;
interface Command {
  readonly middlewareStack: {
    add(
      middleware: (next: Exchange, context: { readonly endpointV2?: Endpoint }) => Exchange,
      where: { step: 'deserialize'; priority: 'low'; name: string },
    ): void;
  };
}
interface Endpoint {
  readonly properties?: { readonly authSchemes?: readonly unknown[] };
}

/** A request that the SDK made in this run, without what it makes anew for each. */
interface Template {
  readonly run: AbortSignal;
  readonly request: HttpRequest;
  readonly signer: Signer;
}

/** What came of an attempt. */
type Attempt = { readonly text: string } | { readonly response: HttpResponse } | { readonly error: unknown };

const madeAnew = new Set(['authorization', 'content-length', 'x-amz-content-sha256', 'x-amz-date']);

/** Binary values of DynamoDB are base64 in JSON, and only the SDK knows how to get there and back. No text contains this. */
const hasBinary = (json: string) => json.includes('"B":') || json.includes('"BS":');

/**
 * Sends a JSON command that a burst needs a hundred times, at half of the SDK's CPU time. The SDK sends the first
 * one of each run, with the trace id and the endpoint of this run. The others repeat that request with another body and signature, by the SDK's own signer and HTTP handler.
 *
 * Only a plain success ends here. Any other attempt becomes the first attempt of an SDK call, as if the SDK had made it:
 * what an error means, pauses, retries and their number, and a wrong clock are the SDK's business.
 */
export function repeatedCommand<Input extends object, Output extends object>(
  client: CommandSender,
  ofInput: (input: Input) => unknown,
): (input: Input, abortSignal: AbortSignal) => Promise<Output> {
  const { config } = client;
  let template: Template | undefined;

  async function repeat({ request, signer }: Template, body: string, abortSignal: AbortSignal): Promise<Attempt> {
    const headers = {
      ...request.headers,
      'amz-sdk-invocation-id': randomUUID(),
      'content-length': String(Buffer.byteLength(body)),
    };
    try {
      const signingDate = new Date(Date.now() + config.systemClockOffset);
      const signed = await signer.sign({ ...request, headers, body }, { signingDate });
      const { response } = await config.requestHandler.handle(signed, { abortSignal });
      if (response.statusCode !== 200) return { response };
      const bytes = await config.streamCollector(response.body);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      return hasBinary(text) ? { response: Object.assign(response, { body: bytes }) } : { text };
    } catch (error) {
      return { error };
    }
  }

  return async (input, abortSignal) => {
    const body = JSON.stringify(input);
    const canRepeat = template?.run === abortSignal && !hasBinary(body);
    let attempt = template && canRepeat ? await repeat(template, body, abortSignal) : undefined;
    if (attempt !== undefined && 'text' in attempt) return JSON.parse(attempt.text) as Output;

    const command = ofInput(input) as Command;
    command.middlewareStack.add(
      (next, { endpointV2 }) =>
        async args => {
          const first = attempt;
          attempt = undefined;
          if (first !== undefined && 'error' in first) throw first.error;
          if (first !== undefined && 'response' in first) return first;
          const { request } = args;
          const output = await next(args);
          const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !madeAnew.has(name)));
          template = {
            run: abortSignal,
            request: { ...request, headers },
            signer: await config.signer(endpointV2?.properties?.authSchemes?.[0]),
          };
          return output;
        },
      { step: 'deserialize', priority: 'low', name: 'repeatedCommand' },
    );
    return (await client.send(command, { abortSignal })) as Output;
  };
}
