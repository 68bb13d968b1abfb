import { openBudget } from '../../../lambdas/poller/budget';
import { connectPartnerCentral } from '../../../lambdas/poller/edges/partner-central';
import { openServiceClock } from '../../../lambdas/poller/service-clock';
import { parseFlat, settingsEntries } from '../../../lambdas/poller/settings';
import { jsonReply, type Service, startService } from '../../../local/services/service';

let service: Service;
const seen: { input: object; authorization: string }[] = [];

beforeAll(async () => {
  service = await startService({
    name: 'partnercentral',
    contentType: 'application/x-amz-json-1.0',
    handle: ({ input }, { headers }) => {
      seen.push({ input, authorization: String(headers.authorization) });
      return jsonReply({ TaskSummaries: [] });
    },
  });
  Object.assign(process.env, {
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: service.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
});
afterAll(() => service.close());

const filters = {
  opportunityIdentifiers: ['O1', 'O2'],
  engagementIdentifiers: ['eng-00000000000001'],
  contextIdentifiers: ['7'],
  taskIdentifiers: ['task-0000000000001'],
};
const sort = { SortBy: 'StartTime', SortOrder: 'DESCENDING' };
const onTheWire = {
  OpportunityIdentifier: ['O1', 'O2'],
  EngagementIdentifier: ['eng-00000000000001'],
  ContextIdentifier: ['7'],
  TaskIdentifier: ['task-0000000000001'],
};

test.each([
  [
    'a sweep has all filters',
    { of: 'sweep', pageSize: 100, token: 't' },
    { MaxResults: 100, NextToken: 't', ...onTheWire },
  ],
  [
    'the list of running tasks has all filters',
    { of: 'running', pageSize: 1_000 },
    { MaxResults: 1_000, TaskStatus: ['IN_PROGRESS'], ...onTheWire },
  ],
  [
    'a look-up has only ids and no filter',
    { of: ['task-0000000000002'], pageSize: 100 },
    { MaxResults: 100, TaskIdentifier: ['task-0000000000002'] },
  ],
] as const)('%s, signed for us-east-1 in any region', async (_name, listing, expected) => {
  const settings = parseFlat(settingsEntries, { catalog: 'AWS', ...filters }, 'settings');
  const limits = { now: Date.now, deadline: Date.now() + 60_000, listCalls: 10, listCallsPerSecond: 10, events: 10 };
  const budget = openBudget(limits);
  await connectPartnerCentral(settings, Date.now).list(listing, {
    budget,
    clock: openServiceClock(Date.now, Date.now()),
  });
  budget.close();
  expect(seen.at(-1)?.input).toEqual({ Catalog: 'AWS', Sort: sort, ...expected });
  expect(seen.at(-1)?.authorization).toContain('/us-east-1/partnercentral-selling/aws4_request');
});

test('the digest of filters is the same as in older releases', () => {
  const settings = parseFlat(settingsEntries, { catalog: 'AWS', ...filters }, 'settings');
  const connected = connectPartnerCentral(settings, Date.now);
  expect([connected.filters, connected.fingerprint(100)]).toEqual(['5d315118bbceb56d', 'aa1af44e764d19ef']);
  expect(connectPartnerCentral(parseFlat(settingsEntries, { catalog: 'AWS' }, 'settings'), Date.now).filters).toBe(
    '44136fa355b3678a',
  );
});

test.each([
  ['OpportunityFromEngagement', ['opportunityIdentifiers', 'engagementIdentifiers', 'contextIdentifiers']],
  ['EngagementFromOpportunity', ['opportunityIdentifiers', 'engagementIdentifiers']],
  ['EngagementByAcceptingInvitation', ['opportunityIdentifiers', 'engagementInvitationIdentifiers']],
] as const)('%s: filters of other families are not part of the digest', (taskFamily, own) => {
  const given = { ...filters, engagementInvitationIdentifiers: ['engi-0000000000001'] };
  const digestOf = (keys: readonly string[]) => {
    const some = Object.fromEntries(Object.entries(given).filter(([key]) => keys.includes(key)));
    const settings = parseFlat(settingsEntries, { catalog: 'AWS', taskFamily, ...some }, 'settings');
    return connectPartnerCentral(settings, Date.now).filters;
  };
  const all = digestOf(Object.keys(given));
  expect(digestOf([...own, 'taskIdentifiers'])).toBe(all);
  for (const key of [...own, 'taskIdentifiers'])
    expect(digestOf(Object.keys(given).filter(one => one !== key))).not.toBe(all);
});
