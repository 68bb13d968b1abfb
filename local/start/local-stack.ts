/** The synthesized stack on this machine: its bundles, table, bus, rule and topic, on local services. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSBatchResponse } from 'aws-lambda';
import type { DealSources } from '../../lambdas/alerts/look-up';
import type { AlertRoutes } from '../../lambdas/alerts/routes';
import type { InvocationMode } from '../../lambdas/poller/invocation';
import type { Summary } from '../../lambdas/poller/run';
import type { Settings } from '../../lambdas/poller/settings';
import { sourceId } from '../../lambdas/source-id';
import { alertQueue } from '../services/alert-queue';
import { startControlPlane } from '../services/control-plane';
import { createTableFromTemplate, startDynamoDb } from '../services/dynamodb';
import { type DeliveredEvent, startEventBridge } from '../services/event-bridge';
import { matches } from '../services/event-pattern';
import { type FunctionHost, type FunctionOptions, hostFunction, type InvokeOptions } from '../services/function-host';
import { startPartnerCentral } from '../services/partner-central';
import { startSns } from '../services/sns';
import { startSts } from '../services/sts';
import { describedByTemplate } from '../services/table-description';
import { readSynthesized, resolveEnvironment } from '../synthesized';

export interface LocalStackOptions {
  /** Folder and name of the synthesized stack. */
  readonly directory: string;
  readonly stackName: string;
  /** Port of Partner Central; a free one by default. */
  readonly port?: number | undefined;
  /** Folder in which the table is kept. By default it is deleted at the end. */
  readonly keep?: string | undefined;
  /** Another DynamoDB to use, for example Amazon's DynamoDB Local. */
  readonly dynamoDbEndpoint?: string | undefined;
  /** Poller settings that override the synthesized ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Alert routes that override the synthesized ones, and topics besides the stack's own. */
  readonly alertRoutes?: AlertRoutes | undefined;
  readonly topics?: readonly string[] | undefined;
  /** Sources whose deals the alerts name; overrides the synthesized ones. */
  readonly dealSources?: DealSources | undefined;
  /** Number of pollers of the queue of failed tasks, each of which gathers a batch; Lambda's by default. */
  readonly alertPollers?: number | undefined;
  /** Skips the poller's own pauses, including the pace of List calls. */
  readonly skipPauses?: boolean | undefined;
  readonly onEvent?: (event: DeliveredEvent) => void;
  readonly onLog?: (line: string) => void;
}

export type LocalStack = Awaited<ReturnType<typeof startLocalStack>>;

export async function startLocalStack(options: LocalStackOptions) {
  const synthesized = readSynthesized(options.directory, options.stackName);
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:failed-tasks';
  const chatTopicArn = `${topicArn}-chat`;
  const queue = alertQueue(synthesized.alertBatchSize, options.alertPollers);

  // In another DynamoDB, tables survive a killed run, so each run has its own table name.
  const tableName = options.dynamoDbEndpoint ? `${synthesized.tableId}-${randomUUID()}` : synthesized.tableId;
  const partnerCentral = await startPartnerCentral({ port: options.port });
  const dynamoDb = await startDynamoDb({
    path: options.keep && join(options.keep, 'dynamodb'),
    endpoint: options.dynamoDbEndpoint,
    describe: describedByTemplate(synthesized.template, new Map([[tableName, synthesized.tableId]])),
  });
  const eventBridge = await startEventBridge({
    buses: [synthesized.busId],
    onEvent: event => {
      if (matches(synthesized.failedTasksPattern, event)) queue.send(event);
      options.onEvent?.(event);
    },
  });
  const sns = await startSns({ topics: [topicArn, chatTopicArn, ...(options.topics ?? [])] });
  const sts = await startSts();

  await createTableFromTemplate(dynamoDb.url, synthesized.template, synthesized.tableId, tableName);

  const names = {
    [synthesized.tableId]: tableName,
    [synthesized.busId]: synthesized.busId,
    [synthesized.topicId]: topicArn,
    ...(synthesized.chatTopicId && { [synthesized.chatTopicId]: chatTopicArn }),
    ...Object.fromEntries(
      synthesized.pollers.map(({ logGroupId, logicalId }, at) => [
        logGroupId,
        `/aws/lambda/${options.stackName}-${at === 0 ? 'Poller' : logicalId}`,
      ]),
    ),
    'AWS::Region': 'us-east-1',
  };
  const endpoints = {
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    AWS_ENDPOINT_URL_SNS: sns.url,
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  type More = Readonly<Record<string, unknown>>;
  const hosts: FunctionHost[] = [];
  const pollers = synthesized.pollers.map((poller, at) => {
    const configured = JSON.parse(String(poller.environment.POLLER_SETTINGS));
    // Overrides of a test apply to the first source only.
    // Callers wait until the function returns, so it polls only once by default.
    const settings = { ...configured, followMinutes: 0, ...(at === 0 && options.settings) };
    const environment = (more: More = {}) => ({
      ...resolveEnvironment(poller.environment, names),
      ...endpoints,
      POLLER_SETTINGS: JSON.stringify({ ...settings, ...more }),
    });
    function host(more?: More, onPause?: FunctionOptions['onPause']) {
      const started = hostFunction({
        ...poller,
        environment: environment(more),
        skipPauses: options.skipPauses,
        onPause,
        onLog: options.onLog,
      });
      hosts.push(started);
      return {
        kill: started.kill,
        invoke<T = unknown>(input: unknown, how: InvokeOptions = {}) {
          partnerCentral.clockOffsetMs = how.clockOffsetMs ?? 0;
          return started.invoke<T>(input, how);
        },
      };
    }
    return {
      ...poller,
      settings: settings as Settings,
      environment: environment(),
      host,
      scheduled: host(),
      // A second instance of the function, while the first one may be busy with a scheduled poll.
      called: host(),
    };
  });
  const [first] = pollers as [(typeof pollers)[number]];
  // An account whose source has a name has its own tasks.
  const accounts = new Map(
    pollers.flatMap(({ settings: { assumeRoleArn, name } }) => (name === undefined ? [] : [[assumeRoleArn, name]])),
  );
  partnerCentral.accountOf = accessKeyId => accounts.get(sts.roleSession(accessKeyId)?.roleArn);
  const formatter = hostFunction({
    ...synthesized.formatter,
    environment: {
      ...resolveEnvironment(synthesized.formatter.environment, names),
      ...endpoints,
      ...(options.alertRoutes && { ALERT_ROUTES: JSON.stringify(options.alertRoutes) }),
      ...(options.dealSources && { DEAL_SOURCES: JSON.stringify(options.dealSources) }),
    },
    onLog: options.onLog,
  });
  hosts.push(formatter);
  const controlPlane = await startControlPlane({
    stackName: options.stackName,
    template: synthesized.template,
    names,
    functions: Object.fromEntries(
      pollers.map(({ logicalId, environment, called }) => [
        logicalId,
        { environment, invoke: (input: unknown) => called.invoke(input) },
      ]),
    ),
  });

  return {
    partnerCentral,
    dynamoDb,
    eventBridge,
    sns,
    sts,
    controlPlane,
    /** Environment that makes SDK clients and the operators' command line use this stack. */
    endpoints: { ...endpoints, ...controlPlane.endpoints },
    tableName,
    catalog: first.settings.catalog,
    taskFamily: first.settings.taskFamily,
    /** The function of the first source. */
    poller: first.scheduled,
    formatter,

    /** Invokes the poller like the schedule. */
    poll: (mode: InvocationMode = 'poll', how?: InvokeOptions) => first.scheduled.invoke<Summary>({ mode }, how),

    /** All sources, the first one first, each with its own function. */
    sources: pollers.map(({ settings, enabled, scheduled }) => ({
      id: sourceId(settings),
      settings,
      account: accounts.get(settings.assumeRoleArn),
      enabled,
      poller: scheduled,
      poll: (mode: InvocationMode = 'poll', how?: InvokeOptions) => scheduled.invoke<Summary>({ mode }, how),
    })),

    /** Another instance of the same function, optionally with other settings. */
    anotherPoller: (moreSettings: More = {}, onPause?: FunctionOptions['onPause']) => first.host(moreSettings, onPause),

    busName: synthesized.busId,
    /** Default topics of mails and chat messages. */
    topicArn,
    chatTopicArn,
    /** Number of failed tasks that wait for the formatter. */
    queue,

    /**
     * Delivers the failed tasks that the rule matched since the last call to the formatter, in batches like its queue.
     * @returns the published messages
     */
    async deliverAlerts() {
      const before = sns.messages.length;
      await queue.deliver(async event => {
        const { result, error } = await formatter.invoke<SQSBatchResponse>(event);
        if (error) throw new Error(`The formatter failed: ${error.message}`);
        return result;
      });
      return sns.messages.slice(before);
    },

    async close() {
      await Promise.all(hosts.map(host => host.kill()));
      if (options.dynamoDbEndpoint) await deleteTable(options.dynamoDbEndpoint, tableName);
      await Promise.all(
        [partnerCentral, dynamoDb, eventBridge, sns, sts, controlPlane].map(service => service.close()),
      );
    },
  };
}

async function deleteTable(endpoint: string, tableName: string): Promise<void> {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await client.send(new DeleteTableCommand({ TableName: tableName }));
  client.destroy();
}
