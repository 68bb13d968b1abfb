import { type AlertRoutes, routeOf } from '../../lambdas/alerts/routes';
import { reasonCategories } from '../../lambdas/task-event';

const team = 'arn:aws:sns:eu-west-1:123456789012:team';
const rest = 'arn:aws:sns:eu-west-1:123456789012:rest';

const failure = (reasonCategory: string | undefined, source = 'AWS/OpportunityFromEngagement') => {
  const [catalog, taskType, sourceName] = source.split('/') as [string, string, string?];
  return { catalog, taskType, sourceName, reasonCategory };
};

test.each([undefined, ...reasonCategories, 'minted-by-a-newer-poller', 'constructor', '__proto__', '*', ''])(
  'without routes, %s goes to the topic of the stack',
  category => {
    expect(routeOf({}, failure(category))).toBe('default');
    expect(routeOf({ '*': 'default' }, failure(category))).toBe('default');
  },
);

test('a category goes where its own route leads, and all the rest to the catch-all', () => {
  const routes = { throttling: 'nowhere', access: team, '*': rest } as const;
  expect(routeOf(routes, failure('throttling'))).toBe('nowhere');
  expect(routeOf(routes, failure('access'))).toBe(team);
  for (const category of ['internal', 'unknown', undefined, 'minted-by-a-newer-poller', 'toString', '*'])
    expect(routeOf(routes, failure(category))).toBe(rest);
});

describe('the most specific route holds', () => {
  /** Each leads to its own name. */
  const keys = [
    'AWS/OpportunityFromEngagement/acme:access',
    'AWS/OpportunityFromEngagement/acme',
    'AWS/OpportunityFromEngagement:access',
    'AWS/OpportunityFromEngagement',
    'AWS/*:access',
    'AWS/*',
    'access',
    '*',
  ];
  const others = ['Sandbox/*', 'Sandbox/OpportunityFromEngagement:access', 'AWS/EngagementFromOpportunity', 'conflict'];

  test.each(keys)('%s, if nothing more specific is named', key => {
    const left = [...keys.slice(keys.indexOf(key)), ...others];
    // Their order in the configuration says nothing.
    for (const order of [left, [...left].reverse()]) {
      const routes: AlertRoutes = Object.fromEntries(order.map(one => [one, one]));
      expect(routeOf(routes, failure('access', 'AWS/OpportunityFromEngagement/acme'))).toBe(key);
    }
  });

  test.each<[source: string, category: string | undefined, route: string]>([
    ['AWS/OpportunityFromEngagement', 'conflict', 'AWS/OpportunityFromEngagement'],
    ['AWS/OpportunityFromEngagement', undefined, 'AWS/OpportunityFromEngagement'],
    ['AWS/OpportunityFromEngagement', 'access', 'AWS/OpportunityFromEngagement:access'],
    ['AWS/OpportunityFromEngagement/acme', 'conflict', 'AWS/OpportunityFromEngagement/acme'],
    ['AWS/OpportunityFromEngagement/acme', undefined, 'AWS/OpportunityFromEngagement/acme'],
    ['AWS/OpportunityFromEngagement/beta', 'access', 'AWS/OpportunityFromEngagement:access'],
    ['AWS/OpportunityFromEngagement/beta', 'conflict', 'AWS/OpportunityFromEngagement'],
    ['AWS/EngagementFromOpportunity/acme', 'access', 'AWS/EngagementFromOpportunity'],
    ['AWS/EngagementFromOpportunity', 'access', 'AWS/EngagementFromOpportunity'],
    ['AWS/EngagementByAcceptingInvitation', 'access', 'AWS/*:access'],
    ['AWS/EngagementByAcceptingInvitation', 'conflict', 'AWS/*'],
    ['AWS/EngagementByAcceptingInvitation', 'minted-by-a-newer-poller', 'AWS/*'],
    ['Sandbox/OpportunityFromEngagement', 'access', 'Sandbox/OpportunityFromEngagement:access'],
    ['Sandbox/OpportunityFromEngagement', 'conflict', 'Sandbox/*'],
    ['Another/OpportunityFromEngagement', 'access', 'access'],
    ['Another/OpportunityFromEngagement', 'internal', '*'],
  ])('%s with the category %s', (source, category, route) => {
    const routes = Object.fromEntries([...keys, ...others].map(key => [key, key]));
    expect(routeOf(routes, failure(category, source))).toBe(route);
  });
});

test('a catch-all that leads nowhere is the topic of the stack: it is never lost', () => {
  expect(routeOf({ '*': 'nowhere' }, failure('internal'))).toBe('default');
  expect(routeOf({ '*': 'nowhere' }, failure(undefined))).toBe('default');
  expect(routeOf({ '*': 'nowhere', 'Sandbox/*': 'nowhere' }, failure('internal'))).toBe('default');
});

test('a category that reads like another key does not take its route', () => {
  const routes = { 'Sandbox/*': 'nowhere', 'AWS/*:access': 'nowhere', '*': rest };
  for (const category of ['Sandbox/*', 'AWS/*:access', '*:access', '*'])
    expect(routeOf(routes, failure(category))).toBe(rest);
});
