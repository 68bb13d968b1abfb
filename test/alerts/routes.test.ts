import { routeOf } from '../../lambdas/alerts/routes';
import { reasonCategories } from '../../lambdas/task-event';

const team = 'arn:aws:sns:eu-west-1:123456789012:team';
const rest = 'arn:aws:sns:eu-west-1:123456789012:rest';

test.each([undefined, ...reasonCategories, 'minted-by-a-newer-poller', 'constructor', '__proto__', '*', ''])(
  'without routes, %s goes to the topic of the stack',
  category => {
    expect(routeOf({}, category)).toBe('default');
    expect(routeOf({ '*': 'default' }, category)).toBe('default');
  },
);

test('a category goes where its own route leads, and all the rest to the catch-all', () => {
  const routes = { throttling: 'nowhere', access: team, '*': rest } as const;
  expect(routeOf(routes, 'throttling')).toBe('nowhere');
  expect(routeOf(routes, 'access')).toBe(team);
  for (const category of ['internal', 'unknown', undefined, 'minted-by-a-newer-poller', 'toString', '*'])
    expect(routeOf(routes, category)).toBe(rest);
});

test('a catch-all that leads nowhere is the topic of the stack: it is never lost', () => {
  expect(routeOf({ '*': 'nowhere' }, 'internal')).toBe('default');
  expect(routeOf({ '*': 'nowhere' }, undefined)).toBe('default');
});
