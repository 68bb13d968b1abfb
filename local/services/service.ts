/**
 * The HTTP layer of every local service: loopback only, AWS JSON, REST or Query requests, one answer for each, and faults
 * on request. A fault decides whether the service acts before the answer fails. A client can't tell the two cases apart.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `target`: prefix of X-Amz-Target before the operation, in AWS JSON. */
/** `target`: what X-Amz-Target has before the operation, of a service with AWS JSON. */
const services = {
  partnercentral: { title: 'Partner Central', target: 'AWSPartnerCentralSelling.' },
  dynamodb: { title: 'DynamoDB', target: 'DynamoDB_20120810.' },
  events: { title: 'EventBridge', target: 'AWSEvents.' },
  sns: { title: 'SNS' },
  cloudwatch: { title: 'CloudWatch', target: 'GraniteServiceVersion20100801.' },
  cloudformation: { title: 'CloudFormation' },
  lambda: { title: 'Lambda' },
  scheduler: { title: 'EventBridge Scheduler' },
  states: { title: 'Step Functions', target: 'AWSStepFunctions.' },
  sts: { title: 'STS' },
} satisfies Record<string, { title: string; target?: string }>;

export type ServiceName = keyof typeof services;

export interface Call {
  service: ServiceName;
  /** From X-Amz-Target, the Action of a Query request, or a route. */
  operation: string;
  /** The parsed JSON, or the form as an object of strings. */
  input: Record<string, unknown>;
  /** Number of earlier calls since the start or the last reset. */
  index: number;
  /** Access key id of the signature. Signatures are not verified. */
  accessKeyId?: string | undefined;
}

export interface ErrorAnswer {
  status: number;
  /** Name of the exception. */
  type?: string;
  /** An object becomes the error's fields. Text is sent unchanged. */
  body?: string | object;
}

export interface Fault {
  /** `before`: the service does not act. `after`: it acts, and then the answer is lost or changed. */
  when: 'before' | 'after';
  /**
   * `reset` destroys the socket, `hang` keeps it open until the service closes, `delayMs` waits (before acting or before
   * answering), `truncate` sends half of the real answer, so the service acts regardless of `when`.
   */
  how: ErrorAnswer | 'reset' | 'hang' | 'truncate' | { delayMs: number };
}

export type Intercept = (call: Call) => Fault | undefined | Promise<Fault | undefined>;

export interface Reply {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
}

export interface ServiceOptions {
  /** Loopback port; a free one by default or for 0. */
  port?: number | undefined;
  intercept?: Intercept | undefined;
  /** Called with each call and its answer, before the answer is sent, also when a fault then loses it. */
  onReply?: ((call: Call, reply: Reply) => void) | undefined;
}

/** A handler throws it to answer with an error. */
export class Refusal extends Error {
  constructor(readonly answer: ErrorAnswer) {
    super(answer.type);
  }
}

/** An operation of a REST service. The groups of the pattern become members of the input. */
export interface Route {
  readonly operation: string;
  readonly method: string;
  readonly path: RegExp;
}

/** @throws Error with advice, when the port is not available */
export async function startService(
  options: ServiceOptions & {
    name: ServiceName;
    contentType: string;
    handle: (call: Call, request: { headers: IncomingHttpHeaders; body: string }) => Reply | Promise<Reply>;
    /** Serializes an error; AWS JSON by default. */
    renderError?: (answer: ErrorAnswer) => Reply;
    /** For a REST service, whose requests don't name their operation. */
    routes?: readonly Route[] | undefined;
    onCall?: ((call: Call) => void) | undefined;
  },
) {
  const { name, handle, onCall, renderError = jsonError } = options;
  const { title, target }: { title: string; target?: string } = services[name];
  const calls = callCounter();
  const closing = new AbortController();
  const acting = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  const server = createServer((request, response) => {
    serve(request, response).catch(error => {
      if (closing.signal.aborted || response.destroyed) return; // no client is left
      if (error instanceof Refusal) return send(response, renderError(error.answer));
      console.error(error); // a bug in the service or in a test's hook: the client sees only a 500 and may retry
      send(response, renderError({ status: 500, type: 'InternalFailure', body: { message: String(error) } }));
    });
  });
  server.keepAliveTimeout = 0; // no timeout: an idle client must not write to a closing socket

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const body = await readBody(request);
    const { operation, input } = options.routes ? route(request, options.routes) : parse(request, body, target);
    const accessKeyId = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1];
    const call: Call = { service: name, operation, input, index: calls.total, accessKeyId };
    calls.count(operation);
    onCall?.(call);

    const fault = await service.intercept?.(call);
    const how = fault?.how;
    const actsFirst = fault?.when === 'after';
    if (fault && !actsFirst && how !== 'truncate') {
      if (!isDelay(how)) return sendFault(response, how);
      await sleep(how.delayMs, undefined, { signal: closing.signal });
    }
    const reply = await act(async () => handle(call, { headers: request.headers, body }));
    service.onReply?.(call, reply);
    if (how === 'truncate') return send(response, { ...reply, body: firstHalf(reply.body) });
    if (!actsFirst) return send(response, reply);
    if (!isDelay(how)) return sendFault(response, how);
    await sleep(how.delayMs, undefined, { signal: closing.signal });
    send(response, reply);
  }

  /** Registers the running handler for close(): an engine must not close during a write. */
  async function act(run: () => Promise<Reply>): Promise<Reply> {
    const running = run().catch(error => {
      if (error instanceof Refusal) return renderError(error.answer);
      throw error;
    });
    acting.add(running);
    try {
      return await running;
    } finally {
      acting.delete(running);
    }
  }

  function sendFault(response: ServerResponse, how: ErrorAnswer | 'reset' | 'hang' | undefined | string) {
    if (how === 'reset') response.socket?.resetAndDestroy();
    else if (typeof how === 'object') send(response, renderError(how));
  }

  function send(response: ServerResponse, reply: Reply) {
    if (response.destroyed || response.headersSent) return;
    response.writeHead(reply.status, {
      'content-type': options.contentType,
      'content-length': Buffer.byteLength(reply.body),
      'x-amzn-requestid': randomUUID(),
      date: new Date(Date.now() + service.clockOffsetMs).toUTCString(),
      ...reply.headers,
    });
    response.end(reply.body);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message;
      const place = `${title} can't listen on 127.0.0.1:${options.port ?? 0}`;
      const advice = 'Stop the program that uses the port, name another one, or leave the port out to get a free one.';
      reject(new Error(`${place}: ${reason}. ${advice}`, { cause: error }));
    });
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  const service = {
    url: `http://127.0.0.1:${port}`,
    port,
    calls: calls as CallCounts,
    /** Offset of the clock in the Date header from this machine's. */
    clockOffsetMs: 0,
    /** Can be replaced at any time. Applies from the next call on. */
    intercept: options.intercept,
    onReply: options.onReply,
    /** Closes hung and idle connections too, and waits for running handlers. */
    close(): Promise<void> {
      closed ??= (async () => {
        closing.abort();
        const stopped = new Promise<void>(resolve => server.close(() => resolve()));
        server.closeAllConnections();
        await stopped;
        await Promise.allSettled(acting);
      })();
      return closed;
    },
  };
  return service;
}

export type Service = Awaited<ReturnType<typeof startService>>;

/** Number of calls by operation. Inputs are not kept. */
export interface CallCounts {
  of(operation: string): number;
  readonly total: number;
  readonly all: ReadonlyMap<string, number>;
  /** Resets the counts and `Call.index` to 0. */
  reset(): void;
}

export function callCounter() {
  const all = new Map<string, number>();
  let total = 0;
  return {
    of: (operation: string) => all.get(operation) ?? 0,
    get total() {
      return total;
    },
    all,
    reset() {
      all.clear();
      total = 0;
    },
    count(operation: string) {
      all.set(operation, (all.get(operation) ?? 0) + 1);
      total++;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(request: IncomingMessage, body: string, prefix = ''): Pick<Call, 'operation' | 'input'> {
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    const input = Object.fromEntries(new URLSearchParams(body));
    return { operation: input.Action ?? '', input };
  }
  const target = String(request.headers['x-amz-target'] ?? '');
  if (!target.startsWith(prefix)) throw unknownOperation(target);
  const operation = target.slice(prefix.length);
  try {
    const input: unknown = JSON.parse(body || '{}');
    if (isObject(input)) return { operation, input };
  } catch {
    // A body that is no JSON object is refused below.
  }
  throw new Refusal({ status: 400, type: 'SerializationException', body: { message: 'The body is no JSON object.' } });
}

export function unknownOperation(name: string): Refusal {
  const message = `There is no operation ${name} here.`;
  return new Refusal({ status: 400, type: 'UnknownOperationException', body: { message } });
}

/** Does not parse the body, because some operations have no JSON body. */
function route(request: IncomingMessage, routes: readonly Route[]): Pick<Call, 'operation' | 'input'> {
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
  for (const { operation, method, path } of routes) {
    const groups = request.method === method ? path.exec(decodeURIComponent(pathname))?.groups : undefined;
    if (groups) return { operation, input: { ...groups } };
  }
  throw new Refusal({ status: 404, type: 'UnknownOperationException', body: { message: `No route to ${pathname}` } });
}

export function jsonReply(value: unknown, status = 200): Reply {
  return { status, body: JSON.stringify(value) };
}

function jsonError({ status, type, body }: ErrorAnswer): Reply {
  // A fault's text body can't carry the error's name, so the header does.
  if (typeof body === 'string') return { status, body, ...(type && { headers: { 'x-amzn-errortype': type } }) };
  return jsonReply({ ...(type && { __type: type }), ...(body ?? { message: type ?? '' }) }, status);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDelay(how: Fault['how'] | undefined): how is { delayMs: number } {
  return isObject(how) && 'delayMs' in how;
}

function firstHalf(body: string | Buffer): Buffer {
  const bytes = Buffer.from(body as string);
  return bytes.subarray(0, Math.floor(bytes.length / 2));
}
