/** The rules of CloudFormation and cdk-nag, which check every deployment. Other tests synthesize without them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { TasksStack } from '../../examples/cdk-app/tasks-stack';
import { synthesize as synthesizeConsumer } from '../../examples/consumer/app';
import { synthesize as synthesizeDeadMansSwitch } from '../../examples/dead-mans-switch/app';
import { synthesize as synthesizeRestartTasks } from '../../examples/restart-tasks/app';
import { synthesize as synthesizeWebhook } from '../../examples/webhook/app';
import { synthesize } from '../../infra/synthesize';
import { configurations } from './configurations';
import { outdir } from './read-template';

const cdkJson = JSON.parse(readFileSync(join(__dirname, '..', '..', 'cdk.json'), 'utf8'));
const context = { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] };

/** With `validateAgainstDefaultRules`, a synthesis throws where one of CloudFormation's rules is broken. */
function expectClean(synthesis: () => unknown) {
  const [nag, cloudFormation] = [AwsSolutionsChecks, CloudFormationValidatePlugin].map(({ prototype }) =>
    jest.spyOn(prototype, 'validate'),
  );
  jest.spyOn(console, 'error').mockReturnValue(); // warnings about stacks whose alarms nobody gets
  try {
    synthesis();
    expect(nag?.mock.results.map(({ value }) => value)).toEqual([{ success: true, violations: [] }]);
    expect(cloudFormation).toHaveBeenCalledTimes(1);
  } finally {
    jest.restoreAllMocks(); // CDK outlives this file
  }
}

test.each(configurations)('check the stack, here with %j, and find nothing unexplained', context => {
  expectClean(() => synthesize({ bundle: false, outdir: outdir(), context }));
});

test('check the example consumer, and find nothing unexplained', () => {
  expectClean(() => synthesizeConsumer({ outdir: outdir(), context: { ...context, taskBusName: 'TheTaskBus' } }));
});

test('check the example of a webhook, and find nothing unexplained', () => {
  const own = { taskBusName: 'TheTaskBus', endpoint: 'https://crm.example.com/hooks', secretName: 'crm-webhook' };
  expectClean(() => synthesizeWebhook({ outdir: outdir(), context: { ...context, ...own } }));
});

test('check the example that starts tasks again, and find nothing unexplained', () => {
  const own = { taskBusName: 'TheTaskBus', email: 'a@example.com', involvementType: 'Co-Sell' };
  expectClean(() => synthesizeRestartTasks({ outdir: outdir(), context: { ...context, ...own } }));
});

test("check the example of a dead-man's switch, and find nothing unexplained", () => {
  const own = { switchUrl: 'https://switch.example.com/ping' };
  expectClean(() => synthesizeDeadMansSwitch({ outdir: outdir(), context: { ...context, ...own } }));
});

test('check the example for CDK apps, and find nothing unexplained', () => {
  const app = new App({ outdir: outdir(), context });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
  new TasksStack(app, 'Tasks');
  expectClean(() => app.synth());
});

test('fails when a finding is not acknowledged', () => {
  jest.isolateModules(() => {
    jest.doMock('../../infra/constructs/task-bus', () => {
      const real = jest.requireActual('../../infra/constructs/task-bus');
      const { Queue } = require('aws-cdk-lib/aws-sqs');
      return {
        TaskBus: class extends real.TaskBus {
          constructor(...given: unknown[]) {
            super(...given);
            new Queue(this, 'PlainTextQueue');
          }
        },
      };
    });
    const { synthesize: synthesizeWithBadQueue } = require('../../infra/synthesize');
    expect(() => synthesizeWithBadQueue({ bundle: false, outdir: outdir() })).toThrow(
      /PlainTextQueue[\s\S]*AwsSolutions-SQS4/,
    );
  });
});
