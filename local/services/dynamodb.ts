/**
 * A stand-in for DynamoDB: dynalite, called in this process behind our own HTTP layer, so that faults and call counts work
 * as in the other services. Tables come from the synthesized template.
 */
import { mkdirSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
  type GlobalSecondaryIndex,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { type Call, type Reply, type ServiceOptions, startService } from './service';

export interface DynamoDbOptions extends ServiceOptions {
  /** Folder of the tables. Without it, they exist until the service closes. */
  path?: string | undefined;
  /** Address of another DynamoDB that gets every request, for example Amazon's DynamoDB Local. */
  endpoint?: string | undefined;
  /** Answers requests that the engine does not support. */
  describe?: ((call: Call, answer: () => Promise<Reply>) => Promise<Reply> | Reply) | undefined;
}

interface Engine {
  answer(headers: IncomingHttpHeaders, body: string): Promise<Reply>;
  close(): Promise<void>;
}

export async function startDynamoDb(options: DynamoDbOptions = {}) {
  const engine = options.endpoint ? remoteEngine(options.endpoint) : embeddedEngine(options.path);
  const service = await startService({
    ...options,
    name: 'dynamodb',
    contentType: 'application/x-amz-json-1.0',
    handle: (call, { headers, body }) => {
      const answer = () => engine.answer(headers, body);
      return options.describe ? options.describe(call, answer) : answer();
    },
  });
  const closeHttp = service.close;
  let closed: Promise<void> | undefined;
  service.close = () => {
    closed ??= closeHttp().then(() => engine.close());
    return closed;
  };
  return service;
}

function remoteEngine(endpoint: string): Engine {
  const passedOn = ['content-type', 'x-amz-target', 'authorization', 'x-amz-date'];
  return {
    async answer(headers, body) {
      const kept = Object.fromEntries(passedOn.map(name => [name, String(headers[name] ?? '')]));
      const response = await fetch(endpoint, { method: 'POST', headers: kept, body });
      return { status: response.status, body: await response.text() };
    },
    close: async () => undefined,
  };
}

function embeddedEngine(path: string | undefined): Engine {
  if (path) mkdirSync(path, { recursive: true });
  const engine = dynalite({ ...(path && { path }), createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  return {
    answer: (headers, body) =>
      new Promise<Reply>(resolve => {
        // The engine's handler needs only these members of a request and a response.
        const request = Object.assign(Readable.from([Buffer.from(body)]), { method: 'POST', url: '/', headers });
        const replyHeaders: Record<string, string> = {};
        const response = {
          statusCode: 200,
          setHeader: (key: string, value: unknown) => {
            replyHeaders[key.toLowerCase()] = String(value);
          },
          end: (text = '') => {
            delete replyHeaders['content-length']; // our server sets it, because a fault may cut the body
            resolve({ status: response.statusCode, headers: replyHeaders, body: text });
          },
        };
        engine.emit('request', request, response);
      }),
    // The engine closes its files only together with a listening server. Nothing connects to this one.
    close: () => new Promise(resolve => void engine.listen(0, '127.0.0.1', () => void engine.close(() => resolve()))),
  };
}

interface Template {
  Resources?: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
}

/**
 * Creates the table of a CloudFormation template, unless it exists. Uses keys, indexes and billing mode; ignores TTL,
 * backups, protection, encryption and tags.
 * @returns the table's name: the logical id unless another is given
 * @throws Error when the template lacks the table
 */
export async function createTableFromTemplate(url: string, template: object, logicalId: string, tableName = logicalId) {
  const resources = (template as Template).Resources ?? {};
  const resource = resources[logicalId];
  if (!resource?.Properties || !/^AWS::DynamoDB::(Global)?Table$/.test(resource.Type)) {
    const tables = Object.keys(resources).filter(id => resources[id]?.Type.startsWith('AWS::DynamoDB::'));
    throw new Error(`The template has no table ${logicalId}; its tables are: ${tables.join(', ') || 'none'}.`);
  }
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: url, region: 'us-east-1', credentials });
  try {
    await client.send(new CreateTableCommand(tableInput(resource.Properties, tableName))).catch(ignoreExisting);
    const isActive = async () =>
      (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table?.TableStatus === 'ACTIVE';
    while (!(await isActive())) await sleep(20);
  } finally {
    client.destroy();
  }
  return tableName;
}

function tableInput(properties: Record<string, unknown>, tableName: string): CreateTableCommandInput {
  const { KeySchema, AttributeDefinitions, BillingMode, ProvisionedThroughput, LocalSecondaryIndexes } = properties;
  const indexes = properties.GlobalSecondaryIndexes as GlobalSecondaryIndex[] | undefined;
  const input = {
    TableName: tableName,
    KeySchema,
    AttributeDefinitions,
    BillingMode,
    ProvisionedThroughput,
    LocalSecondaryIndexes,
    GlobalSecondaryIndexes: indexes?.map(index => ({
      IndexName: index.IndexName,
      KeySchema: index.KeySchema,
      Projection: index.Projection,
      ProvisionedThroughput: index.ProvisionedThroughput,
    })),
  };
  return input as CreateTableCommandInput;
}

function ignoreExisting(error: Error) {
  if (error.name !== 'ResourceInUseException') throw error;
}
