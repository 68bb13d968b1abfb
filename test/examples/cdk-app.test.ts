/** The example for CDK apps does what it says. Its package.json is that of a folder of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TasksStack } from '../../examples/cdk-app/tasks-stack';
import { all, newApp, properties, statements, type TemplateJson } from '../infra/read-template';

const root = join(__dirname, '..', '..');
const app = newApp();
new TasksStack(app, 'Tasks');
const template: TemplateJson = app.synth().getStackByName('Tasks').template;

test('one poller polls two sources at their own rates', () => {
  const rates = Object.values(all('AWS::Scheduler::Schedule', template)).map(
    ({ Properties }) => Properties.ScheduleExpression,
  );
  expect(rates.sort()).toEqual(['rate(1 day)', 'rate(1 day)', 'rate(1 minute)', 'rate(5 minutes)']);
});

test('access problems go to a queue, and what it does not take to its dead letters', () => {
  expect(properties('AWS::Events::Rule', 'TaskPollerToAccessProblems', template)).toMatchObject({
    EventPattern: { 'detail-type': ['TaskFailed'], detail: { reasonCategory: ['access', 'not-permitted'] } },
    Targets: [{ Arn: '{AccessProblems.Arn}', DeadLetterConfig: { Arn: '{DeadLetters.Arn}' } }],
  });
});

test('its alarm looks at what the second source reports', () => {
  const alarm = properties('AWS::CloudWatch::Alarm', 'EngagementsFail', template);
  expect(alarm).toMatchObject({ Period: 3600, Threshold: 3, AlarmActions: ['{OnCall}'] });
  const functions = Object.values(all('AWS::Lambda::Function', template)).map(({ Properties }) => Properties);
  expect(alarm?.Dimensions).toEqual([{ Name: 'service', Value: 'Tasks-TaskPoller-AWS-EngagementFromOpportunity' }]);
  expect(JSON.stringify(functions)).toContain(
    '"POWERTOOLS_SERVICE_NAME":"Tasks-TaskPoller-AWS-EngagementFromOpportunity"',
  );
});

test('every alarm tells who is on call, and may', () => {
  for (const { Properties } of Object.values(all('AWS::CloudWatch::Alarm', template)))
    expect(Properties.AlarmActions).toEqual(['{OnCall}']);
  expect(statements(template)).toContainEqual(
    expect.objectContaining({ who: 'cloudwatch.amazonaws.com', actions: ['sns:Publish'], on: '{OnCall}' }),
  );
});

const read = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));

test('it asks for the versions that the package was tested with', () => {
  const { devDependencies: tested } = read('package.json');
  const { dependencies, devDependencies } = read('examples', 'cdk-app', 'package.json');
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    expect(`${name} ${version}`).toBe(`${name} ^${tested[name]}`);
});

// The built module asks for them, and Go refuses older ones in an app: `go mod tidy` in its folder writes the new ones.
test('so does the app in Go', () => {
  const { devDependencies: tested } = read('package.json');
  const modules = readFileSync(join(root, 'examples', 'cdk-app-go', 'go.mod'), 'utf8');
  expect(modules).toContain(`\tgithub.com/aws/aws-cdk-go/awscdk/v2 v${tested['aws-cdk-lib']}\n`);
  expect(modules).toContain(`\tgithub.com/aws/constructs-go/constructs/v10 v${tested.constructs}\n`);
});
