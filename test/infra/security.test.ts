/** Every statement of every policy, and that docs/security.md says the same. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allSwitches } from './configurations';
import {
  all,
  type Json,
  type Permission,
  permissions,
  statements,
  type TemplateJson,
  template,
  variants,
} from './read-template';

const allowed = (from: TemplateJson) => statements(from).filter(({ effect }) => effect === 'Allow');

describe('what services may do, and nothing else', () => {
  test('EventBridge sends to the queues of the rules and invokes the poller, for those rules alone', () => {
    const forTheRule = 'if {"ArnEquals":{"aws:SourceArn":"{FailedTaskAlertsFailedTasks.Arn}"}}';
    const nudges = ['CloudTrail', 'PartnerCentral', 'TaskStarted'].map(name => `{PollerNudges${name}.Arn}`);
    expect(permissions('events.amazonaws.com')).toEqual([
      ...nudges.map(rule => `lambda:InvokeFunction on {PollerFunction.Arn} if {"ArnLike":{"aws:SourceArn":"${rule}"}}`),
      `sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on {FailedTaskAlertsQueue.Arn} ${forTheRule}`,
      `sqs:SendMessage on {FailedTaskAlertsUndelivered.Arn} ${forTheRule}`,
      ...nudges.map(rule => `sqs:SendMessage on {PollerMissedTicks.Arn} if {"ArnEquals":{"aws:SourceArn":"${rule}"}}`),
    ]);
  });

  test('with a key, the bus sends what it could not encrypt to the queue for that; all else is about the key', () => {
    const more = permissions('events.amazonaws.com', template({ customerManagedKey: true })).filter(
      one => !permissions('events.amazonaws.com').includes(one),
    );
    expect(more.filter(one => !one.startsWith('kms:'))).toEqual([
      'sqs:SendMessage on {TaskBusKeyFailures.Arn} if {"ArnEquals":{"aws:SourceArn":"{TaskBus.Arn}"}}',
    ]);
  });

  test('Lambda and Scheduler take the roles that are for them', () => {
    expect(permissions('lambda.amazonaws.com')).toEqual([
      'sts:AssumeRole on {FailedTaskAlertsFormatterRole}',
      'sts:AssumeRole on {PollerFunctionRole}',
    ]);
    expect(permissions('scheduler.amazonaws.com')).toEqual([
      expect.stringMatching(/^sts:AssumeRole on \{PollerSchedulerRole\} if .*aws:SourceAccount.*aws:SourceArn/),
    ]);
  });

  test.each<[context: Json, who: string[]]>([
    [{}, []],
    [
      { customerManagedKey: true },
      ['arn:{AWS::Partition}:iam::{AWS::AccountId}:root', 'logs.{AWS::Region}.amazonaws.com'],
    ],
  ])('with %j, nobody else is named in any policy', (context, more) => {
    const ours = ['FailedTaskAlertsFormatterRole', 'PollerFunctionRole', 'PollerSchedulerRole'];
    const services = [
      'cloudwatch.amazonaws.com',
      'events.amazonaws.com',
      'lambda.amazonaws.com',
      'scheduler.amazonaws.com',
    ];
    const named = new Set(allowed(template(context)).map(({ who }) => who));
    expect([...named].sort()).toEqual([...ours, ...services, ...more].sort());
  });
});

describe.each(variants)('with %j', context => {
  const from = template(context);

  test('every queue and every topic refuses plain transport', () => {
    const refusing = statements(from).filter(
      ({ who, effect, condition }) =>
        effect === 'Deny' && who === '*' && JSON.stringify(condition) === '{"Bool":{"aws:SecureTransport":"false"}}',
    );
    const refuses = (action: string) =>
      refusing.filter(({ actions }) => actions.includes(action)).map(({ on }) => String(on));
    const queues = Object.keys(all('AWS::SQS::Queue', from)).map(id => `{${id}.Arn}`);
    const topics = Object.keys(all('AWS::SNS::Topic', from)).map(id => `{${id}}`);
    expect(queues.length).toBeGreaterThanOrEqual(4);
    expect(topics.length).toBeGreaterThanOrEqual(1);
    expect(refuses('sqs:*').sort()).toEqual(queues.sort());
    expect(refuses('sns:Publish').sort()).toEqual(topics.sort());
  });

  test('a policy of a queue or topic is attached to the one it speaks of', () => {
    for (const [type, property] of [
      ['AWS::SQS::QueuePolicy', 'Queues'],
      ['AWS::SNS::TopicPolicy', 'Topics'],
    ] as const)
      for (const { Properties } of Object.values(all(type, from))) {
        const attached = (Properties[property] as string[]).map(one => one.slice(1, -1));
        const document = Properties.PolicyDocument as { Statement: { Resource: string }[] };
        const spokenOf = document.Statement.map(({ Resource }) => Resource.slice(1, -1).replace(/\.Arn$/, ''));
        expect([...new Set(spokenOf)]).toEqual(attached);
      }
  });

  test('the bus has no policy and so admits this account alone; of the stack, only the poller may publish on it', () => {
    expect(all('AWS::Events::EventBusPolicy', from)).toEqual({});
    const buses = Object.values(all('AWS::Events::EventBus', from));
    for (const { Properties } of buses) expect(Properties).not.toHaveProperty('Policy');
    const publishers = allowed(from).filter(
      ({ who, actions }) => who !== 'ForwardingRole' && actions.some(action => /^events:|^\*/.test(action)),
    );
    const pollers = Object.keys(all('AWS::IAM::Role', from)).filter(id => /^Poller.*FunctionRole$/.test(id));
    const on = buses.length > 0 ? '{TaskBus.Arn}' : expect.stringMatching(/:event-bus\/crm$/);
    expect(publishers.map(({ who, actions, on: bus }) => ({ who, actions, on: bus }))).toEqual(
      pollers.map(who => ({ who, actions: ['events:PutEvents'], on })),
    );
    expect(pollers.length).toBeGreaterThan(0);
  });

  test('nothing is open to everybody, and no permission is said the other way round', () => {
    for (const { who } of allowed(from)) expect(who).not.toBe('*');
    expect(JSON.stringify(from.Resources)).not.toMatch(/"(NotAction|NotPrincipal|NotResource)"/);
    const doors = ['AWS::Lambda::Url', 'AWS::IAM::User', 'AWS::IAM::AccessKey'];
    expect(Object.values(from.Resources).filter(({ Type }) => doors.includes(Type))).toEqual([]);
    const rules = Object.keys(all('AWS::Events::Rule', from)).map(id => `{${id}.Arn}`);
    for (const { Properties } of Object.values(all('AWS::Lambda::Permission', from)))
      expect(Properties).toMatchObject({
        Principal: 'events.amazonaws.com',
        SourceArn: expect.stringMatching(/Nudges/),
      });
    for (const { Properties } of Object.values(all('AWS::Lambda::Permission', from)))
      expect(rules).toContain(Properties.SourceArn);
  });

  test('only the formatter is fed from a queue, and by no other way than without switches', () => {
    const { Tags, ...mapping } = Object.values(all('AWS::Lambda::EventSourceMapping', from))[0]?.Properties ?? {};
    expect([mapping]).toEqual(
      Object.values(all('AWS::Lambda::EventSourceMapping')).map(({ Properties }) => Properties),
    );
  });

  test('a wildcard stands only where a service knows no other', () => {
    const wild = allowed(from).flatMap(({ who, actions, on }) =>
      on === '*' || actions.some(action => action.endsWith('*'))
        ? actions.map(action => `${who}: ${action} on ${on}`)
        : [],
    );
    const known = [
      'PollerFunctionRole: partnercentral:ListEngagementFromOpportunityTasks on *',
      'PollerFunctionRole: partnercentral:ListOpportunityFromEngagementTasks on *',
      'PollerAWSEngagementFromOpportunityFunctionRole: partnercentral:ListEngagementFromOpportunityTasks on *',
      // X-Ray, which has no resources to name.
      ...[
        'PollerFunctionRole',
        'PollerAWSEngagementFromOpportunityFunctionRole',
        'FailedTaskAlertsFormatterRole',
      ].flatMap(role => ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'].map(action => `${role}: ${action} on *`)),
      // Policies of the key itself: the account's administrators, and actions that come in pairs.
      'arn:{AWS::Partition}:iam::{AWS::AccountId}:root: kms:* on {EncryptionKey}',
      ...['kms:Decrypt', 'kms:GenerateDataKey', 'kms:ReEncrypt*'].map(
        action => `events.amazonaws.com: ${action} on {EncryptionKey}`,
      ),
      ...['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'].map(
        action => `logs.{AWS::Region}.amazonaws.com: ${action} on {EncryptionKey}`,
      ),
    ];
    expect(wild.filter(one => !known.includes(one))).toEqual([]);
  });
});

describe('docs/security.md', () => {
  const document = readFileSync(join(__dirname, '..', '..', 'docs', 'security.md'), 'utf8');

  /** One line for each action, as document and template can both be read. */
  const line = (who: string, action: string, on: string, conditions: readonly string[]) =>
    `${who} may ${action} on ${on}${conditions.length > 0 ? ` if ${[...conditions].sort().join(' and ')}` : ''}`;

  const plain = (reference: unknown) =>
    String(reference)
      .replace(/^arn:.*:root$/, 'this account')
      .replaceAll('{AWS::Region}', '<region>')
      .replace(/\{([^.}]+)(\.Arn)?\}/g, '$1');
  const linesOf = (found: readonly Permission[]) =>
    found.flatMap(({ who, actions, on, condition }) =>
      actions.map(action =>
        line(
          plain(who),
          action,
          plain(on),
          Object.values(condition ?? {}).flatMap(keys => Object.keys(keys as Json)),
        ),
      ),
    );

  /** The table under a heading; only what is in backticks counts, the rest is for people. */
  function tableUnder(heading: string): string[] {
    const [, section = ''] = document.split(`${heading}\n`);
    const rows = (section.split(/^#/m)[0] as string).split('\n').filter(row => row.startsWith('| `'));
    const quoted = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string);
    return rows.flatMap(row => {
      const [who, may, on, condition, why = ''] = row
        .split('|')
        .slice(1)
        .map(cell => cell.trim());
      expect(why.length).toBeGreaterThan(10);
      return quoted(who).flatMap(one =>
        quoted(may).flatMap(action => quoted(on).map(resource => line(one, action, resource, quoted(condition)))),
      );
    });
  }
  const unique = (lines: readonly string[]) => [...new Set(lines)].sort();
  const besides = (context: Json) => {
    const without = linesOf(allowed(template()));
    return unique(linesOf(allowed(template(context)))).filter(one => !without.includes(one));
  };

  test('has every permission in its table, and no other', () => {
    expect(unique(tableUnder('## Who may do what'))).toEqual(unique(linesOf(allowed(template()))));
  });

  test('has what tracing adds', () => {
    expect(unique(tableUnder('### With `tracing`'))).toEqual(besides({ tracing: true }));
  });

  test('has what a customer managed key adds', () => {
    expect(unique(tableUnder('### With `customerManagedKey`'))).toEqual(besides({ customerManagedKey: true }));
  });

  test('has what accounts that start tasks add', () => {
    expect(unique(tableUnder('### With `nudgesFrom`'))).toEqual(
      besides({ nudgesFrom: '111122223333' }).map(one => one.replace('this account', 'the accounts of nudgesFrom')),
    );
  });

  test('has what chats and routes of alerts add', () => {
    const alertRoutes = 'access=arn:aws:sns:us-east-1:111122223333:security-team';
    expect(unique(tableUnder('### With `chatAlerts` and `alertRoutes`'))).toEqual(
      besides({ chatAlerts: true, alertRoutes }).map(one => one.replace(/arn:aws:sns\S+/, 'the topics of the routes')),
    );
  });

  test('has what further sources add: to each the same as to the first, in its own name', () => {
    const suffix = 'AWSEngagementFromOpportunity';
    const ofOther = besides({ furtherSources: [{ catalog: 'AWS', taskFamily: 'EngagementFromOpportunity' }] });
    const expected = tableUnder('## Who may do what')
      .filter(one => /\bPoller/.test(one) && !one.includes('ListOpportunityFromEngagementTasks'))
      .map(one => one.replace(/\bPoller(?=[A-Z])/g, `Poller${suffix}`));
    expect(ofOther).toEqual(unique(expected));
    expect(document).toContain('### With `furtherSources`');
  });

  test('has what a role to list by changes', () => {
    const assumeRoleArn = 'arn:aws:iam::111122223333:role/lists-tasks';
    expect(unique(tableUnder('### With `assumeRoleArn`'))).toEqual(
      besides({ assumeRoleArn }).map(one => one.replace(assumeRoleArn, 'the role')),
    );
  });

  test('has what naming deals adds: to read what the tasks of each source start from, and no more', () => {
    const deals = (catalog: string, kind: string) =>
      `arn:{AWS::Partition}:partnercentral:*:*:catalog/${catalog}/${kind}/*`;
    expect(unique(tableUnder('### With `describeDeals`'))).toEqual(
      besides({ describeDeals: true }).map(one =>
        one.replace(plain(deals('Sandbox', 'engagement')), 'its engagements'),
      ),
    );
    const reads = (context: Json) =>
      linesOf(allowed(template({ describeDeals: true, ...context }))).filter(one =>
        /^FailedTaskAlertsFormatterRole may (partnercentral|sts):/.test(one),
      );
    const catalogs = (context: Json) =>
      allowed(template({ describeDeals: true, ...context }))
        .filter(({ who, condition }) => who === 'FailedTaskAlertsFormatterRole' && condition)
        .map(({ actions, on, condition }) => [Object.values(condition?.StringEquals ?? {}), actions, on]);
    const furtherSources = [
      { catalog: 'AWS', taskFamily: 'EngagementFromOpportunity' },
      { taskFamily: 'EngagementByAcceptingInvitation' },
    ];
    expect(catalogs({ furtherSources })).toEqual([
      [['Sandbox'], ['partnercentral:GetEngagement'], deals('Sandbox', 'engagement')],
      [['AWS'], ['partnercentral:GetOpportunity'], deals('AWS', 'opportunity')],
      [['Sandbox'], ['partnercentral:GetEngagementInvitation'], deals('Sandbox', 'engagement-invitation')],
    ]);
    const assumeRoleArn = 'arn:aws:iam::111122223333:role/lists-tasks';
    const assume = `FailedTaskAlertsFormatterRole may sts:AssumeRole on ${assumeRoleArn}`;
    expect(reads({ assumeRoleArn, furtherSources })).toEqual([assume]);
    expect(reads({ furtherSources: [{ ...furtherSources[0], assumeRoleArn }] }).sort()).toEqual([
      `FailedTaskAlertsFormatterRole may partnercentral:GetEngagement on ${plain(deals('Sandbox', 'engagement'))} if partnercentral:Catalog`,
      assume,
    ]);
  });

  test('has what forwarding adds', () => {
    const forwardTo = 'arn:aws:events:eu-west-1:111122223333:event-bus/crm';
    expect(unique(tableUnder('### With `forwardTo`'))).toEqual(
      besides({ forwardTo }).map(one => one.replace(forwardTo, 'the buses of forwardTo')),
    );
  });

  test('an existing bus takes the place of the own one, and that is all', () => {
    const arn = 'arn:AWS::Partition:events:<region>:AWS::AccountId:event-bus/crm';
    expect(besides({ existingEventBusName: 'crm' })).toEqual([`PollerFunctionRole may events:PutEvents on ${arn}`]);
  });

  test('alarms that go to existing topics need no permission of ours', () => {
    const alarmTopicArns = 'arn:aws:sns:us-east-1:111122223333:pager';
    expect(besides({ alarmTopicArns })).toEqual([]);
  });

  test('no other switch adds a permission', () => {
    const { tracing, customerManagedKey, chatAlerts, describeDeals, ...others } = allSwitches;
    expect(besides(others)).toEqual([]);
  });
});
