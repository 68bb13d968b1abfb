import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { lateAfterMs } from '../../cli/lib/source-status';
import { alarmTopic } from '../../infra/constructs/alarm-topic';
import { METRICS_NAMESPACE, metricNames } from '../../lambdas/poller/metrics';
import type { Settings } from '../../lambdas/poller/settings';
import { headingAnchors } from '../heading-anchors';
import { all, type Json, newApp, readable, type TemplateJson, template, variants } from './read-template';

interface MetricStat {
  readonly Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: unknown }[] };
  readonly Period: number;
  readonly Stat: string;
}
interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Dimensions?: { Name: string; Value: unknown }[];
  readonly Statistic?: string;
  readonly Period?: number;
  readonly Metrics?: { Id: string; Expression?: string; MetricStat?: MetricStat; ReturnData?: boolean }[];
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData: string;
}

const alarmsOf = (from: TemplateJson = template()) =>
  Object.fromEntries(
    Object.entries(all('AWS::CloudWatch::Alarm', from)).map(([id, { Properties }]) => [
      id.replace(/^Alarms/, ''),
      Properties as unknown as AlarmProperties,
    ]),
  );
const alarm = (id: string, context: Json = {}) => alarmsOf(template(context))[id] as AlarmProperties;

const ofPoller = (MetricName: string) => ({
  Namespace: METRICS_NAMESPACE,
  MetricName,
  Dimensions: [{ Name: 'service', Value: 'PartnerCentralTaskPoller' }],
});
const atLeast = (Threshold: number) => ({
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  Threshold,
});
const gauge = { Statistic: 'Maximum', Period: 60, EvaluationPeriods: 15, DatapointsToAlarm: 1 };
/** Nothing is filled in: SQS stops reporting on an idle queue, and the alarm has to stay as it was. */
const waitingIn = (queue: string) => ({
  Namespace: 'AWS/SQS',
  MetricName: 'ApproximateNumberOfMessagesVisible',
  Dimensions: [{ Name: 'QueueName', Value: `{${queue}.QueueName}` }],
  Statistic: 'Maximum',
  Period: 300,
  EvaluationPeriods: 1,
  ...atLeast(1),
  TreatMissingData: 'ignore',
});

/** The whole of each alarm, but for its description and actions: what isn't here must not be there. */
const expected: Record<string, object> = {
  Failing: {
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: [{ Name: 'FunctionName', Value: '{PollerFunction}' }],
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    ...atLeast(1),
    TreatMissingData: 'ignore',
  },
  NotFinishing: {
    Metrics: [
      { Id: 'expr_1', Expression: 'FILL(heartbeat, 0)', Label: 'Complete polls', ReturnData: true },
      {
        Id: 'heartbeat',
        ReturnData: false,
        MetricStat: { Metric: ofPoller(metricNames.heartbeat), Period: 60, Stat: 'Sum' },
      },
    ],
    EvaluationPeriods: 5,
    ComparisonOperator: 'LessThanThreshold',
    Threshold: 1,
    TreatMissingData: 'breaching',
    ActionsEnabled: true,
  },
  TasksFailed: {
    ...ofPoller(metricNames.failed),
    Statistic: 'Sum',
    Period: 3600,
    EvaluationPeriods: 1,
    ...atLeast(10),
    TreatMissingData: 'notBreaching',
  },
  TasksStalled: { ...ofPoller(metricNames.stalled), ...gauge, ...atLeast(1), TreatMissingData: 'notBreaching' },
  SetAside: { ...ofPoller(metricNames.setAside), ...gauge, ...atLeast(1), TreatMissingData: 'notBreaching' },
  Audit: { ...ofPoller(metricNames.auditProblems), ...gauge, ...atLeast(1), TreatMissingData: 'notBreaching' },
  Backlog: {
    ...ofPoller(metricNames.backlogUnchanged),
    ...gauge,
    EvaluationPeriods: 30,
    DatapointsToAlarm: 24,
    ...atLeast(1),
    TreatMissingData: 'notBreaching',
  },
  FailedRuns: waitingIn('PollerFailedRuns'),
  UndeliveredAlerts: waitingIn('FailedTaskAlertsUndelivered'),
};

describe('the alarms', () => {
  test('are these nine', () => expect(Object.keys(alarmsOf()).sort()).toEqual(Object.keys(expected).sort()));

  test.each(Object.entries(expected))('%s looks at this, and at nothing else', (id, properties) => {
    const { AlarmDescription: _, AlarmActions: __, OKActions: ___, ...rest } = alarm(id) as AlarmProperties & Json;
    expect(rest).toEqual(properties);
  });

  test.each<[id: string, context: Json, queue: string]>([
    ['KeyFailures', { customerManagedKey: true }, 'TaskBusKeyFailures'],
    ['Unforwarded', { forwardTo: 'arn:aws:events:eu-west-1:111122223333:event-bus/crm' }, 'ForwardingUndelivered'],
  ])('%s is one more with %j', (id, context, queue) => {
    const {
      AlarmDescription: _,
      AlarmActions: __,
      OKActions: ___,
      ...rest
    } = alarm(id, context) as AlarmProperties & Json;
    expect(rest).toEqual(waitingIn(queue));
    expect(Object.keys(alarmsOf(template(context))).sort()).toEqual([...Object.keys(expected), id].sort());
  });

  test.each(variants)('with %j, each queue for an operator has an alarm, and no queue has two', context => {
    const from = template(context);
    const watched = Object.values(alarmsOf(from))
      .filter(({ Namespace }) => Namespace === 'AWS/SQS')
      .map(({ Dimensions }) => Dimensions?.[0]?.Value);
    const queues = Object.keys(all('AWS::SQS::Queue', from)).filter(id => !/MissedTicks$|AlertsQueue$/.test(id));
    expect(watched.sort()).toEqual(queues.map(id => `{${id}.QueueName}`).sort());
  });

  test('look at the metrics that the poller reports under its name, each at one of them', () => {
    const other = template({ stackName: 'Other' });
    const poller = all('AWS::Lambda::Function', other).PollerFunction as unknown as {
      Properties: { Environment: { Variables: Record<string, string> } };
    };
    const { POWERTOOLS_SERVICE_NAME } = poller.Properties.Environment.Variables;
    const watched = Object.values(alarmsOf(other))
      .flatMap<Partial<MetricStat['Metric']>>(
        ({ Metrics, ...simple }) => Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [simple],
      )
      .filter(({ Namespace }) => Namespace === METRICS_NAMESPACE);
    expect(watched.map(({ MetricName }) => MetricName).sort()).toEqual(Object.values(metricNames).sort());
    for (const { Dimensions } of watched)
      expect(Dimensions).toEqual([{ Name: 'service', Value: POWERTOOLS_SERVICE_NAME }]);
  });

  test('take their thresholds from the configuration', () => {
    const context = { alarmAtFailedTasks: '3', alarmAtStalledTasks: '7' };
    expect(alarm('TasksFailed', context)).toMatchObject(atLeast(3));
    expect(alarm('TasksFailed', context).AlarmDescription).toMatch(/^3 or more tasks failed within 1 hour:/);
    expect(alarm('TasksStalled', context)).toMatchObject(atLeast(7));
    expect(alarm('TasksStalled', context).AlarmDescription).toMatch(/^7 or more tasks have been running/);
  });

  test('leave the missed ticks out: these expire by themselves', () => {
    expect(JSON.stringify(alarmsOf())).not.toContain('MissedTicks');
  });

  test('begin with the first poll as close ahead as it can be without waiting for the schedule', () => {
    const furtherSources = [{ taskFamily: 'EngagementFromOpportunity' }];
    const alarms = Object.entries(all('AWS::CloudWatch::Alarm', template({ furtherSources }))).filter(([id]) =>
      /NotFinishing$/.test(id),
    );
    expect(alarms).toHaveLength(2);
    for (const [, { DependsOn }] of alarms)
      expect([DependsOn].flat()).toEqual([expect.stringMatching(/^FailedTaskAlertsFormatterSqsEventSource/)]);
  });

  test('have names that CloudFormation makes, so that several stacks fit in one account', () => {
    for (const properties of Object.values(alarmsOf())) expect(properties).not.toHaveProperty('AlarmName');
  });
});

describe('a poller that is paused', () => {
  test('pages nobody for not finishing, and all other alarms stay as they are', () => {
    const paused = alarmsOf(template({ enabled: 'false' }));
    expect(paused).toEqual({
      ...alarmsOf(),
      NotFinishing: { ...alarmsOf().NotFinishing, ActionsEnabled: false },
    });
  });
});

describe('windows follow from the time between two polls', () => {
  /** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html */
  function expectValid(id: string, { Period, Metrics, EvaluationPeriods, DatapointsToAlarm }: AlarmProperties) {
    const periods = Metrics?.flatMap(({ MetricStat }) => MetricStat?.Period ?? []) ?? [Period as number];
    for (const period of periods) {
      expect({ id, period, whole: period % 60, tooLong: period > 86_400 }).toEqual({
        id,
        period,
        whole: 0,
        tooLong: false,
      });
      expect(period * EvaluationPeriods).toBeLessThanOrEqual(period < 3_600 ? 86_400 : 604_800);
    }
    expect(DatapointsToAlarm ?? EvaluationPeriods).toBeLessThanOrEqual(EvaluationPeriods);
    expect(DatapointsToAlarm ?? EvaluationPeriods).toBeGreaterThanOrEqual(1);
  }

  // [minutes between polls, periods until "not finishing", minutes for "tasks failed", periods for gauges, backlog: of, at least]
  test.each([
    [1, 5, 60, 15, 30, 24],
    [2, 3, 60, 8, 15, 12],
    [5, 3, 60, 3, 10, 8],
    [7, 3, 60, 3, 10, 8],
    [15, 3, 60, 3, 10, 8],
    [59, 3, 60, 3, 10, 8],
    [60, 3, 60, 3, 10, 8],
    [90, 3, 90, 3, 10, 8],
    [720, 3, 720, 3, 10, 8],
    [1440, 3, 1440, 3, 7, 6],
  ])('a poll in %i minutes', (pollEveryMinutes, untilNotFinishing, failedWithin, gauges, backlogOf, backlogAtLeast) => {
    const alarms = alarmsOf(template({ pollEveryMinutes }));
    for (const [id, properties] of Object.entries(alarms)) expectValid(id, properties);

    const period = pollEveryMinutes * 60;
    const { NotFinishing, TasksFailed, Backlog } = alarms as Record<string, AlarmProperties>;
    expect(NotFinishing?.Metrics?.[1]?.MetricStat?.Period).toBe(period);
    expect(NotFinishing).toMatchObject({ EvaluationPeriods: untilNotFinishing });
    // The command line calls a poll late at the same moment.
    expect(lateAfterMs({ settings: { pollEveryMinutes } as Settings })).toBe(untilNotFinishing * period * 1_000);
    expect(NotFinishing).not.toHaveProperty('DatapointsToAlarm');
    expect(untilNotFinishing * pollEveryMinutes).toBeGreaterThanOrEqual(5);
    expect(TasksFailed).toMatchObject({ Period: failedWithin * 60, EvaluationPeriods: 1 });
    for (const id of ['TasksStalled', 'SetAside', 'Audit'])
      expect(alarms[id]).toMatchObject({ Period: period, EvaluationPeriods: gauges, DatapointsToAlarm: 1 });
    expect(Backlog).toMatchObject({
      Period: period,
      EvaluationPeriods: backlogOf,
      DatapointsToAlarm: backlogAtLeast,
    });
    // These don't depend on the rate.
    expect(alarms.Failing).toEqual(alarm('Failing'));
    for (const id of ['FailedRuns', 'UndeliveredAlerts']) expect(alarms[id]).toEqual(alarm(id));
  });
});

describe('what an alarm tells', () => {
  const anchors = headingAnchors(readFileSync(join(__dirname, '..', '..', 'docs', 'runbook.md'), 'utf8'));
  const linkOf = ({ AlarmDescription }: AlarmProperties) => AlarmDescription.split(' ').at(-1) as string;

  test.each(Object.keys(expected))('%s: what it means, what to do first, and where to read on', id => {
    const { AlarmDescription } = alarm(id);
    expect(AlarmDescription).toMatch(/^[^.].+\. First: .+\. Then: docs\/runbook\.md#alarm-[a-z-]+$/);
    const [, anchor] = linkOf(alarm(id)).split('#');
    expect(anchors.map(({ slug }) => slug)).toContain(anchor);
  });

  test('each alarm has a section in the runbook, shared only by those on queues, and no section is without an alarm', () => {
    const linked = Object.entries(alarmsOf()).map(([id, properties]) => [id, linkOf(properties).split('#')[1]]);
    const sections = anchors.filter(({ text }) => text.startsWith('Alarm: ')).map(({ slug }) => slug);
    const onQueues = linked.filter(([, slug]) => slug === 'alarm-dead-letters').map(([id]) => id);
    expect(onQueues.sort()).toEqual(['FailedRuns', 'UndeliveredAlerts']);
    const slugs = linked.filter(([id]) => id !== 'FailedRuns').map(([, slug]) => slug);
    expect(slugs.sort()).toEqual([...sections].sort());
  });

  test('points to where the runbook is, and fits even with the longest address', () => {
    const runbookUrl = `https://example.com/${'x'.repeat(480)}`;
    for (const properties of Object.values(alarmsOf(template({ runbookUrl })))) {
      expect(linkOf(properties).startsWith(`${runbookUrl}#alarm-`)).toBe(true);
      expect(properties.AlarmDescription.length).toBeLessThanOrEqual(1_024);
    }
  });
});

describe('where alarms go, when they go off and when they recover', () => {
  const expectAllToGoTo = (topics: unknown[], from: TemplateJson) => {
    for (const [id, properties] of Object.entries(alarmsOf(from)))
      expect({ id, ...properties }).toMatchObject({ id, AlarmActions: topics, OKActions: topics });
  };
  const a = 'arn:aws:sns:us-east-1:111122223333:pager';
  const b = 'arn:aws:sns:us-east-1:111122223333:chat';

  test('to a topic of their own, apart from the task alerts', () => {
    expect(Object.keys(all('AWS::SNS::Topic'))).toEqual(['FailedTaskAlertsTopic', 'AlarmsTopic']);
    expectAllToGoTo(['{AlarmsTopic}'], template());
    expect(readable(template().Outputs.AlarmTopicArn?.Value)).toBe('{AlarmsTopic}');
  });

  test('to the address, if there is one; the task alerts do not', () => {
    const context = { alarmEmail: 'oncall@example.com' };
    expect(Object.values(all('AWS::SNS::Subscription', template(context))).map(({ Properties }) => Properties)).toEqual(
      [{ Protocol: 'email', Endpoint: 'oncall@example.com', TopicArn: '{AlarmsTopic}' }],
    );
  });

  test.each<[string, unknown]>([
    ['as text', `${a}, ${b}`],
    ['as a list', [a, b]],
  ])('to existing topics, given %s; then there is no other', (_, alarmTopicArns) => {
    const routed = template({ alarmTopicArns });
    expectAllToGoTo([a, b], routed);
    expect(Object.keys(all('AWS::SNS::Topic', routed))).toEqual(['FailedTaskAlertsTopic']);
    expect(routed.Outputs).not.toHaveProperty('AlarmTopicArn');
  });

  test('CloudWatch may publish for this account only, and nobody over plain transport', () => {
    const policy = Object.values(all('AWS::SNS::TopicPolicy')).find(({ Properties }) =>
      (Properties.Topics as string[]).includes('{AlarmsTopic}'),
    );
    expect(policy?.Properties.PolicyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'AllowPublishThroughSSLOnly',
          Effect: 'Deny',
          Principal: '*',
          Action: 'sns:Publish',
          Resource: '{AlarmsTopic}',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        {
          Sid: 'AlarmsOfThisAccount',
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'sns:Publish',
          Resource: '{AlarmsTopic}',
          Condition: {
            StringEquals: { 'aws:SourceAccount': '{AWS::AccountId}' },
            ArnLike: {
              'aws:SourceArn': 'arn:{AWS::Partition}:cloudwatch:{AWS::Region}:{AWS::AccountId}:alarm:*',
            },
          },
        },
      ],
    });
  });

  test("the topic is not under AWS's key for SNS: CloudWatch can't use that one", () => {
    expect(all('AWS::SNS::Topic').AlarmsTopic?.Properties).not.toHaveProperty('KmsMasterKeyId');
  });

  test('can be under a key of our own', () => {
    const stack = new Stack(newApp(), 'Stack');
    alarmTopic(stack, 'Topic', { config: {}, encryptionKey: new Key(stack, 'Key') });
    Template.fromStack(stack).hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  });
});
