/** Which topic gets which failures. */
import { taskFamilyNames } from '../poller/task-families';
import { reasonCategories } from '../task-event';

/** Every failure without a more specific route. */
export const CATCH_ALL = '*';

/** The stack's own topic. */
export const DEFAULT = 'default';
/** Neither mail nor chat. */
export const NOWHERE = 'nowhere';

/** DEFAULT, NOWHERE or the ARN of a topic. */
export type Route = string;
/**
 * By `category`, by source (`Catalog/*`, `Catalog/TaskFamily`, `Catalog/TaskFamily/name`), by `source:category`, or the
 * catch-all.
 * An event's category may be one that this release does not know.
 */
export type AlertRoutes = Readonly<Record<string, Route>>;

/** What routes tell apart. */
export interface Routed {
  readonly catalog: string;
  readonly taskType: string;
  readonly sourceName?: string | undefined;
  readonly reasonCategory?: string | undefined;
}

const families: readonly string[] = taskFamilyNames;

/** ARN of a standard topic. FIFO topics (`.fifo`) can't send mails, and refuse messages without a group. */
export const topicArnPattern = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;

export const isTopicArn = (route: Route): boolean => topicArnPattern.test(route);

const isCategory = (text: string | undefined) => (reasonCategories as readonly (string | undefined)[]).includes(text);

/**
 * Accepts any name: which ones exist is up to the stack.
 * @param catalogs that exist
 */
export function isRouteKey(key: string, catalogs: readonly string[]): boolean {
  if (key === CATCH_ALL || isCategory(key)) return true;
  const [source = '', category, ...rest] = key.split(':');
  const [catalog = '', family = '', name, ...more] = source.split('/');
  return (
    catalogs.includes(catalog) &&
    (family === CATCH_ALL ? name === undefined : families.includes(family) && name !== '') &&
    (category === undefined || isCategory(category)) &&
    rest.length + more.length === 0
  );
}

/**
 * The most specific route of a failure: the source decides first, then the category. A catch-all that is missing or
 * `nowhere` becomes `default`, so that a failure that nobody thought of is never lost.
 */
export function routeOf(routes: AlertRoutes, { catalog, taskType, sourceName, reasonCategory }: Routed): Route {
  // Only categories that a route can name: the text comes from an event, and could be that of another key.
  const category = isCategory(reasonCategory) ? reasonCategory : undefined;
  const family = `${catalog}/${taskType}`;
  const keys = [...(sourceName ? [`${family}/${sourceName}`] : []), family, `${catalog}/${CATCH_ALL}`]
    .flatMap(source => (category === undefined ? [source] : [`${source}:${category}`, source]))
    .concat(category ?? []);
  // Own keys only: every object has a `constructor`.
  const found = keys.find(key => Object.hasOwn(routes, key));
  if (found !== undefined) return routes[found] as Route;
  const rest = routes[CATCH_ALL];
  return rest === undefined || rest === NOWHERE ? DEFAULT : rest;
}
