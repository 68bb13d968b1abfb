import type { PollerLogs } from './logs-link';
import type { AlertRoutes } from './routes';

/** Environment variables of the formatter function, the one place that names them for the code and the stack. */
export const environment = {
  /** The stack's own topic for mails. */
  topicArn: 'TOPIC_ARN',
  /** The topic for chats; absent when they are off. */
  chatTopicArn: 'CHAT_TOPIC_ARN',
  /** JSON of AlertRoutes. */
  routes: 'ALERT_ROUTES',
  /** `catalog#taskType=log group` of each source, separated by commas. Names of log groups contain no comma. */
  pollerLogGroups: 'POLLER_LOG_GROUPS',
  pollerLogRegion: 'POLLER_LOG_REGION',
} as const;

export interface AlertSettings {
  readonly topicArn: string;
  readonly chatTopicArn: string | undefined;
  readonly routes: AlertRoutes;
  readonly logs: PollerLogs;
}

/** @throws Error naming a variable that is missing or can't be read */
export function readEnvironment(env: Record<string, string | undefined>): AlertSettings {
  const needed = (name: string) => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set: deploy the stack again`);
    return value;
  };
  return {
    topicArn: needed(environment.topicArn),
    chatTopicArn: env[environment.chatTopicArn] || undefined,
    routes: parseRoutes(needed(environment.routes)),
    logs: {
      groups: parseLogGroups(needed(environment.pollerLogGroups)),
      region: needed(environment.pollerLogRegion),
    },
  };
}

function parseRoutes(json: string): AlertRoutes {
  let routes: unknown;
  try {
    routes = JSON.parse(json);
  } catch {
    // Reported below: the text is no object either way.
  }
  if (typeof routes !== 'object' || routes === null || Object.values(routes).some(route => typeof route !== 'string'))
    throw new Error(`${environment.routes}: got text that is no JSON object of texts; deploy the stack again`);
  return routes as AlertRoutes;
}

function parseLogGroups(text: string): PollerLogs['groups'] {
  const groups = text.split(',').map(pair => /^([^=]+)=([^=]+)$/.exec(pair)?.slice(1) as [string, string] | undefined);
  const [first, ...others] = groups.filter(group => group !== undefined);
  if (first === undefined || others.length + 1 < groups.length)
    throw new Error(`${environment.pollerLogGroups}: got text that is no list of source=group; deploy the stack again`);
  return [first, ...others];
}
