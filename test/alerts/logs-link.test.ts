import { logsLink } from '../../lambdas/alerts/logs-link';
import { sourceId } from '../../lambdas/source-id';
import { bare, failed, invited, logs, repeated } from './events';

/** Reads a link as the console does: $ is %, the query is encoded once, and the name and each value twice. */
function decoded(link: string) {
  const url = new URL(link);
  const [, group = '', query = ''] = /^#logsV2:log-groups\/log-group\/(.+)\/log-events(.+)$/.exec(url.hash) ?? [];
  const once = (text: string) => decodeURIComponent(text.replaceAll('$', '%'));
  return {
    host: url.host,
    path: url.pathname,
    region: url.searchParams.get('region'),
    group: decodeURIComponent(once(group)),
    ...Object.fromEntries(new URLSearchParams(once(query))),
  };
}
const at = (instant: string) => String(Date.parse(instant));

test('leads to what the run logged, a quarter of an hour around the failure and its event', () => {
  const link = logsLink(logs, { ...failed, publishedAt: '2026-11-22T18:05:00Z' });
  expect(decoded(link)).toEqual({
    host: 'console.aws.amazon.com',
    path: '/cloudwatch/home',
    region: 'eu-west-1',
    group: '/aws/lambda/Poller-Logs',
    filterPattern: '"6752a8ee-657e-4906-854d-1becaa7b1917"',
    start: at('2026-11-22T17:47:00Z'),
    end: at('2026-11-22T18:20:00Z'),
  });
  expect(link).toBe(
    `https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252FPoller-Logs/log-events$3FfilterPattern$3D$25226752a8ee-657e-4906-854d-1becaa7b1917$2522$26start$3D${at('2026-11-22T17:47:00Z')}$26end$3D${at('2026-11-22T18:20:00Z')}`,
  );
});

test('a task of a source with a name leads to the log of that source', () => {
  const groups = [...logs.groups, ['Sandbox#OpportunityFromEngagement#acme', '/aws/lambda/Acme-Logs']] as const;
  const link = logsLink({ ...logs, groups: groups as never }, { ...failed, sourceName: 'acme' });
  expect(decoded(link)).toMatchObject({ group: '/aws/lambda/Acme-Logs' });
});

test('a replay leads to what was logged of the task when it was seen first', () => {
  expect(decoded(logsLink(logs, repeated))).toMatchObject({
    group: '/aws/lambda/Poller-Logs',
    filterPattern: '"task-dpf02ig3g2uui"',
    start: at('2026-11-22T17:47:00Z'),
    end: at('2026-11-22T18:17:00Z'),
  });
});

test('an event that says little: around the moment it was seen', () => {
  expect(decoded(logsLink(logs, bare))).toMatchObject({
    start: at('2026-11-22T17:47:00Z'),
    end: at('2026-11-22T18:17:00Z'),
  });
  expect(decoded(logsLink(logs, { ...bare, detectedBefore: 'never' }))).not.toHaveProperty('start');
});

test.each(['a"b\' (c)*!~ $%&=#?', '案件 🚧', '\ud800', 'x\n<b>'])('whatever a run is called: %j', runId => {
  const link = logsLink({ region: 'eu-west-1', groups: [['any', 'group/of#ours']] }, { ...bare, runId });
  expect(link.slice(link.indexOf('#'))).toMatch(/^#[\w:/$.-]+$/); // no program takes a part of it for the end
  expect(decoded(link)).toMatchObject({
    group: 'group/of#ours',
    filterPattern: `"${runId.replace('\ud800', '\ufffd')}"`,
  });
});

test('stays short, whatever a run is called', () => {
  expect(logsLink(logs, { ...bare, runId: '案'.repeat(5_000) }).length).toBeLessThan(2_000);
});

test('leads to the group of the source that the event came from, and to the first for one that is gone', () => {
  const groupOf = (task: typeof failed) => (decoded(logsLink(logs, task)) as { group: string }).group;
  expect(groupOf(failed)).toBe('/aws/lambda/Poller-Logs');
  expect(groupOf(invited)).toBe('/aws/lambda/Other-Logs');
  for (const gone of [{ catalog: 'AWS' }, { taskType: 'EngagementFromOpportunity' }, { taskType: 'Something' }])
    expect(groupOf({ ...failed, ...gone })).toBe('/aws/lambda/Poller-Logs');
  // What the stack writes is what an event says.
  const source = sourceId({ catalog: 'AWS', taskFamily: 'EngagementFromOpportunity' });
  expect(source).toBe(`${invited.catalog}#${invited.taskType}`);
});
