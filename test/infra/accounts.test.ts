/** Several sources of one catalog and family, each in an account of its own. */
import { Stack, Token } from 'aws-cdk-lib';
import { PartnerCentralTaskPoller } from '../../infra';
import { readConfig } from '../../infra/config';
import { MAX_RESOURCES } from '../../infra/stack-limit';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { all, type Json, newApp, permissions, properties, template } from './read-template';

const role = (account: number) => `arn:aws:iam::${String(account).padStart(12, '0')}:role/task-reader`;
const acme = { name: 'acme', assumeRoleArn: role(1), externalId: 'partner-1' };
const beta = { name: 'beta', assumeRoleArn: role(2) };
const configured = (context: Json) => readConfig({ catalog: 'AWS', ...context });
const problemsOf = (context: Json) => {
  try {
    configured(context);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('It was accepted');
};

describe('sources of one catalog and family', () => {
  test('may stand in one stack if names and accounts differ', () => {
    const { sources } = configured({ furtherSources: [acme, beta] });
    expect(sources.map(({ label, serviceName, idSuffix }) => [label, serviceName, idSuffix])).toEqual([
      ['AWS/OpportunityFromEngagement', 'PartnerCentralTaskPoller', ''],
      [
        'AWS/OpportunityFromEngagement/acme',
        'PartnerCentralTaskPoller-AWS-OpportunityFromEngagement-acme',
        'AWSOpportunityFromEngagementacme',
      ],
      [
        'AWS/OpportunityFromEngagement/beta',
        'PartnerCentralTaskPoller-AWS-OpportunityFromEngagement-beta',
        'AWSOpportunityFromEngagementbeta',
      ],
    ]);
  });

  test('the name of the first one is in its service, and in no id', () => {
    const [first] = configured({ ...acme, furtherSources: [beta] }).sources;
    expect(first).toMatchObject({ serviceName: 'PartnerCentralTaskPoller-acme', idSuffix: '' });
  });

  test('each account has the whole pace and the whole day of List calls', () => {
    const { sources } = configured({
      furtherSources: [acme, { ...acme, taskFamily: 'EngagementFromOpportunity' }, beta],
    });
    expect(sources.map(one => [one.maxListCallsPerSecond, one.maxExtraListCallsPerDay])).toEqual([
      [5, 25_000],
      [2.5, 12_500],
      [2.5, 12_500],
      [5, 25_000],
    ]);
  });

  test('a name is for one source, and an external id for one role', () => {
    const furtherSources = [{ taskFamily: 'EngagementFromOpportunity' }, beta];
    const { sources } = configured({ ...acme, furtherSources });
    expect(sources.map(({ name, externalId }) => [name, externalId])).toEqual([
      ['acme', 'partner-1'],
      [undefined, 'partner-1'],
      ['beta', undefined],
    ]);
  });

  test.each<[what: string, context: Json, problems: unknown[]]>([
    [
      'two have the same name',
      { furtherSources: [acme, { ...beta, name: 'acme' }] },
      [expect.stringMatching(/^furtherSources: got AWS\/OpportunityFromEngagement\/acme more than once/)],
    ],
    [
      'none has a name',
      { furtherSources: [{ assumeRoleArn: role(1) }] },
      [expect.stringMatching(/^furtherSources: got AWS\/OpportunityFromEngagement more than once/)],
    ],
    [
      'two are in the same account, by different roles',
      { furtherSources: [acme, { ...acme, name: 'other', assumeRoleArn: `${role(1)}-2` }] },
      [
        'furtherSources: got AWS/OpportunityFromEngagement/acme and AWS/OpportunityFromEngagement/other in the same account (000000000001), allowed: accounts that differ, each by the assumeRoleArn of its source',
      ],
    ],
    [
      "two are in the stack's own account",
      { furtherSources: [{ name: 'acme' }] },
      [
        expect.stringMatching(
          /got AWS\/OpportunityFromEngagement and .*\/acme in the same account \(the stack's own\)/,
        ),
      ],
    ],
    [
      'an external id has no role',
      { externalId: 'partner-1' },
      ['externalId without assumeRoleArn: got "partner-1", allowed: only with the role that asks for it'],
    ],
    [
      'a name has other characters',
      { name: 'acme-emea' },
      ['name: got "acme-emea", allowed: a letter, then up to 31 letters and digits'],
    ],
  ])('fails when %s', (_, context, problems) => expect(problemsOf(context)).toEqual(problems));

  test('two roles of the same app may be in any account, one is in one', () => {
    const token = (name: string) => Token.asString({ Ref: name });
    const [one, other] = [token('One'), token('Other')];
    const sourcesOf = (...arns: string[]) => arns.map((assumeRoleArn, at) => ({ name: `account${at}`, assumeRoleArn }));
    expect(configured({ furtherSources: sourcesOf(one, other) }).sources).toHaveLength(3);
    expect(problemsOf({ furtherSources: sourcesOf(one, one) })).toEqual([
      expect.stringContaining('in the same account (of one role)'),
    ]);
  });
});

describe('a stack with three accounts', () => {
  const several = template({
    catalog: 'AWS',
    nudgesFrom: '000000000001',
    furtherSources: [acme, beta],
    dashboard: true,
  });
  const [ofAcme, ofBeta] = ['acme', 'beta'].map(name => `PollerAWSOpportunityFromEngagement${name}`) as [
    string,
    string,
  ];

  test('changes no logical id of the first source', () => {
    const usual = Object.keys(template({ catalog: 'AWS', nudgesFrom: '000000000001', dashboard: true }).Resources);
    expect(Object.keys(several.Resources)).toEqual(expect.arrayContaining(usual));
  });

  test('each may assume the role of its own account, and list by itself no more', () => {
    for (const [id, { assumeRoleArn }] of [
      [ofAcme, acme],
      [ofBeta, beta],
    ] as const) {
      const mine = permissions(`${id}FunctionRole`, several);
      expect(mine.filter(one => /^(sts|partnercentral):/.test(one))).toEqual([`sts:AssumeRole on ${assumeRoleArn}`]);
    }
  });

  test('each has its settings, its service, and alarms that name it', () => {
    const { Variables } = (properties('AWS::Lambda::Function', `${ofAcme}Function`, several) as Json)
      .Environment as Json as { Variables: Json };
    expect(JSON.parse(String(Variables.POLLER_SETTINGS))).toMatchObject(acme);
    expect(Variables.POWERTOOLS_SERVICE_NAME).toBe('PartnerCentralTaskPoller-AWS-OpportunityFromEngagement-acme');
    const alarms = Object.entries(all('AWS::CloudWatch::Alarm', several)).filter(([id]) =>
      id.startsWith('AlarmsAWSOpportunityFromEngagementacme'),
    );
    expect(alarms).toHaveLength(8);
    for (const [, alarm] of alarms)
      expect(alarm.Properties.AlarmDescription).toMatch(/^AWS\/OpportunityFromEngagement\/acme: /);
  });

  test('an event of one account nudges its own source, as does TaskStarted that names it', () => {
    const pattern = (id: string) => properties('AWS::Events::Rule', id, several)?.EventPattern as Json;
    expect(pattern(`${ofAcme}NudgesTaskStarted`)).toMatchObject({
      detail: { taskType: ['OpportunityFromEngagement'], sourceName: ['acme', { exists: false }] },
    });
    for (const rule of ['PartnerCentral', 'CloudTrail'])
      expect(pattern(`${ofBeta}Nudges${rule}`)).toMatchObject({ account: ['000000000002'] });
    expect(pattern('PollerNudgesTaskStarted').detail).not.toHaveProperty('sourceName');
    expect(pattern('PollerNudgesPartnerCentral')).not.toHaveProperty('account');
  });

  test('formatter, outputs and dashboard tell them apart', () => {
    const formatter = JSON.stringify(properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter', several));
    expect(formatter).toContain(`AWS#OpportunityFromEngagement#acme={${ofAcme}FunctionLogs}`);
    expect(several.Outputs).toHaveProperty(`PollerFunctionName${ofBeta.replace('Poller', '')}`);
    const page = JSON.stringify(Object.values(all('AWS::CloudWatch::Dashboard', several))[0]?.Properties);
    expect(page).toContain('AWS/OpportunityFromEngagement/beta: Tasks that ended, by outcome');
    expect(page).toContain('of the 100,000 that account 000000000002 has');
  });
});

test('a rule of onTask… matches the name of its source, and a source without one has none to match', () => {
  const app = newApp();
  const stack = new Stack(app, 'Tasks');
  const tasks = new PartnerCentralTaskPoller(stack, 'Tasks', { catalog: 'AWS', furtherSources: [acme] });
  tasks.onTaskFailed('OfAcme', { source: 'AWS/OpportunityFromEngagement/acme' });
  expect(() => tasks.onTaskFailed('OfBeta', { source: 'AWS/OpportunityFromEngagement/beta' })).toThrow(
    'no source AWS/OpportunityFromEngagement/beta; allowed: AWS/OpportunityFromEngagement or AWS/OpportunityFromEngagement/acme',
  );
  const { Resources } = app.synth().getStackByName('Tasks').template as { Resources: Record<string, Json> };
  const id = Object.keys(Resources).find(each => each.startsWith('TasksOfAcme')) as string;
  expect((Resources[id]?.Properties as Json | undefined)?.EventPattern).toMatchObject({
    detail: { catalog: ['AWS'], taskType: ['OpportunityFromEngagement'], sourceName: ['acme'] },
  });
});

describe('the limit of a stack', () => {
  const accounts = (count: number) =>
    Array.from({ length: count - 1 }, (_, at) => ({ name: `account${at + 1}`, assumeRoleArn: role(at + 1) }));
  const resources = (context: Json) => Object.keys(template(context).Resources).length;

  test('eighteen sources fit, or twenty without native nudges', () => {
    expect(resources({ furtherSources: accounts(18) })).toBeLessThanOrEqual(MAX_RESOURCES);
    expect(resources({ furtherSources: accounts(20), nativeNudges: false })).toBeLessThanOrEqual(MAX_RESOURCES);
  });

  test('fails when there are more, before CloudFormation or the CDK does, saying how many fit', () => {
    expect(() => template({ furtherSources: accounts(19) })).toThrow(ConfigurationError);
    expect(() => template({ furtherSources: accounts(20) })).toThrow(
      /furtherSources: got 20 sources with 550 resources in the stack PartnerCentralTaskPoller, allowed: 500 resources, which is the first 18 sources\. Put the others into another stack/,
    );
  });

  test('fails when their names fill the environment of the function that writes the alerts', () => {
    const context = { nativeNudges: false, stackName: 'Long'.repeat(20) };
    const named = (length: number) =>
      accounts(20).map((source, at) => ({ ...source, name: String.fromCharCode(65 + at).repeat(length) }));
    expect(() => template({ ...context, furtherSources: named(32) })).toThrow(
      /furtherSources: got 20 sources whose ids and log groups fill .* with about 5\d{3} bytes, allowed: 4096\. Shorten/,
    );
    expect(() => template({ nativeNudges: false, furtherSources: named(8) })).not.toThrow();
  });

  test('no widget of the dashboard has more alarms than CloudWatch takes', () => {
    const page = JSON.stringify(
      Object.values(all('AWS::CloudWatch::Dashboard', template({ furtherSources: accounts(15), dashboard: true })))[0]
        ?.Properties,
    );
    const widgets = page
      .split('\\"title\\":\\"Alarms\\"')
      .slice(1)
      .map(text => text.split('\\"type\\"')[0] ?? '');
    const counts = widgets.map(text => text.split('{Alarms').length - 1);
    expect(counts).toEqual([100, 21]);
  });
});
