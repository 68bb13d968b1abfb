/** A stand-in for EventBridge: PutEvents with the service's checks, and the envelope that a target gets. */
import { randomUUID } from 'node:crypto';
import { isObject, jsonReply, Refusal, type ServiceOptions, startService, unknownOperation } from './service';

/** An event as rules match it and targets receive it. */
export interface DeliveredEvent {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  /** ISO 8601, whole seconds. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** An entry as on the wire: Time is in seconds since 1970. */
export interface WireEntry {
  Time?: number | null;
  Source?: string | null;
  DetailType?: string | null;
  Detail?: string | null;
  Resources?: string[] | null;
  EventBusName?: string | null;
}

export interface EntryError {
  ErrorCode: string;
  ErrorMessage: string;
}

export interface EventBridgeOptions extends ServiceOptions {
  /** Names or ARNs. No other bus exists, not even the default one. */
  buses: string[];
  /** Maximum total size of the entries of one call. It was 256 KB for years; not every region has a larger limit. */
  maxBytes?: number;
  onEvent?: ((event: DeliveredEvent) => void) | undefined;
  /** Makes an acceptable entry fail. `index` counts the acceptable entries from 0. */
  entryFault?: ((entry: WireEntry, index: number) => EntryError | undefined) | undefined;
}

export async function startEventBridge(options: EventBridgeOptions) {
  const events: DeliveredEvent[] = [];
  let acceptable = 0;

  const service = await startService({
    ...options,
    name: 'events',
    contentType: 'application/x-amz-json-1.1',
    handle: ({ operation, input }) => {
      if (operation === 'DescribeEventBus') return jsonReply(describeBus(String(input.Name ?? 'default'), options));
      if (operation !== 'PutEvents') throw unknownOperation(operation);
      const entries = checkCall(input.Entries, options);
      const results = entries.map(entry => {
        const error = entryError(entry) ?? bus.entryFault?.(entry, acceptable++);
        if (error) return error;
        const event = envelope(entry);
        events.push(event);
        options.onEvent?.(event);
        return { EventId: event.id };
      });
      const failed = results.filter(result => 'ErrorCode' in result).length;
      return jsonReply({ FailedEntryCount: failed, Entries: results });
    },
  });

  const bus = Object.assign(service, {
    /** Every accepted event, oldest first. */
    events,
    clear: () => {
      events.length = 0;
    },
    /** Replace it at any time. */
    entryFault: options.entryFault,
  });
  return bus;
}

/** Errors of a whole call. */
function checkCall(entries: unknown, { buses, maxBytes = 262_144 }: EventBridgeOptions): WireEntry[] {
  const invalid = (message: string) => new Refusal({ status: 400, type: 'ValidationException', body: { message } });
  if (!Array.isArray(entries)) throw invalid("Value null at 'entries' failed to satisfy: Member must not be null");
  if (entries.length < 1 || entries.length > 10)
    throw invalid(`'entries' must have a length from 1 to 10, got ${entries.length}`);
  if (!entries.every(hasRightTypes))
    throw new Refusal({ status: 400, type: 'SerializationException', body: { message: 'An entry has a wrong type.' } });
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (bytes > maxBytes) throw invalid(`Total size of the entries in the request is over the limit: ${bytes} bytes.`);
  if (entries.some(entry => entry.Resources?.some(resource => resource.length > 2048)))
    throw invalid("A member of 'resources' must have a length of at most 2048");
  const unknown = entries.map(entry => entry.EventBusName ?? 'default').find(name => !buses.some(isBus(name)));
  if (unknown !== undefined) throw noSuchBus(unknown);
  return entries;
}

function describeBus(name: string, { buses }: EventBridgeOptions) {
  if (!buses.some(isBus(name))) throw noSuchBus(name);
  return { Name: name, Arn: `arn:aws:events:us-east-1:000000000000:event-bus/${name}` };
}

const noSuchBus = (name: string) =>
  new Refusal({
    status: 400,
    type: 'ResourceNotFoundException',
    body: { message: `Event bus ${name} does not exist.` },
  });

function hasRightTypes(entry: unknown): entry is WireEntry {
  const texts = ['Source', 'DetailType', 'Detail', 'EventBusName'];
  return (
    isObject(entry) &&
    texts.every(key => entry[key] == null || typeof entry[key] === 'string') &&
    (entry.Time == null || typeof entry.Time === 'number') &&
    (entry.Resources == null ||
      (Array.isArray(entry.Resources) && entry.Resources.every(resource => typeof resource === 'string')))
  );
}

/** How EventBridge counts an entry: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
function entryBytes({ Time, Source, DetailType, Detail, Resources }: WireEntry): number {
  const texts = [Source, DetailType, Detail, ...(Resources ?? [])];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), Time == null ? 0 : 14);
}

/** Two ARNs must be equal. A name matches the last part of an ARN. */
function isBus(asked: string) {
  const name = (bus: string) => bus.slice(bus.lastIndexOf('/') + 1);
  const isArn = (bus: string) => bus.startsWith('arn:');
  return (known: string) => (isArn(asked) && isArn(known) ? asked === known : name(asked) === name(known));
}

/** Errors of one entry in an otherwise successful call. */
function entryError(entry: WireEntry): EntryError | undefined {
  for (const field of ['Source', 'DetailType', 'Detail'] as const)
    if (!entry[field]) return invalidArgument(field, 'it is required');
  if ((entry.DetailType?.length ?? 0) > 128) return invalidArgument('DetailType', 'it has more than 128 characters');
  if (entry.Source?.startsWith('aws.'))
    return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
  if (!isObject(parseJson(entry.Detail))) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  return undefined;
}

function invalidArgument(field: string, reason: string): EntryError {
  return { ErrorCode: 'InvalidArgument', ErrorMessage: `Parameter ${field} is not valid. Reason: ${reason}.` };
}

function parseJson(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function envelope(entry: WireEntry): DeliveredEvent {
  const time = new Date(entry.Time == null ? Date.now() : entry.Time * 1000);
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': entry.DetailType as string,
    source: entry.Source as string,
    account: '000000000000',
    time: `${time.toISOString().slice(0, 19)}Z`,
    region: 'us-east-1',
    resources: entry.Resources ?? [],
    detail: parseJson(entry.Detail) as Record<string, unknown>,
  };
}
