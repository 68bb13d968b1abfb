/** Which topic gets which failures. */
import type { ReasonCategory } from '../task-event';

/** Every category without a route of its own, and events without a category. */
export const CATCH_ALL = '*';

/** The stack's own topic. */
export const DEFAULT = 'default';
/** Neither mail nor chat. */
export const NOWHERE = 'nowhere';

export type RouteKey = ReasonCategory | typeof CATCH_ALL;
/** DEFAULT, NOWHERE or the ARN of a topic. */
export type Route = string;
export type AlertRoutes = Readonly<Partial<Record<RouteKey, Route>>>;

/** ARN of a standard topic. FIFO topics (`.fifo`) can't send mails, and refuse messages without a group. */
export const topicArnPattern = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;

export const isTopicArn = (route: Route): boolean => topicArnPattern.test(route);

/**
 * The route of a category. A catch-all that is missing or `nowhere` becomes `default`, so that an unknown category is
 * never lost.
 * @param category may be one that this release does not know
 */
export function routeOf(routes: AlertRoutes, category: string | undefined): Route {
  // Own keys only: the category comes from an event, and could be `constructor`.
  if (category !== undefined && category !== CATCH_ALL && Object.hasOwn(routes, category))
    return routes[category as RouteKey] as Route;
  const rest = routes[CATCH_ALL];
  return rest === undefined || rest === NOWHERE ? DEFAULT : rest;
}
