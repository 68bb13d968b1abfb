/** Several sources in one stack, a role to list by, a bus that was there before, and buses to forward to. */
import { readConfig } from '../../infra/config';
import { configEntries, sourceKeys } from '../../infra/config-entries';
import { ConfigurationError } from '../../lambdas/poller/configuration-error';
import { settingsEntries } from '../../lambdas/poller/settings';
import { all, type Json, permissions, properties, statements, type TemplateJson, template } from './read-template';

const two = [
  { taskFamily: 'EngagementFromOpportunity', pollEveryMinutes: 5, functionTimeoutSeconds: 120 },
  { catalog: 'AWS', enabled: false },
];
const several = template({ furtherSources: two });
const first = 'Poller';
const [family, catalog] = ['PollerSandboxEngagementFromOpportunity', 'PollerAWSOpportunityFromEngagement'];

const problemsOf = (context: Json) => {
  try {
    readConfig({ catalog: 'Sandbox', ...context });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('It was accepted');
};
const settingsOf = (id: string, from = several) => {
  const { Variables } = (properties('AWS::Lambda::Function', `${id}Function`, from) as Json).Environment as {
    Variables: Json;
  };
  return JSON.parse(String(Variables.POLLER_SETTINGS));
};

describe('furtherSources', () => {
  test('are objects in cdk.json, or JSON on the command line', () => {
    expect(readConfig({ catalog: 'Sandbox', furtherSources: JSON.stringify(two) })).toEqual(
      readConfig({ catalog: 'Sandbox', furtherSources: two }),
    );
  });

  test('have what they leave out from the first source, but for its identifiers', () => {
    const { sources } = readConfig({
      catalog: 'Sandbox',
      engagementIdentifiers: 'eng-0123456789abcd',
      retentionDays: 30,
      furtherSources: [{ taskFamily: 'EngagementByAcceptingInvitation', retentionDays: '7' }, { catalog: 'AWS' }],
    });
    expect(
      sources.map(({ retentionDays, engagementIdentifiers }) => [retentionDays, engagementIdentifiers?.length]),
    ).toEqual([
      [30, 1],
      [7, undefined],
      [30, undefined],
    ]);
  });

  test.each<[what: string, context: Json, problems: string[]]>([
    [
      'text is no JSON',
      { furtherSources: '[{' },
      [expect.stringMatching(/^furtherSources: got "\[\{", which is not JSON: .*; allowed: a JSON array of objects/)],
    ],
    ['one is no object', { furtherSources: ['AWS'] }, [expect.stringMatching(/^furtherSources: got \["AWS"\]/)]],
    [
      'a source is there twice',
      { furtherSources: [{ pollEveryMinutes: 5 }] },
      [expect.stringMatching(/^furtherSources: got Sandbox\/OpportunityFromEngagement more than once/)],
    ],
    [
      'one has a key of the whole stack',
      { furtherSources: [{ catalog: 'AWS', archiveDays: 3 }] },
      ['furtherSources[0].archiveDays: got 3, allowed: only beside furtherSources, for the whole stack'],
    ],
    [
      'values of one are bad, each by its place',
      { furtherSources: [{ catalog: 'AWS' }, { taskFamily: 'Prospecting', pollEveryMinutes: 0 }] },
      [
        expect.stringMatching(
          /^furtherSources\[1\]\.taskFamily: got "Prospecting", allowed: OpportunityFromEngagement or/,
        ),
        expect.stringMatching(/^furtherSources\[1\]\.pollEveryMinutes: got 0, allowed/),
      ],
    ],
    [
      'one has a key that is unknown and a value that is bad: both are named',
      { furtherSources: [{ catalog: 'AWS', pollEvryMinutes: 5, taskFamily: 'X' }] },
      [
        expect.stringMatching(
          /^furtherSources\[0\]\.pollEvryMinutes: unknown key, got 5; did you mean pollEveryMinutes/,
        ),
        expect.stringMatching(/^furtherSources\[0\]\.taskFamily: got "X"/),
      ],
    ],
    [
      'values of one can not work together',
      { furtherSources: [{ catalog: 'AWS', functionTimeoutSeconds: 60 }] },
      [expect.stringMatching(/^furtherSources\[0\]\.functionTimeoutSeconds with pollEveryMinutes/)],
    ],
    [
      'a filter is one that the family has not',
      { furtherSources: [{ taskFamily: 'EngagementFromOpportunity', contextIdentifiers: '1' }] },
      [
        'furtherSources[0].contextIdentifiers with taskFamily: got ["1"] with EngagementFromOpportunity, allowed: what ListEngagementFromOpportunityTasks filters by: opportunityIdentifiers, engagementIdentifiers, taskIdentifiers',
      ],
    ],
    [
      'a filter of the first source is one that its family has not',
      { taskFamily: 'EngagementByAcceptingInvitation', engagementIdentifiers: 'eng-0123456789abcd' },
      [expect.stringMatching(/^engagementIdentifiers with taskFamily: .*engagementInvitationIdentifiers, taskIden/)],
    ],
    [
      'a role is no ARN',
      { assumeRoleArn: 'poller' },
      ['assumeRoleArn: got "poller", allowed: the ARN of a role such as arn:aws:iam::111122223333:role/task-reader'],
    ],
    [
      'a bus is no ARN',
      { forwardTo: 'crm' },
      [
        'forwardTo: got "crm", allowed: 1 to 5 ARNs of event buses such as arn:aws:events:us-east-1:111122223333:event-bus/crm, separated by commas',
      ],
    ],
  ])('fails when %s', (_, context, problems) => expect(problemsOf(context)).toEqual(problems));

  test('every setting is either a key of a source or of the whole stack', () => {
    expect(Object.keys(settingsEntries).filter(key => !sourceKeys.includes(key))).toEqual([
      'eventSource',
      'maxExtraListCallsPerDay',
      'maxListCallsPerSecond',
    ]);
    for (const key of sourceKeys) expect(Object.keys(configEntries)).toContain(key);
  });

  test('share the pace of List calls among those of one account', () => {
    const paces = (furtherSources: Json[], maxListCallsPerSecond = 5) =>
      readConfig({ catalog: 'Sandbox', maxListCallsPerSecond, furtherSources }).sources.map(
        source => source.maxListCallsPerSecond,
      );
    expect(paces([])).toEqual([5]);
    expect(paces([{ catalog: 'AWS' }])).toEqual([2.5, 2.5]);
    expect(paces(two)).toEqual([1.66, 1.66, 1.66]);
    const elsewhere = { assumeRoleArn: 'arn:aws:iam::111122223333:role/lists-tasks' };
    expect(paces([...two, { catalog: 'AWS', taskFamily: 'EngagementFromOpportunity', ...elsewhere }])).toEqual([
      1.66, 1.66, 1.66, 5,
    ]);
    expect(paces(two, 0.1)).toEqual([0.1, 0.1, 0.1]);
    expect(settingsOf(first).maxListCallsPerSecond).toBe(1.66);
  });

  test('share the List calls of a day for follows and nudges among those of one account', () => {
    const shares = (furtherSources: Json[]) =>
      readConfig({ catalog: 'Sandbox', furtherSources }).sources.map(source => source.maxExtraListCallsPerDay);
    expect(shares([])).toEqual([25_000]);
    expect(shares(two)).toEqual([8_333, 8_333, 8_333]);
    const assumeRoleArn = 'arn:aws:iam::111122223333:role/lists-tasks';
    expect(shares([{ catalog: 'AWS', assumeRoleArn }])).toEqual([25_000, 25_000]);
  });
});

describe('a stack with three sources', () => {
  test('has a function with two schedules for each, and changes nothing of the first', () => {
    const functions = Object.keys(all('AWS::Lambda::Function', several)).sort();
    expect(functions).toEqual(
      ['FailedTaskAlertsFormatter', ...[catalog, first, family].map(id => `${id}Function`).sort()].sort(),
    );
    expect([first, family, catalog].map(id => [settingsOf(id).catalog, settingsOf(id).taskFamily])).toEqual([
      ['Sandbox', 'OpportunityFromEngagement'],
      ['Sandbox', 'EngagementFromOpportunity'],
      ['AWS', 'OpportunityFromEngagement'],
    ]);
    const rates = Object.entries(all('AWS::Scheduler::Schedule', several)).map(([id, { Properties }]) => [
      id,
      Properties.ScheduleExpression,
      Properties.State,
    ]);
    expect(rates.sort()).toEqual(
      [
        [`${first}PollSchedule`, 'rate(1 minute)', 'ENABLED'],
        [`${first}AuditSchedule`, 'rate(1 day)', 'ENABLED'],
        [`${family}PollSchedule`, 'rate(5 minutes)', 'ENABLED'],
        [`${family}AuditSchedule`, 'rate(1 day)', 'ENABLED'],
        [`${catalog}PollSchedule`, 'rate(1 minute)', 'DISABLED'],
        [`${catalog}AuditSchedule`, 'rate(1 day)', 'DISABLED'],
      ].sort(),
    );
    const usual = template().Resources;
    const changed = Object.keys(usual).filter(
      id => JSON.stringify(usual[id]) !== JSON.stringify(several.Resources[id]),
    );
    // What says that there are others now: the pace, the descriptions of the alarms, and where to look into the logs.
    const types = new Set(changed.map(id => usual[id]?.Type));
    expect([...types].sort()).toEqual([
      'AWS::CloudWatch::Alarm',
      'AWS::Lambda::Function',
      'AWS::Logs::QueryDefinition',
    ]);
  });

  test('shares table, bus and alerts', () => {
    for (const type of ['AWS::DynamoDB::Table', 'AWS::Events::EventBus', 'AWS::Events::Archive', 'AWS::SNS::Topic'])
      expect(Object.keys(all(type, several))).toEqual(Object.keys(all(type)));
    const consumers = (from?: TemplateJson) =>
      Object.keys(all('AWS::Events::Rule', from)).filter(id => !id.includes('Nudges'));
    expect(consumers(several)).toEqual(consumers());
  });

  test.each([first, family, catalog])('%s has its own role, queues and log group, and may use no other', id => {
    const others = [first, family, catalog].filter(other => other !== id);
    const mine = permissions(`${id}FunctionRole`, several);
    const like = permissions(`${first}FunctionRole`, template()).filter(one => !one.startsWith('partnercentral:'));
    expect(mine.filter(one => !one.startsWith('partnercentral:'))).toEqual(
      like.map(one => one.replaceAll(`{${first}F`, `{${id}F`)),
    );
    for (const other of others) expect(JSON.stringify(mine)).not.toContain(`{${other}F`);
  });

  test('grants each the List actions of its own family, for its own catalog', () => {
    const listing = (id: string) =>
      statements(several)
        .filter(({ who, actions }) => who === `${id}FunctionRole` && actions[0]?.startsWith('partnercentral:'))
        .map(({ actions, condition }) => [actions, condition]);
    const inCatalog = (name: string) => ({ StringEquals: { 'partnercentral:Catalog': name } });
    const both = [
      'partnercentral:ListEngagementFromOpportunityTasks',
      'partnercentral:ListOpportunityFromEngagementTasks',
    ];
    expect(listing(first)).toEqual([[both, inCatalog('Sandbox')]]);
    expect(listing(family)).toEqual([[['partnercentral:ListEngagementFromOpportunityTasks'], inCatalog('Sandbox')]]);
    expect(listing(catalog)).toEqual([[both, inCatalog('AWS')]]);
    const invitations = template({ taskFamily: 'EngagementByAcceptingInvitation' });
    expect(permissions(`${first}FunctionRole`, invitations).filter(one => one.startsWith('partnercentral:'))).toEqual([
      'partnercentral:ListEngagementByAcceptingInvitationTasks on * if {"StringEquals":{"partnercentral:Catalog":"Sandbox"}}',
    ]);
  });

  test('has eight alarms for each, on its own metrics and queue, and one on the queue that they share', () => {
    const alarms = all('AWS::CloudWatch::Alarm', several);
    expect(Object.keys(alarms)).toHaveLength(25);
    const prefixes = {
      [first]: 'Alarms',
      [family]: family.replace('Poller', 'Alarms'),
      [catalog]: catalog.replace('Poller', 'Alarms'),
    };
    for (const [poller, prefix] of Object.entries(prefixes)) {
      const mine = Object.keys(all('AWS::CloudWatch::Alarm'))
        .filter(id => id !== 'AlarmsUndeliveredAlerts')
        .map(id => id.replace('Alarms', prefix))
        .map(id => [id, JSON.stringify(alarms[id]?.Properties)] as const);
      const service =
        poller === first
          ? 'PartnerCentralTaskPoller'
          : `PartnerCentralTaskPoller-${settingsOf(poller).catalog}-${settingsOf(poller).taskFamily}`;
      for (const [id, text] of mine) {
        expect([id, text]).toEqual([id, expect.stringContaining('"AlarmActions":["{AlarmsTopic}"]')]);
        expect(text).toContain(`"AlarmDescription":"${settingsOf(poller).catalog}/${settingsOf(poller).taskFamily}: `);
        if (text?.includes('"service"')) expect(text).toContain(`{"Name":"service","Value":"${service}"}`);
        if (id.endsWith('FailedRuns')) expect(text).toContain(`{${poller}FailedRuns.QueueName}`);
      }
    }
  });

  test('the alarm on the queue that they share names none of them', () => {
    const shared = properties('AWS::CloudWatch::Alarm', 'AlarmsUndeliveredAlerts', several);
    expect(shared?.AlarmDescription).toBe(
      properties('AWS::CloudWatch::Alarm', 'AlarmsUndeliveredAlerts')?.AlarmDescription,
    );
  });

  test('tells the formatter and the saved queries of every log', () => {
    const groups = [first, family, catalog].map(id => `{${id}FunctionLogs}`);
    const { Variables } = (properties('AWS::Lambda::Function', 'FailedTaskAlertsFormatter', several) as Json)
      .Environment as { Variables: Json };
    expect(Variables.POLLER_LOG_GROUPS).toBe(
      `Sandbox#OpportunityFromEngagement=${groups[0]},Sandbox#EngagementFromOpportunity=${groups[1]},AWS#OpportunityFromEngagement=${groups[2]}`,
    );
    for (const { Properties } of Object.values(all('AWS::Logs::QueryDefinition', several)))
      expect(Properties.LogGroupNames).toEqual(groups);
  });

  test('has outputs for each', () => {
    const more = Object.keys(several.Outputs).filter(id => !(id in template().Outputs));
    const outputs = ['PollerFunctionName', 'PollerLogGroupName', 'FailedRunsQueueUrl'];
    expect(more.sort()).toEqual(
      [family, catalog].flatMap(id => outputs.map(output => output + id.replace('Poller', ''))).sort(),
    );
  });
});

describe('assumeRoleArn', () => {
  const assumeRoleArn = 'arn:aws:iam::111122223333:role/lists-tasks';

  test('lets the poller assume that role, and no longer list by itself', () => {
    const [usual, byRole] = [template(), template({ assumeRoleArn })].map(from =>
      permissions('PollerFunctionRole', from),
    );
    expect(byRole?.filter(one => !usual?.includes(one))).toEqual([`sts:AssumeRole on ${assumeRoleArn}`]);
    expect(usual?.filter(one => !byRole?.includes(one))).toEqual([expect.stringMatching(/^partnercentral:List/)]);
  });
});

describe('existingEventBusName', () => {
  const existing = template({ existingEventBusName: 'crm' });
  const bus = 'arn:{AWS::Partition}:events:{AWS::Region}:{AWS::AccountId}:event-bus/crm';

  test('takes the place of a bus of our own: poller, archive and rule are on it', () => {
    expect(all('AWS::Events::EventBus', existing)).toEqual({});
    expect(properties('AWS::Lambda::Function', 'PollerFunction', existing)?.Environment).toMatchObject({
      Variables: { EVENT_BUS_NAME: 'crm' },
    });
    expect(permissions('PollerFunctionRole', existing).filter(one => one.startsWith('events:'))).toEqual([
      `events:PutEvents on ${bus}`,
    ]);
    expect(properties('AWS::Events::Rule', 'FailedTaskAlertsFailedTasks', existing)?.EventBusName).toBe('crm');
    expect(Object.values(all('AWS::Events::Archive', existing))[0]?.Properties).toMatchObject({
      SourceArn: bus,
      EventPattern: { source: ['partnercentral.task-poller'] },
    });
    expect(existing.Outputs.EventBusName?.Value).toBe('crm');
  });

  test('with a key of the stack, the archive is under it, and the bus is left alone', () => {
    const both = template({ existingEventBusName: 'crm', customerManagedKey: true });
    expect(Object.values(all('AWS::Events::Archive', both))[0]?.Properties.KmsKeyIdentifier).toBe(
      '{EncryptionKey.Arn}',
    );
    expect(permissions('events.amazonaws.com', both).join()).toContain(
      `"kms:EncryptionContext:aws:events:event-bus:arn":"${bus}"`,
    );
    expect(all('AWS::SQS::Queue', both)).not.toHaveProperty('TaskBusKeyFailures');
  });
});

describe('forwardTo', () => {
  const buses = [
    'arn:aws:events:eu-west-1:111122223333:event-bus/crm',
    'arn:aws:events:us-east-1:444455556666:event-bus/default',
  ];
  const forwarding = template({ forwardTo: buses.join(',') });
  const trust = (rules: string) =>
    JSON.stringify({
      StringEquals: { 'aws:SourceAccount': '{AWS::AccountId}' },
      ArnLike: { 'aws:SourceArn': `arn:{AWS::Partition}:events:{AWS::Region}:{AWS::AccountId}:rule/${rules}` },
    });

  test('sends each event to each bus, and what a bus does not take to a queue', () => {
    const { Targets, ...rule } = properties('AWS::Events::Rule', 'ForwardingRule', forwarding) as Json;
    expect(rule).toMatchObject({ EventBusName: '{TaskBus}', EventPattern: { source: ['partnercentral.task-poller'] } });
    expect(Targets).toEqual(
      buses.map(Arn => ({
        Arn,
        Id: expect.any(String),
        RoleArn: '{ForwardingRole.Arn}',
        DeadLetterConfig: { Arn: '{ForwardingUndelivered.Arn}' },
      })),
    );
  });

  test('by a role that may put events on these buses and nothing else', () => {
    expect(permissions('ForwardingRole', forwarding)).toEqual(buses.map(bus => `events:PutEvents on ${bus}`));
    expect(permissions('events.amazonaws.com', forwarding).filter(one => one.includes('Forwarding'))).toEqual([
      'sqs:SendMessage on {ForwardingUndelivered.Arn} if {"ArnEquals":{"aws:SourceArn":"{ForwardingRule.Arn}"}}',
      `sts:AssumeRole on {ForwardingRole} if ${trust('{TaskBus}/*')}`,
    ]);
  });

  test.each([
    ['crm', 'crm/*'],
    ['default', '*'], // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html
  ])('the role is for rules on the bus alone, here with the existing bus %s', (existingEventBusName, rules) => {
    const onExisting = template({ forwardTo: buses.join(','), existingEventBusName });
    expect(permissions('events.amazonaws.com', onExisting)).toContain(
      `sts:AssumeRole on {ForwardingRole} if ${trust(rules)}`,
    );
  });

  test('an alarm looks at that queue, and an output names it', () => {
    expect(JSON.stringify(properties('AWS::CloudWatch::Alarm', 'AlarmsUnforwarded', forwarding))).toContain(
      '{ForwardingUndelivered.QueueName}',
    );
    expect(forwarding.Outputs).toHaveProperty('UnforwardedQueueUrl');
  });
});
