import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Call, type Fault, jsonReply, type Service, startService } from '../../local/services/service';

let service: Service;
let acted: Call[];

const post = (target = 'AWSEvents.Ping', body = '{"a":1}') =>
  fetch(service.url, { method: 'POST', headers: { 'x-amz-target': target }, body });

beforeEach(async () => {
  acted = [];
  service = await startService({
    name: 'events',
    contentType: 'application/x-amz-json-1.1',
    handle: call => {
      acted.push(call);
      return jsonReply({ operation: call.operation, pad: 'é'.repeat(50) });
    },
  });
});
afterEach(() => service.close());

test('listens on loopback only, parses operation and input, and counts calls', async () => {
  expect(service.url).toBe(`http://127.0.0.1:${service.port}`);
  await expect((await post()).json()).resolves.toMatchObject({ operation: 'Ping' });
  await post('AWSEvents.Pong');
  expect(acted).toEqual([
    { service: 'events', operation: 'Ping', input: { a: 1 }, index: 0 },
    { service: 'events', operation: 'Pong', input: { a: 1 }, index: 1 },
  ]);
  expect([service.calls.of('Ping'), service.calls.of('Other'), service.calls.total]).toEqual([1, 0, 2]);
  service.calls.reset();
  expect([...service.calls.all]).toEqual([]);
  await post();
  expect(acted.at(-1)?.index).toBe(0);
});

const error = { status: 503, type: 'Busy', body: { message: 'later' } };
const faults: [string, Fault, { acts: boolean; client: unknown }][] = [
  [
    'error before',
    { when: 'before', how: error },
    { acts: false, client: [503, { __type: 'Busy', message: 'later' }] },
  ],
  ['error after', { when: 'after', how: error }, { acts: true, client: [503, { __type: 'Busy', message: 'later' }] }],
  ['reset before', { when: 'before', how: 'reset' }, { acts: false, client: 'ECONNRESET' }],
  ['reset after', { when: 'after', how: 'reset' }, { acts: true, client: 'ECONNRESET' }],
  ['truncate', { when: 'after', how: 'truncate' }, { acts: true, client: 'cut' }],
  ['delay before', { when: 'before', how: { delayMs: 5 } }, { acts: true, client: [200, expect.anything()] }],
  ['delay after', { when: 'after', how: { delayMs: 5 } }, { acts: true, client: [200, expect.anything()] }],
];

test.each(faults)('fault: %s', async (_name, fault, { acts, client }) => {
  service.intercept = call => (call.index === 0 ? fault : undefined);
  const outcome = await post().then(
    async response => {
      const text = await response.text();
      try {
        return [response.status, JSON.parse(text)];
      } catch {
        return 'cut';
      }
    },
    failure => failure.cause.code,
  );
  expect(outcome).toEqual(client);
  expect(acted).toHaveLength(acts ? 1 : 0);
  await expect((await post()).json()).resolves.toMatchObject({ operation: 'Ping' });
});

test.each(['before', 'after'] as const)('fault: hang %s, until the service closes', async when => {
  const seen = new Promise<void>(resolve => {
    service.intercept = async () => {
      setImmediate(resolve);
      return { when, how: 'hang' };
    };
  });
  const answer = post().catch(failure => failure);
  await seen;
  await Promise.all([service.close(), service.close()]);
  expect(await answer).toMatchObject({ message: 'fetch failed' });
  expect(acted).toHaveLength(when === 'after' ? 1 : 0);
});

test('onReply gets the answer of the service, also when the answer is lost', async () => {
  const seen: string[] = [];
  service.onReply = ({ operation }, { status }) => void seen.push(`${operation} ${status}`);
  service.intercept = ({ index }) => (index === 1 ? { when: 'after', how: 'reset' } : undefined);
  await post();
  await expect(post()).rejects.toThrow();
  service.intercept = () => ({ when: 'before', how: error }); // the service does not act
  await post();
  expect(seen).toEqual(['Ping 200', 'Ping 200']);
});

test('close() ends a delayed answer', async () => {
  const seen = new Promise<void>(resolve => {
    service.intercept = () => {
      setImmediate(resolve);
      return { when: 'before', how: { delayMs: 600_000 } };
    };
  });
  const answer = post().catch(failure => failure);
  await seen;
  await service.close();
  expect(await answer).toMatchObject({ message: 'fetch failed' });
  expect(acted).toHaveLength(0);
});

test("sends a fault's text body unchanged", async () => {
  service.intercept = () => ({ when: 'before', how: { status: 502, body: '<html>Bad Gateway' } });
  const response = await post();
  expect([response.status, await response.text()]).toEqual([502, '<html>Bad Gateway']);
});

test('fails when the body is no JSON object', async () => {
  for (const body of ['{', '[]', 'null'])
    await expect((await post(undefined, body)).text()).resolves.toMatch('Serialization');
  expect(acted).toHaveLength(0);
});

test('fails when the port is taken, with advice', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  const starting = startService({ name: 'sns', contentType: 'text/xml', port, handle: () => jsonReply({}) });
  await expect(starting).rejects.toThrow(
    `SNS can't listen on 127.0.0.1:${port}: the port is taken. Stop the program that uses the port, name another one`,
  );
  await new Promise(resolve => other.close(resolve));
});
