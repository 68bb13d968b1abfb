/** The rules that make a source poll at once. */
import { Stack } from 'aws-cdk-lib';
import { PartnerCentralTaskPoller } from '../../infra';
import { all, type Json, newApp, properties, readable, type TemplateJson, template } from './read-template';

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

test('without native nudges, only TaskStarted', () => {
  expect(nudgeRules(template({ nativeNudges: false }))).toEqual(['PollerNudgesTaskStarted']);
});

test("Partner Central's own events are expected on the default bus, and forwarded on the stack's in another account or region", () => {
  const buses = (of: TemplateJson) => nudgeRules(of).map(id => properties('AWS::Events::Rule', id, of)?.EventBusName);
  expect(buses(template())).toEqual(['{TaskBus}', 'default', 'default']);
  const assumeRoleArn = 'arn:aws:iam::111122223333:role/Lists';
  expect(buses(template({ assumeRoleArn }))).toEqual(['{TaskBus}', '{TaskBus}', '{TaskBus}']);
  const inRegion = (region: string) => {
    const app = newApp();
    const stack = new Stack(app, 'Tasks', { env: { account: '444455556666', region } });
    new PartnerCentralTaskPoller(stack, 'Default', { catalog: 'Sandbox' });
    return buses(app.synth().getStackByName('Tasks').template);
  };
  expect(inRegion('us-east-1')).toEqual(['{TaskBus}', 'default', 'default']);
  expect(inRegion('eu-west-1')).toEqual(['{TaskBus}', '{TaskBus}', '{TaskBus}']);
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

describe('nudgesFrom', () => {
  const other = template({ nudgesFrom: '111122223333' });

  test('lets these accounts put what nudges, and nothing else', () => {
    const policies = Object.values(all('AWS::Events::EventBusPolicy', other)).map(each => readable(each.Properties));
    expect(policies).toEqual([
      {
        EventBusName: '{TaskBus}',
        Statement: {
          Action: 'events:PutEvents',
          Condition: {
            StringEquals: {
              'events:detail-type': ['TaskStarted', 'Opportunity Created', 'AWS API Call via CloudTrail'],
            },
          },
          Effect: 'Allow',
          Principal: { AWS: expect.stringContaining('111122223333:root') },
          Resource: '{TaskBus.Arn}',
          Sid: 'cdk-NudgesFrom111122223333',
        },
        StatementId: 'cdk-NudgesFrom111122223333',
      },
    ]);
  });

  test('is absent unless asked for', () => expect(all('AWS::Events::EventBusPolicy')).toEqual({}));

  test('is refused with a bus that exists', () => {
    expect(() => template({ nudgesFrom: '111122223333', existingEventBusName: 'crm' })).toThrow(
      'nudgesFrom with existingEventBusName',
    );
  });
});
