/** The rules that make a source poll at once. */
import { all, type Json, properties, readable, template } from './read-template';

const pattern = (id: string, of = template()) => properties('AWS::Events::Rule', id, of)?.EventPattern;
const nudgeRules = (of = template()) => Object.keys(all('AWS::Events::Rule', of)).filter(id => id.includes('Nudges'));

test('match TaskStarted of any source on the bus, for this catalog and family', () => {
  expect(pattern('PollerNudgesTaskStarted')).toEqual({
    'detail-type': ['TaskStarted'],
    detail: { catalog: ['Sandbox'], taskType: ['OpportunityFromEngagement'] },
  });
});

test("match Partner Central's own events of the catalog, but not those of a CRM's synchronisation", () => {
  expect(pattern('PollerNudgesPartnerCentral')).toEqual({
    source: ['aws.partnercentral-selling'],
    'detail-type': ['Opportunity Created'],
    detail: { catalog: ['Sandbox'] },
  });
  for (const taskFamily of ['EngagementFromOpportunity', 'EngagementByAcceptingInvitation'])
    expect(JSON.stringify(pattern('PollerNudgesPartnerCentral', template({ taskFamily })))).not.toContain('Updated');
});

test('match the calls that start such tasks, and succeed', () => {
  expect(pattern('PollerNudgesCloudTrail', template({ taskFamily: 'EngagementFromOpportunity' }))).toEqual({
    'detail-type': ['AWS API Call via CloudTrail'],
    detail: {
      eventSource: ['partnercentral-selling.amazonaws.com'],
      eventName: ['StartEngagementFromOpportunityTask'],
      errorCode: [{ exists: false }],
    },
  });
});

test.each(['PollerNudgesTaskStarted', 'PollerNudgesPartnerCentral', 'PollerNudgesCloudTrail'])(
  '%s: only it may invoke, for a minute, with a dead-letter queue',
  id => {
    const rule = properties('AWS::Events::Rule', id);
    expect(readable(rule?.Targets)).toEqual([
      {
        Arn: '{PollerFunction.Arn}',
        DeadLetterConfig: { Arn: '{PollerMissedTicks.Arn}' },
        Id: 'Target0',
        Input: '{"mode":"nudge"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 },
      },
    ]);
    const permissions = Object.values(all('AWS::Lambda::Permission')).map(each => readable(each.Properties) as Json);
    expect(permissions.filter(({ SourceArn }) => SourceArn === `{${id}.Arn}`)).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: '{PollerFunction.Arn}',
        Principal: 'events.amazonaws.com',
        SourceArn: `{${id}.Arn}`,
      },
    ]);
    const policy = JSON.stringify(readable(properties('AWS::SQS::QueuePolicy', 'PollerMissedTicksPolicy')));
    expect(policy).toContain(`"ArnEquals":{"aws:SourceArn":"{${id}.Arn}"}`);
  },
);

test('of a source that is listed in another account, or without native nudges, only TaskStarted', () => {
  const only = (context: Json) => nudgeRules(template(context)).map(id => id.replace(/.*Nudges|[0-9A-F]{8}$/g, ''));
  expect(only({})).toEqual(['TaskStarted', 'PartnerCentral', 'CloudTrail']);
  expect(only({ nativeNudges: false })).toEqual(['TaskStarted']);
  expect(only({ assumeRoleArn: 'arn:aws:iam::111122223333:role/Lists' })).toEqual(['TaskStarted']);
});

test('are disabled together with the schedules', () => {
  const disabled = template({ enabled: false });
  for (const id of nudgeRules(disabled)) expect(properties('AWS::Events::Rule', id, disabled)?.State).toBe('DISABLED');
});

test('each source has rules of its own', () => {
  const two = template({ furtherSources: [{ catalog: 'AWS' }] });
  expect(nudgeRules(two)).toHaveLength(6);
  expect(Object.keys(all('AWS::Lambda::Permission', two))).toHaveLength(6);
  expect(pattern('PollerAWSOpportunityFromEngagementNudgesTaskStarted', two)).toMatchObject({
    detail: { catalog: ['AWS'] },
  });
});

describe('taskStartedFrom', () => {
  const other = template({ taskStartedFrom: '111122223333' });

  test('lets these accounts put TaskStarted, and nothing else', () => {
    const policies = Object.values(all('AWS::Events::EventBusPolicy', other)).map(each => readable(each.Properties));
    expect(policies).toEqual([
      {
        EventBusName: '{TaskBus}',
        Statement: {
          Action: 'events:PutEvents',
          Condition: { StringEquals: { 'events:detail-type': 'TaskStarted' } },
          Effect: 'Allow',
          Principal: { AWS: expect.stringContaining('111122223333:root') },
          Resource: '{TaskBus.Arn}',
          Sid: 'cdk-TaskStartedFrom111122223333',
        },
        StatementId: 'cdk-TaskStartedFrom111122223333',
      },
    ]);
  });

  test('is absent unless asked for', () => expect(all('AWS::Events::EventBusPolicy')).toEqual({}));

  test('is refused with a bus that exists', () => {
    expect(() => template({ taskStartedFrom: '111122223333', existingEventBusName: 'crm' })).toThrow(
      'taskStartedFrom with existingEventBusName',
    );
  });
});
