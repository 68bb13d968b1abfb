import { readConfig, settingsJson } from '../../infra/config';
import { configEntries } from '../../infra/config-entries';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { allowedValues } from '../../lambdas/poller/settings';

const problemsOf = (context: Record<string, unknown>) => {
  try {
    readConfig({ catalog: 'Sandbox', ...context });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};
const topicArn = 'arn:aws:sns:us-east-1:111122223333:pager';
const elevenAddresses = Array.from({ length: 11 }, (_, at) => `a${at}@example.com`).join();
const sixTopics = Array.from({ length: 6 }, (_, index) => `${topicArn}${index}`).join(',');
const elevenOpportunities = Array.from({ length: 11 }, (_, index) => `O${index + 1}`).join(',');

const combination = (text: string) => expect.stringContaining(text);
function manyTags(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, 'value']));
}

test('a catalog is enough', () => {
  const { sources, ...stack } = readConfig({ catalog: 'AWS' });
  expect(sources).toEqual([
    {
      ...stack,
      label: 'AWS/OpportunityFromEngagement',
      serviceName: stack.stackName,
      idSuffix: '',
      isOnlySource: true,
    },
  ]);
  expect(stack).toEqual({
    catalog: 'AWS',
    taskFamily: 'OpportunityFromEngagement',
    stackName: 'PartnerCentralTaskPoller',
    pollEveryMinutes: 1,
    auditEveryHours: 24,
    functionTimeoutSeconds: 55,
    memoryMb: 256,
    alertRoutes: { '*': 'default' },
    chatAlerts: false,
    describeDeals: false,
    archiveDays: 30,
    schemaRegistry: true,
    logRetentionDays: 30,
    savedQueries: true,
    logLevel: 'INFO',
    tracing: false,
    enabled: true,
    customerManagedKey: false,
    alarmAtFailedTasks: 10,
    alarmAtStalledTasks: 1,
    runbookUrl: 'docs/runbook.md',
    dashboard: false,
    eventSource: 'partnercentral.task-poller',
    includeMessage: true,
    shadow: false,
    stalledAfterMinutes: 60,
    taskStalledEvents: false,
    followMinutes: 5,
    maxExtraListCallsPerDay: 25_000,
    nativeNudges: true,
    lookbackMinutes: 5,
    retentionDays: 90,
    maxEventsPerRun: 1000,
    maxListCallsPerRun: 100,
    maxListCallsPerSecond: 5,
    headPageSize: 100,
    backlogPageSize: 1000,
  });
});

test('text, as -c passes it, means the same as a value in cdk.json', () => {
  const values = {
    pollEveryMinutes: 5,
    auditEveryHours: 12,
    functionTimeoutSeconds: 290,
    memoryMb: 512,
    archiveDays: 0,
    logRetentionDays: 365,
    tracing: true,
    alarmAtFailedTasks: 20,
    alarmAtStalledTasks: 2,
    dashboard: true,
    includeMessage: false,
    retentionDays: 30,
    enabled: false,
    customerManagedKey: true,
    existingTableName: 'restored-table',
    permissionsBoundary: 'arn:aws:iam::111122223333:policy/teams/crm',
  };
  const asText = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
  const config = readConfig({ catalog: 'Sandbox', ...asText });
  expect(config).toMatchObject(values);
  expect(config).toEqual(readConfig({ catalog: 'Sandbox', ...values }));
});

test.each<[why: string, given: unknown, tags: Record<string, string>]>([
  ['text', 'team=crm,cost-center=42', { team: 'crm', 'cost-center': '42' }],
  ['text with spaces around', ' team = crm , cost-center = 42 ', { team: 'crm', 'cost-center': '42' }],
  ['text with = in a value', 'query=a=b', { query: 'a=b' }],
  ['an empty value', 'archived=', { archived: '' }],
  ['an object', { team: 'crm', 'cost center': '4+2' }, { team: 'crm', 'cost center': '4+2' }],
  ['letters of any language', { équipe: 'großhändler' }, { équipe: 'großhändler' }],
  ['the longest', { ['k'.repeat(128)]: 'v'.repeat(256) }, { ['k'.repeat(128)]: 'v'.repeat(256) }],
  ['the most', manyTags(50), manyTags(50)],
])('tags from %s', (_, tags, expected) => {
  expect(readConfig({ catalog: 'AWS', tags }).tags).toEqual(expected);
});

const tagRule = combination(
  'allowed: key=value, separated by commas, or an object in cdk.json: 1 to 50 keys of 1 to 128 letters',
);
test.each<[why: string, tags: unknown]>([
  ['there are none', ''],
  ['there are none in the object', {}],
  ['they are a list', ['team=crm']],
  ['they are a number', 42],
  ['one has no value', 'team=crm,archived'],
  ['one has no key', '=crm'],
  ['a key is there twice', 'team=crm,team=sales'],
  ['IAM would take two keys for one', { team: 'crm', Team: 'crm' }],
  ['a key is for AWS', 'aws:team=crm'],
  ['a key is for AWS in capitals', { 'AWS:team': 'crm' }],
  ['a key is too long', { ['k'.repeat(129)]: 'crm' }],
  ['a value is too long', { team: 'v'.repeat(257) }],
  ['a value is no text', { 'cost-center': 42 }],
  ['a value has what no service takes', { team: 'crm, sales' }],
  ['there are 51', manyTags(51)],
])('fails when tags are bad: %s', (_, tags) => {
  expect(problemsOf({ tags })).toEqual([tagRule]);
  expect(problemsOf({ tags })[0]).toContain(`tags: got ${JSON.stringify(tags)}, allowed: `);
});

const securityTeam = 'arn:aws:sns:eu-west-1:123456789012:security-team';

test('routes of alerts: an object and text mean the same, and the catch-all is always among them', () => {
  const routesOf = (alertRoutes: unknown) => readConfig({ catalog: 'AWS', alertRoutes }).alertRoutes;
  const routes = { throttling: 'nowhere', access: securityTeam, '*': 'default' };
  expect(routesOf({ throttling: 'nowhere', access: securityTeam })).toEqual(routes);
  expect(routesOf(`throttling=nowhere, access=${securityTeam}`)).toEqual(routes);
  expect(routesOf(`*=${securityTeam}`)).toEqual({ '*': securityTeam });
  expect(routesOf(`Sandbox/*=nowhere,AWS/EngagementFromOpportunity:access=${securityTeam}`)).toEqual({
    'Sandbox/*': 'nowhere',
    'AWS/EngagementFromOpportunity:access': securityTeam,
    '*': 'default',
  });
  expect(routesOf({})).toEqual({ '*': 'default' });
  expect(readConfig({ catalog: 'AWS', chatAlerts: 'true' }).chatAlerts).toBe(true);
});

describe('routes of alerts', () => {
  const allowed =
    "for each of access, validation, conflict, throttling, quota, not-found, not-permitted, submission, internal, unknown, or a source such as Sandbox/*, AWS/EngagementFromOpportunity or AWS/EngagementFromOpportunity/acme, or a source and a category such as AWS/*:access, or *, one of default, nowhere or the ARN of a topic, such as throttling=nowhere,AWS/*:access=arn:aws:sns:us-east-1:111122223333:security; * is everything else and can't be nowhere";
  test.each<[why: string, routes: unknown]>([
    ['the catch-all leads nowhere', { '*': 'nowhere' }],
    ['the catch-all leads nowhere, as text', 'access=default,*=nowhere'],
    ['a category does not exist', { acess: 'nowhere' }],
    ['a catalog does not exist', { 'Sandpit/*': 'nowhere' }],
    ['a catalog is any', { '*/OpportunityFromEngagement': 'nowhere' }],
    ['a family does not exist', { 'AWS/EngagmentFromOpportunity': 'nowhere' }],
    ['there is no family', { AWS: 'nowhere' }],
    ['the category of a source does not exist', { 'AWS/*:acess': 'nowhere' }],
    ['the category of a source is any', { 'AWS/*:*': 'nowhere' }],
    ['a source has two categories', { 'AWS/*:access:conflict': 'nowhere' }],
    ['the name of a source is empty', { 'AWS/OpportunityFromEngagement/': 'nowhere' }],
    ['a source has a name and no family', { 'AWS/*/acme': 'nowhere' }],
    ['a source has a fourth part', { 'AWS/OpportunityFromEngagement/acme/': 'nowhere' }],
    ['a destination is neither a word nor an ARN', 'access=security-team'],
    ['a destination is an ARN of something else', { access: 'arn:aws:sqs:eu-west-1:123456789012:queue' }],
    ['a topic is a FIFO topic', { access: `${securityTeam}.fifo` }],
    ['a category stands there twice', `access=nowhere,access=${securityTeam}`],
    ['it is empty', ''],
    ['there is no destination', 'access'],
    ['it is no table', 5],
    ['it is a list', ['access']],
  ])('fails when %s', (_, alertRoutes) => {
    expect(problemsOf({ alertRoutes })).toEqual([
      `alertRoutes: got ${JSON.stringify(alertRoutes)}, allowed: ${allowed}`,
    ]);
  });
});

describe('routes of a source by its name', () => {
  const acme = 'AWS/OpportunityFromEngagement/acme';
  const furtherSources = [{ name: 'acme', assumeRoleArn: 'arn:aws:iam::111122223333:role/task-reader' }];

  test('are those of a source of the stack', () => {
    const alertRoutes = { [acme]: 'nowhere', [`${acme}:access`]: securityTeam };
    expect(readConfig({ catalog: 'AWS', furtherSources, alertRoutes }).alertRoutes).toMatchObject(alertRoutes);
  });

  test.each<[why: string, stack: object, key: string, named: string]>([
    ['no source has a name', {}, acme, 'none in this stack'],
    ['it is another name', { furtherSources }, 'AWS/OpportunityFromEngagement/acne:access', acme],
    ['it is the name of another family', { furtherSources }, 'AWS/EngagementFromOpportunity/acme', acme],
    ['it is the name of another catalog', { furtherSources }, 'Sandbox/OpportunityFromEngagement/acme', acme],
  ])('fails when %s', (_, stack, key, named) => {
    expect(problemsOf({ catalog: 'AWS', ...stack, alertRoutes: { [key]: 'nowhere' } })).toEqual([
      `alertRoutes: got ${JSON.stringify(key)}, allowed sources with a name: ${named}`,
    ]);
  });

  test('that do not exist are not reported when a source is invalid: it may be that one', () => {
    const invalid = furtherSources.map(source => ({ ...source, pollEveryMinutes: 0 }));
    expect(problemsOf({ catalog: 'AWS', furtherSources: invalid, alertRoutes: { [acme]: 'nowhere' } })).toEqual([
      expect.stringMatching(/^furtherSources\[0\]\.pollEveryMinutes: /),
    ]);
  });
});

test('addresses for alerts: a list and text mean the same, and none gets two mails', () => {
  const addressesOf = (alertEmail: unknown) => readConfig({ catalog: 'AWS', alertEmail }).alertEmail;
  expect(addressesOf('a@example.com')).toEqual(['a@example.com']);
  expect(addressesOf('a@example.com, b@example.com,a@example.com')).toEqual(['a@example.com', 'b@example.com']);
  expect(addressesOf(['a@example.com', 'b@example.com'])).toEqual(['a@example.com', 'b@example.com']);
});

test("CDK's own keys are none of our business", () => {
  const context = {
    '@aws-cdk/core:validateAgainstDefaultRules': true,
    'aws:cdk:bundling-stacks': ['**'],
    'availability-zones:account=1:region=us-east-1': [],
    'cdk-migrate': true,
    'acknowledged-issue-numbers': [1],
    'cli-telemetry': false,
  };
  expect(problemsOf(context)).toEqual([]);
});

test.each<[why: string, context: Record<string, unknown>, problems: unknown[]]>([
  ['the catalog does not exist', { catalog: 'sandbox' }, ['catalog: got "sandbox", allowed: AWS or Sandbox']],
  [
    'a key is unknown',
    { pollEveryMinute: '5' },
    ['pollEveryMinute: unknown key, got "5"; did you mean pollEveryMinutes?'],
  ],
  [
    'there are 11 identifiers',
    { opportunityIdentifiers: elevenOpportunities },
    [
      `opportunityIdentifiers: got "${elevenOpportunities}", allowed: 1 to 10 of O followed by 1 to 19 digits, separated by commas`,
    ],
  ],
  [
    'an identifier breaks its pattern',
    { engagementIdentifiers: 'eng-1' },
    [
      'engagementIdentifiers: got "eng-1", allowed: 1 to 10 of eng- and 14 of 0-9a-z, or an ARN that begins with arn:aws:partnercentral:, separated by commas',
    ],
  ],
  [
    'the source pretends to be AWS',
    { eventSource: 'aws.partnercentral' },
    ['eventSource: got "aws.partnercentral", allowed: 1 to 256 letters, digits and ._-/, not beginning with aws.'],
  ],
  [
    'emitSince is no instant',
    { emitSince: 'yesterday' },
    ['emitSince: got "yesterday", allowed: an instant such as 2026-11-01T00:00:00Z'],
  ],
  [
    'failed tasks are led to a topic of the alarms',
    { alertRoutes: `access=${topicArn}`, alarmTopicArns: topicArn },
    [
      `alertRoutes with alarmTopicArns: got "${topicArn}" in both, allowed: different topics, so that a burst of failed tasks can't bury an alarm`,
    ],
  ],
  [
    'the rate is no number',
    { pollEveryMinutes: 'often' },
    ['pollEveryMinutes: got "often", allowed: a whole number of minutes from 1 to 1440'],
  ],
  [
    'the rate is no whole number',
    { pollEveryMinutes: 1.5 },
    ['pollEveryMinutes: got 1.5, allowed: a whole number of minutes from 1 to 1440'],
  ],
  [
    'the audit is too rare',
    { auditEveryHours: '721' },
    ['auditEveryHours: got "721", allowed: a whole number of hours from 1 to 720'],
  ],
  [
    'the timeout is more than Lambda allows',
    { functionTimeoutSeconds: '901', pollEveryMinutes: '60' },
    ['functionTimeoutSeconds: got "901", allowed: a whole number of seconds from 10 to 900'],
  ],
  [
    'memory is too small',
    { memoryMb: '64' },
    ['memoryMb: got "64", allowed: a whole number of megabytes from 128 to 3008'],
  ],
  [
    'the address is none',
    { alertEmail: 'me' },
    ['alertEmail: got "me", allowed: 1 to 10 e-mail addresses, separated by commas'],
  ],
  [
    'one of the addresses is none',
    { alertEmail: 'a@example.com; b@example.com' },
    ['alertEmail: got "a@example.com; b@example.com", allowed: 1 to 10 e-mail addresses, separated by commas'],
  ],
  [
    'there are no addresses',
    { alertEmail: [] },
    ['alertEmail: got [], allowed: 1 to 10 e-mail addresses, separated by commas'],
  ],
  [
    'there are eleven addresses',
    { alertEmail: elevenAddresses },
    [`alertEmail: got "${elevenAddresses}", allowed: 1 to 10 e-mail addresses, separated by commas`],
  ],
  ['the address for alarms is none', { alarmEmail: 'me' }, ['alarmEmail: got "me", allowed: an e-mail address']],
  [
    'a topic for alarms is a FIFO one, which CloudWatch does not take',
    { alarmTopicArns: `${topicArn}.fifo` },
    [
      `alarmTopicArns: got "${topicArn}.fifo", allowed: 1 to 5 ARNs of standard SNS topics such as arn:aws:sns:us-east-1:111122223333:pager, separated by commas`,
    ],
  ],
  [
    'there are six topics for alarms',
    { alarmTopicArns: sixTopics },
    [
      `alarmTopicArns: got "${sixTopics}", allowed: 1 to 5 ARNs of standard SNS topics such as arn:aws:sns:us-east-1:111122223333:pager, separated by commas`,
    ],
  ],
  [
    'there is no topic for alarms in the list',
    { alarmTopicArns: '' },
    [
      'alarmTopicArns: got "", allowed: 1 to 5 ARNs of standard SNS topics such as arn:aws:sns:us-east-1:111122223333:pager, separated by commas',
    ],
  ],
  [
    'alarms go to existing topics and to an address',
    { alarmTopicArns: topicArn, alarmEmail: 'a@example.com' },
    ['alarmEmail with alarmTopicArns: got both, allowed: one of them; subscribe the address to one of those topics'],
  ],
  [
    'the alarm of failed tasks would always be on',
    { alarmAtFailedTasks: '0' },
    ['alarmAtFailedTasks: got "0", allowed: a whole number of tasks from 1 to 100000'],
  ],
  [
    'the alarm of stalled tasks would always be on',
    { alarmAtStalledTasks: '0' },
    ['alarmAtStalledTasks: got "0", allowed: a whole number of tasks from 1 to 100000'],
  ],
  [
    "the runbook's address has an anchor already",
    { runbookUrl: 'https://example.com/runbook#top' },
    ['runbookUrl: got "https://example.com/runbook#top", allowed: up to 500 characters without spaces and #'],
  ],
  ['the dashboard is neither on nor off', { dashboard: '1' }, ['dashboard: got "1", allowed: true or false']],
  [
    'the address is empty',
    { alertEmail: '' },
    ['alertEmail: got "", allowed: 1 to 10 e-mail addresses, separated by commas'],
  ],
  [
    'the archive is negative',
    { archiveDays: '-1' },
    ['archiveDays: got "-1", allowed: a whole number of days from 0 to 3650'],
  ],
  [
    'CloudWatch does not know the log retention',
    { logRetentionDays: '31' },
    [combination('logRetentionDays: got "31", allowed: one of 1, 3, 5, 7, 14, 30, 60, 90, ')],
  ],
  ['the log level is none', { logLevel: 'info' }, ['logLevel: got "info", allowed: DEBUG or INFO or WARN or ERROR']],
  ['a switch is neither on nor off', { tracing: 'yes' }, ['tracing: got "yes", allowed: true or false']],
  ['enabled is neither true nor false', { enabled: 'off' }, ['enabled: got "off", allowed: true or false']],
  [
    'the key is named, not switched',
    { customerManagedKey: 'alias/mine' },
    ['customerManagedKey: got "alias/mine", allowed: true or false'],
  ],
  [
    'the table is not named but given by ARN',
    { existingTableName: 'arn:aws:dynamodb:eu-west-1:111122223333:table/x' },
    [
      'existingTableName: got "arn:aws:dynamodb:eu-west-1:111122223333:table/x", allowed: 3 to 255 letters, digits and _.-',
    ],
  ],
  ['the table name is empty', { existingTableName: '' }, [combination('existingTableName: got ""')]],
  [
    'the boundary is a role',
    { permissionsBoundary: 'arn:aws:iam::111122223333:role/crm' },
    [
      'permissionsBoundary: got "arn:aws:iam::111122223333:role/crm", allowed: name or ARN of a managed policy such as arn:aws:iam::111122223333:policy/boundary',
    ],
  ],
  [
    'the boundary is a path without an ARN',
    { permissionsBoundary: 'teams/crm' },
    [
      'permissionsBoundary: got "teams/crm", allowed: name or ARN of a managed policy such as arn:aws:iam::111122223333:policy/boundary',
    ],
  ],
  [
    'the stack name is none',
    { stackName: '2nd_stack' },
    ['stackName: got "2nd_stack", allowed: a letter, then up to 127 letters, digits and hyphens'],
  ],
  [
    'a poll may take as long as the period',
    { functionTimeoutSeconds: '60' },
    [
      'functionTimeoutSeconds with pollEveryMinutes: got 60 with 1, allowed: a timeout of less than one poll period, here at most 59 seconds',
    ],
  ],
  [
    'audits are asked for more often than polls',
    { pollEveryMinutes: '90', auditEveryHours: '1' },
    [
      'auditEveryHours with pollEveryMinutes: got 1 with 90, allowed: audits no more often than polls, here every 2 hours or less often',
    ],
  ],
  [
    'an audit sees less than the time since the last one',
    { auditEveryHours: '48', retentionDays: '1' },
    [
      'auditEveryHours with retentionDays: got 48 with 1, allowed: an audit at least once in a retention period, here at most every 24 hours',
    ],
  ],
  [
    'much is wrong at once: each is told',
    { catalog: 'aws', memoryMb: 'lots', colour: 'red', functionTimeoutSeconds: '120' },
    [
      'catalog: got "aws", allowed: AWS or Sandbox',
      'memoryMb: got "lots", allowed: a whole number of megabytes from 128 to 3008',
      'colour: unknown key, got "red"; docs/configuration.md has all keys',
      combination('functionTimeoutSeconds with pollEveryMinutes: got 120 with 1'),
    ],
  ],
])('fails when %s', (_, context, problems) => expect(problemsOf(context)).toEqual(problems));

test('fails when the catalog is missing', () => {
  expect(() => readConfig({})).toThrow('catalog: got nothing, allowed: AWS or Sandbox');
});

test("the poller's settings are only its own, with defaults, and always the same text", () => {
  const json = settingsJson(
    readConfig({ alertEmail: 'a@example.com', retentionDays: '30', catalog: 'AWS' }).sources[0],
  );
  expect(json).toBe(settingsJson(readConfig({ catalog: 'AWS', retentionDays: 30, memoryMb: 512 }).sources[0]));
  expect(json).toBe(
    '{"catalog":"AWS","taskFamily":"OpportunityFromEngagement","eventSource":"partnercentral.task-poller","includeMessage":true,"shadow":false,"stalledAfterMinutes":60,"taskStalledEvents":false,"pollEveryMinutes":1,"auditEveryHours":24,"followMinutes":5,"maxExtraListCallsPerDay":25000,"lookbackMinutes":5,"retentionDays":30,"maxEventsPerRun":1000,"maxListCallsPerRun":100,"maxListCallsPerSecond":5,"headPageSize":100,"backlogPageSize":1000}',
  );
});

test.each(Object.entries(configEntries))('%s says what it allows', (_, entry) => {
  expect(allowedValues(entry)).toEqual(expect.any(String));
});
