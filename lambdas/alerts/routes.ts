/** Which failures go to which topic. */
import type { ReasonCategory } from '../task-event';

/** Every category that isn't listed, and events without a category. */
export const CATCH_ALL = '*';

/** The stack's own topic. */
export const DEFAULT = 'default';
/** Neither mail nor chat. */
export const NOWHERE = 'nowhere';

export type RouteKey = ReasonCategory | typeof CATCH_ALL;
/** DEFAULT, NOWHERE or the ARN of a topic. */
export type Route = string;
export type AlertRoutes = Readonly<Partial<Record<RouteKey, Route>>>;

/** An existing standard topic: a FIFO topic, whose name ends with .fifo, neither mails nor takes messages without a group. */
export const topicArnPattern = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;

export const isTopicArn = (route: Route): boolean => topicArnPattern.test(route);

/**
 * Where the failures of a category go. There is always a catch-all: if none is configured, or it is NOWHERE, it is the
 * stack's own topic.
 * @param category also one that this release does not know
 */
export function routeOf(routes: AlertRoutes, category: string | undefined): Route {
  // Own keys only: a category is untrusted text, and may be `constructor`.
  if (category !== undefined && category !== CATCH_ALL && Object.hasOwn(routes, category))
    return routes[category as RouteKey] as Route;
  const rest = routes[CATCH_ALL];
  return rest === undefined || rest === NOWHERE ? DEFAULT : rest;
}
