import type { PollerLogs } from './logs-link';
import type { DealSources } from './look-up';
import type { AlertRoutes } from './routes';

/** Environment variables of the formatter function. The code reads them; the stack sets them. */
export const environment = {
  /** The stack's topic for mails. */
  topicArn: 'TOPIC_ARN',
  /** The topic for chats; absent when chats are off. */
  chatTopicArn: 'CHAT_TOPIC_ARN',
  /** JSON of AlertRoutes. */
  routes: 'ALERT_ROUTES',
  /** `source id=log group` of each source. Separated by commas, which log group names can't contain. */
  pollerLogGroups: 'POLLER_LOG_GROUPS',
  pollerLogRegion: 'POLLER_LOG_REGION',
  /** JSON of DealSources; absent without `describeDeals`. */
  dealSources: 'DEAL_SOURCES',
} as const;

export interface AlertSettings {
  readonly topicArn: string;
  readonly chatTopicArn: string | undefined;
  readonly routes: AlertRoutes;
  readonly logs: PollerLogs;
  /** Sources whose deals are looked up. Without it, none are. */
  readonly dealSources?: DealSources | undefined;
}

/** @throws Error naming a variable that is missing or invalid */
export function readEnvironment(env: Record<string, string | undefined>): AlertSettings {
  const required = (name: string) => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set: deploy the stack again`);
    return value;
  };
  return {
    topicArn: required(environment.topicArn),
    chatTopicArn: env[environment.chatTopicArn] || undefined,
    routes: jsonObject(environment.routes, required(environment.routes)),
    logs: {
      groups: parseLogGroups(required(environment.pollerLogGroups)),
      region: required(environment.pollerLogRegion),
    },
    dealSources: env[environment.dealSources]
      ? jsonObject(environment.dealSources, required(environment.dealSources))
      : undefined,
  };
}

function jsonObject(name: string, json: string): Readonly<Record<string, string>> {
  let object: unknown;
  try {
    object = JSON.parse(json);
  } catch {
    // Reported below, like JSON that is not an object.
  }
  if (typeof object !== 'object' || object === null || Object.values(object).some(value => typeof value !== 'string'))
    throw new Error(`${name}: got a value that is not a JSON object of strings; deploy the stack again`);
  return object as Record<string, string>;
}

function parseLogGroups(text: string): PollerLogs['groups'] {
  const groups = text.split(',').map(pair => /^([^=]+)=([^=]+)$/.exec(pair)?.slice(1) as [string, string] | undefined);
  const [first, ...others] = groups.filter(group => group !== undefined);
  if (first === undefined || others.length + 1 < groups.length)
    throw new Error(
      `${environment.pollerLogGroups}: got a value that is not a list of source=group; deploy the stack again`,
    );
  return [first, ...others];
}
