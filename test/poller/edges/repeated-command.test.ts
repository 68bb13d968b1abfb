/** After the first request, a run sends its requests without the SDK, in the same form. The SDK handles every failure. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchGetItemCommand, type BatchGetItemOutput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type CommandSender, repeatedCommand } from '../../../lambdas/poller/edges/repeated-command';
import { clientOf } from '../../local/clients';

type Answer = (response: ServerResponse) => void;
interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let answers: Answer[];
let seen: Seen[];
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  (answers.shift() ?? json({ Responses: {} }))(response);
});
let client: DynamoDBClient;
let sent: number;
let get: (keys: object) => Promise<BatchGetItemOutput>;
let run: AbortController;

const json =
  (body: unknown, status = 200): Answer =>
  response =>
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
const reset: Answer = response => response.destroy();
const text =
  (body: string): Answer =>
  response =>
    response.writeHead(200).end(body);

beforeAll(() => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise(resolve => server.close(resolve)));
beforeEach(async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local', sessionToken: 'session token' };
  client = new DynamoDBClient({ ...clientOf({ url }), credentials, maxAttempts: 3 });
  [answers, seen, sent, run] = [[], [], 0, new AbortController()];
  const send = client.send.bind(client) as CommandSender['send'];
  const counting = {
    config: client.config,
    send: (...args: Parameters<CommandSender['send']>) => {
      sent += 1;
      return send(...args);
    },
  } as unknown as CommandSender;
  const batchGet = repeatedCommand<object, BatchGetItemOutput>(
    counting,
    input => new BatchGetItemCommand(input as never),
  );
  get = keys => batchGet({ RequestItems: { table: { Keys: [keys] } } }, run.signal);
  await get({ id: { S: 'first' } });
  expect([sent, seen.length]).toEqual([1, 1]);
});
afterEach(() => client.destroy());

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signatureOf({ headers, body }: Seen): string | undefined {
  const [, day, names] = /Credential=local\/(\d{8})\/.*SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? [];
  const canonicalHeaders = names?.split(';').map(name => `${name}:${headers[name]}\n`);
  const canonical = ['POST', '/', '', canonicalHeaders?.join(''), names, sha256(body)].join('\n');
  const scope = `${day}/us-east-1/dynamodb/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>((secret, part) => hmac(secret, part), 'AWS4local');
  return hmac(key, toSign).toString('hex');
}

test("a repeated request equals the SDK's request", async () => {
  answers = [json({ Responses: { table: [{ id: { S: 'ä' } }] }, UnprocessedKeys: {} })];
  expect(await get({ id: { S: 'ä' } })).toEqual({ Responses: { table: [{ id: { S: 'ä' } }] }, UnprocessedKeys: {} });
  await client.send(new BatchGetItemCommand({ RequestItems: { table: { Keys: [{ id: { S: 'ä' } }] } } }));
  expect(sent).toBe(1);
  const [first, repeated, bySdk] = seen as [Seen, Seen, Seen];
  expect(repeated.body).toBe(bySdk.body);
  const stable = ({ headers }: Seen) => {
    const { authorization, 'x-amz-date': _, 'amz-sdk-invocation-id': id, ...others } = headers;
    return { ...others, signs: authorization?.replace(/[^=]+$/, '') };
  };
  expect(stable(repeated)).toEqual(stable(bySdk));
  expect(repeated.headers['amz-sdk-invocation-id']).not.toBe(first.headers['amz-sdk-invocation-id']);
  for (const request of seen) expect(request.headers.authorization).toContain(`Signature=${signatureOf(request)}`);
});

test('the SDK sends the first request of each run', async () => {
  run = new AbortController();
  await get({ id: { S: 'a' } });
  await get({ id: { S: 'b' } });
  expect([sent, seen.length]).toEqual([2, 3]);
});

describe("a failed request counts as the SDK's first attempt", () => {
  const throttled = json({ __type: 'ThrottlingException', message: 'slow down' }, 400);
  const broken = json({ message: 'oops' }, 500);

  test.each<[string, Answer]>([
    ['is throttled', throttled],
    ['fails', broken],
    ['is cut off', reset],
    [
      'has a truncated answer',
      response => response.writeHead(200, { 'content-length': '100' }).end('{"Resp', () => response.destroy()),
    ],
  ])('retries a request that %s', async (_, answer) => {
    answers = [answer, json({ Responses: { table: [] } })];
    expect(await get({ id: { S: 'a' } })).toMatchObject({ Responses: { table: [] } });
    expect([sent, seen.length]).toEqual([2, 3]);
    expect(seen[2]?.body).toBe(seen[1]?.body);
  });

  test('retries no more often than the SDK', async () => {
    answers = [broken, broken, throttled, json({ Responses: {} })];
    await expect(get({ id: { S: 'a' } })).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(seen).toHaveLength(1 + 3);
  });

  test('a refused signature costs one request: the SDK retries with its own signature', async () => {
    answers = [json({ __type: 'com.amazonaws#InvalidSignatureException', message: 'bad signature' }, 400)];
    expect(await get({ id: { S: 'a' } })).toMatchObject({ Responses: {} });
    expect([sent, seen.length]).toEqual([2, 3]);
    expect(seen[2]?.body).toBe(seen[1]?.body);
  });

  test("the SDK retries a refused request once, and the error is the service's", async () => {
    const refusal = json({ __type: 'com.amazonaws#ResourceNotFoundException', message: 'no table' }, 400);
    answers = [refusal, refusal];
    await expect(get({ id: { S: 'a' } })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'no table',
      $metadata: { httpStatusCode: 400, attempts: 1 },
    });
    expect(seen).toHaveLength(3);
  });

  test('corrects a wrong clock', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();
    const notYetCurrent: Answer = response =>
      response
        .setHeader('date', hourAgo)
        .writeHead(400)
        .end('{"__type":"InvalidSignatureException","message":"Signature not yet current"}');
    answers = [
      notYetCurrent,
      notYetCurrent,
      response => response.setHeader('date', hourAgo).writeHead(200).end('{"Responses":{}}'),
    ];
    expect(await get({ id: { S: 'a' } })).toMatchObject({ Responses: {} });
    const at = ({ headers }: Seen) => String(headers['x-amz-date']);
    expect(at(seen[3] as Seen) < at(seen[1] as Seen)).toBe(true);
    await get({ id: { S: 'b' } });
    expect(at(seen[4] as Seen) < at(seen[1] as Seen)).toBe(true);
  });
});

test('fails when an answer is unreadable, without a retry', async () => {
  answers = [text('<html>')];
  await expect(get({ id: { S: 'a' } })).rejects.toThrow(SyntaxError);
  expect(seen).toHaveLength(2);
});

test('sends nothing after the run has ended', async () => {
  run.abort();
  await expect(get({ id: { S: 'a' } })).rejects.toMatchObject({ name: 'AbortError' });
  expect(seen).toHaveLength(1);
});

test('the SDK serializes and parses binary values', async () => {
  const binary = new Uint8Array([1, 2, 255]);
  await get({ id: { B: binary } });
  expect(JSON.parse((seen[1] as Seen).body).RequestItems.table.Keys).toEqual([{ id: { B: 'AQL/' } }]);
  answers = [json({ Responses: { table: [{ data: { BS: ['AQL/'] } }] } })];
  const { Responses } = await get({ id: { S: 'a' } });
  expect(Responses?.table?.[0]?.data?.BS?.map(bytes => [...bytes])).toEqual([[1, 2, 255]]);
  expect(seen).toHaveLength(3);
});
