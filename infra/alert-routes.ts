/** The configuration key `alertRoutes`: which topic gets which failures. */
import { Token } from 'aws-cdk-lib';
import * as v from 'valibot';
import { type AlertRoutes, CATCH_ALL, DEFAULT, isRouteKey, isTopicArn, NOWHERE } from '../lambdas/alerts/routes';
import { catalogs } from '../lambdas/poller/settings';
import { formatSource, type SourceKey, sourceId } from '../lambdas/source-id';
import { reasonCategories } from '../lambdas/task-event';

const allowed = `for each of ${reasonCategories.join(', ')}, or a source such as Sandbox/*, AWS/EngagementFromOpportunity or AWS/EngagementFromOpportunity/acme, or a source and a category such as AWS/*:access, or ${CATCH_ALL}, one of ${DEFAULT}, ${NOWHERE} or the ARN of a topic, such as throttling=${NOWHERE},AWS/*:access=arn:aws:sns:us-east-1:111122223333:security; ${CATCH_ALL} is everything else and can't be ${NOWHERE}`;

/** Accepts an object, or text such as `throttling=nowhere,access=arn:…`. The result always has the catch-all. */
export function alertRoutes() {
  return v.pipe(
    v.union([v.record(v.string(), v.string()), v.pipe(v.string(), v.transform(pairsOf))], allowed),
    v.check(routes => Object.entries(routes).every(isRoute), allowed),
    v.transform((routes): AlertRoutes => ({ ...routes, [CATCH_ALL]: routes[CATCH_ALL] ?? DEFAULT })),
    v.metadata({ allowed }),
  );
}

function isRoute([key, route]: [string, string]): boolean {
  // The ARN of a topic in the same app is a token until it is deployed.
  const isTopic = route === DEFAULT || isTopicArn(route) || Token.isUnresolved(route);
  return isRouteKey(key, catalogs) && (isTopic || (route === NOWHERE && key !== CATCH_ALL));
}

/**
 * One line for each route of a source by its name that the stack doesn't have. A misspelt name would never match. Routes
 * without a name may be for another stack that shares the same `cdk.json`.
 */
export function unknownNames(routes: AlertRoutes, sources: readonly SourceKey[]): string[] {
  const named = sources.filter(({ name }) => name !== undefined).map(source => formatSource(sourceId(source)));
  return Object.keys(routes)
    .map(key => ({ key, source: key.split(':')[0] as string }))
    .filter(({ source }) => source.split('/').length > 2 && !named.includes(source))
    .map(
      ({ key }) =>
        `alertRoutes: got ${JSON.stringify(key)}, allowed sources with a name: ${named.join(' or ') || 'none in this stack'}`,
    );
}

/** A repeated key gets an empty route, which validation refuses: the two values are ambiguous. */
function pairsOf(text: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [key = '', route = ''] = pair.split('=').map(part => part.trim());
    pairs[key] = Object.hasOwn(pairs, key) ? '' : route;
  }
  return pairs;
}
