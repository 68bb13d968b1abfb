import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { type DeliveredEvent, startEventBridge } from '../../local/services/event-bridge';
import { clientOf } from './clients';

const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/tasks';
const good: PutEventsRequestEntry = {
  EventBusName: 'tasks',
  Source: 'poller',
  DetailType: 'TaskFailed',
  Detail: '{"a":1}',
};

let bus: Awaited<ReturnType<typeof startEventBridge>>;
let client: EventBridgeClient;
let delivered: DeliveredEvent[];
const put = (...Entries: PutEventsRequestEntry[]) => client.send(new PutEventsCommand({ Entries }));

beforeEach(async () => {
  delivered = [];
  bus = await startEventBridge({ buses: [busArn], onEvent: event => delivered.push(event) });
  client = new EventBridgeClient(clientOf(bus));
});
afterEach(async () => {
  client.destroy();
  await bus.close();
});

test('delivers the envelope that a target gets', async () => {
  const Time = new Date('2026-11-22T18:00:00.900Z');
  const { FailedEntryCount, Entries } = await put(
    { ...good, Time, Resources: ['arn:one'] },
    { ...good, EventBusName: busArn },
  );
  expect(FailedEntryCount).toBe(0);
  expect(bus.events[0]).toEqual({
    version: '0',
    id: Entries?.[0]?.EventId,
    'detail-type': 'TaskFailed',
    source: 'poller',
    account: '000000000000',
    time: '2026-11-22T18:00:00Z',
    region: 'us-east-1',
    resources: ['arn:one'],
    detail: { a: 1 },
  });
  expect(delivered).toEqual(bus.events);
  bus.clear();
  expect(bus.events).toEqual([]);
});

test.each<[string, PutEventsRequestEntry, string]>([
  ['Source is missing', { ...good, Source: undefined }, 'InvalidArgument'],
  ['DetailType is missing', { ...good, DetailType: undefined }, 'InvalidArgument'],
  ['Detail is missing', { ...good, Detail: undefined }, 'InvalidArgument'],
  ['Source is empty', { ...good, Source: '' }, 'InvalidArgument'],
  ['DetailType is too long', { ...good, DetailType: 'x'.repeat(129) }, 'InvalidArgument'],
  ['Source is of AWS', { ...good, Source: 'aws.partnercentral' }, 'NotAuthorizedForSourceException'],
  ['Detail is no JSON', { ...good, Detail: '{' }, 'MalformedDetail'],
  ['Detail is a list', { ...good, Detail: '[]' }, 'MalformedDetail'],
  ['Detail is null', { ...good, Detail: 'null' }, 'MalformedDetail'],
])('fails when %s: that entry, at its index, with status 200', async (_name, entry, code) => {
  const { FailedEntryCount, Entries, $metadata } = await put(good, entry, good);
  expect([FailedEntryCount, $metadata.httpStatusCode]).toEqual([1, 200]);
  expect(Entries?.map(result => result.ErrorCode)).toEqual([undefined, code, undefined]);
  expect(Entries?.map(result => typeof result.EventId)).toEqual(['string', 'undefined', 'string']);
  expect(bus.events).toHaveLength(2);
});

const half: PutEventsRequestEntry = { ...good, Detail: JSON.stringify({ a: 'é'.repeat(65_536) }) };
test.each<[string, PutEventsRequestEntry[], string]>([
  ['there is no entry', [], 'ValidationException'],
  ['there are 11 entries', new Array(11).fill(good), 'ValidationException'],
  ['the entries are too large together', [half, half], 'ValidationException'],
  ['a resource is too long', [{ ...good, Resources: ['x'.repeat(2049)] }], 'ValidationException'],
  ['a bus does not exist', [good, { ...good, EventBusName: 'other' }], 'ResourceNotFoundException'],
  ['no bus is named', [{ ...good, EventBusName: undefined }], 'ResourceNotFoundException'],
  [
    'the ARN is of another account',
    [{ ...good, EventBusName: busArn.replace('0000:', '0001:') }],
    'ResourceNotFoundException',
  ],
])('fails when %s: the whole call', async (_name, entries, name) => {
  await expect(put(...entries)).rejects.toMatchObject({ name });
  expect(bus.events).toHaveLength(0);
});

test('accepts entries up to the limit in bytes, including Time', async () => {
  const Time = new Date();
  const fixed = 'poller'.length + 'TaskFailed'.length + '{"a":""}'.length + 14;
  const entry = (bytes: number) => ({ ...good, Time, Detail: JSON.stringify({ a: 'x'.repeat(bytes - fixed) }) });
  await expect(put(entry(262_144))).resolves.toMatchObject({ FailedEntryCount: 0 });
  await expect(put(entry(262_145))).rejects.toMatchObject({ name: 'ValidationException' });
});

test('fails single entries on request, counting them over all calls', async () => {
  bus.entryFault = (_entry, index) =>
    index % 3 === 2 ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' } : undefined;
  const first = await put(good, good);
  const second = await put(good, good);
  expect([first.FailedEntryCount, second.FailedEntryCount]).toEqual([0, 1]);
  expect(second.Entries?.[0]).toEqual({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });
  expect(bus.events).toHaveLength(3);
});

test('a lost answer: the events are accepted, and the client gets an error', async () => {
  bus.intercept = () => ({ when: 'after', how: 'reset' });
  await expect(put(good)).rejects.toThrow('ECONNRESET');
  expect(bus.events).toHaveLength(1);
  bus.intercept = () => ({ when: 'before', how: { status: 400, type: 'ThrottlingException' } });
  await expect(put(good)).rejects.toMatchObject({ name: 'ThrottlingException' });
  expect(bus.events).toHaveLength(1);
});

test.each([
  ['AWSEvents.ListRules', 'ListRules'],
  ['AWSPartnerCentralSelling.PutEvents', 'AWSPartnerCentralSelling.PutEvents'],
])('fails when the operation is unknown: %s', async (target, named) => {
  const response = await fetch(bus.url, { method: 'POST', headers: { 'x-amz-target': target }, body: '{}' });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    __type: 'UnknownOperationException',
    message: `There is no operation ${named} here.`,
  });
});
