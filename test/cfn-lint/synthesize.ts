/** Synthesizes the stack in each of its configurations, and the examples: `synthesize.ts DIRECTORY`. Prints the paths of the templates. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { TasksStack } from '../../examples/cdk-app/tasks-stack';
import { synthesize as synthesizeConsumer } from '../../examples/consumer/app';
import { synthesize as synthesizeDeadMansSwitch } from '../../examples/dead-mans-switch/app';
import { synthesize as synthesizeRestartTasks } from '../../examples/restart-tasks/app';
import { synthesize as synthesizeWebhook } from '../../examples/webhook/app';
import { synthesize } from '../../infra/synthesize';
import { configurations } from '../infra/configurations';

const [directory = ''] = process.argv.slice(2);
rmSync(directory, { recursive: true, force: true });
const context = { 'aws:cdk:bundling-stacks': [] };

const ofWebhook = { taskBusName: 'TheTaskBus', endpoint: 'https://crm.example.com/hooks', secretName: 'crm-webhook' };
const ofRestartTasks = { taskBusName: 'TheTaskBus', email: 'a@example.com', involvementType: 'Co-Sell' };
const ofSwitch = { switchUrl: 'https://switch.example.com/ping' };

const app = new App({ outdir: join(directory, 'cdk-app'), context });
new TasksStack(app, 'Tasks');
const assemblies = [
  ...configurations.map((configuration, at) =>
    synthesize({
      bundle: false,
      validate: false,
      outdir: join(directory, String(at + 1)),
      context: { ...configuration },
    }),
  ),
  app.synth(),
  synthesizeConsumer({ outdir: join(directory, 'consumer'), context: { ...context, taskBusName: 'TheTaskBus' } }),
  synthesizeDeadMansSwitch({ outdir: join(directory, 'dead-mans-switch'), context: { ...context, ...ofSwitch } }),
  synthesizeRestartTasks({ outdir: join(directory, 'restart-tasks'), context: { ...context, ...ofRestartTasks } }),
  synthesizeWebhook({ outdir: join(directory, 'webhook'), context: { ...context, ...ofWebhook } }),
];
for (const { stacks } of assemblies) for (const { templateFullPath } of stacks) console.log(templateFullPath);
