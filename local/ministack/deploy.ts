/** `npm run deploy:local`: deploys the stack with the CDK CLI to MiniStack on this machine, until the process stops. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { Command } from 'commander';
import { CannotStart } from '../../cli/lib/cannot-start';
import { helpOf, optionsOnly, readOptionsOf, UsageError } from '../../cli/lib/command-line';
import { stopWhenUnwanted } from '../../cli/lib/process';
import type { Settings } from '../../lambdas/poller/settings';
import { type PartnerCentral, startPartnerCentral } from '../services/partner-central';
import { type Line, textFormatter } from '../start/format-line';
import { openPlayedSource } from '../start/played-source';
import { stackNameIn } from '../synthesis';
import { readSynthesized } from '../synthesized';
import { cdkCli, unknownToMiniStack } from './cdk-cli';
import { type MiniStack, startMiniStack } from './ministack';
import { queuesOn } from './queues';
import { broughtVersion, environmentFile } from './shell';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made

const catalog = 'Sandbox';
const commandLine = () =>
  optionsOnly(
    new Command('npm run deploy:local --')
      .description(
        'Deploys the stack with the CDK CLI and leaves it running until you press Ctrl-C. AWS is replaced by ' +
          'MiniStack, an emulator, and a stand-in for Partner Central, both on 127.0.0.1 only: no AWS account, no Docker.',
      )
      .addHelpText(
        'after',
        `
Needs Python 3.10 or later with its venv module, openssl, and a package index; the first time, it installs MiniStack into
.ministack. What it can't show is in docs/testing.md. npm start needs none of it.

Exit codes: 0 stopped, 1 it could not run, 2 the command line is wrong.`,
      ),
  );

main().catch(error => {
  console.error(error instanceof UsageError || error instanceof CannotStart ? error.message : error);
  process.exit(error instanceof UsageError ? 2 : 1);
});

async function main(): Promise<void> {
  const { help } = readOptionsOf(commandLine(), process.argv.slice(2), process.env);
  if (help) return void process.stdout.write(helpOf(commandLine()));
  const stopping = stopWhenUnwanted();
  const partnerCentral = await startPartnerCentral();
  let ministack: MiniStack | undefined;
  try {
    console.log('Starting MiniStack (and installing it the first time): about 15 seconds on two cores …');
    ministack = await startMiniStack({ partnerCentral: partnerCentral.url });
    console.log('Bootstrapping and deploying with the CDK CLI: about 10 seconds on two cores, 30 when they are busy …');
    const introduction = await deployOn(ministack, stopping);
    simulateTasks(partnerCentral, assembly(ministack));
    console.log(introduction);
    const stopped = new Promise(resolve => stopping.addEventListener('abort', resolve));
    if (!stopping.aborted) await Promise.race([stopped, ministack.ended]);
    if (!stopping.aborted) throw new CannotStart(['MiniStack ended unexpectedly:', ...ministack.log].join('\n'));
  } catch (error) {
    if (!stopping.aborted) throw error; // an abort fails whatever is running
  } finally {
    await ministack?.close();
    await partnerCentral.close();
  }
}

const assembly = ({ folder }: MiniStack) => join(folder, 'cdk.out');

/** @returns the instructions to print */
async function deployOn(ministack: MiniStack, signal: AbortSignal): Promise<string> {
  const cdk = cdkCli(ministack, signal);
  const directory = assembly(ministack);
  const context = { ...unknownToMiniStack, catalog };
  await Promise.all([cdk.bootstrap(), cdk.synth({ directory, context })]);
  const outputs = await cdk.deploy(directory);
  // Tasks that ended before the first poll are history, so poll once before the user starts tasks.
  const Payload = JSON.stringify({ mode: 'poll' });
  const { FunctionError } = await new LambdaClient(ministack.clientOptions).send(
    new InvokeCommand({ FunctionName: outputs.PollerFunctionName, Payload }),
  );
  if (FunctionError) throw new Error(`The first poll failed:\n${ministack.log.slice(-20).join('\n')}`);
  const queues = queuesOn(ministack);
  const events = await queues.behindRule('task-events', outputs.EventBusName as string, catalog);
  const alerts = await queues.subscribedTo(outputs.TaskAlertsTopicArn as string, 'alerts', true);
  const environment = join(ministack.folder, 'environment');
  writeFileSync(environment, environmentFile(ministack, { EVENTS_QUEUE: events.url, ALERTS_QUEUE: alerts.url }));
  const receive = (queueUrl: string) =>
    `aws sqs receive-message --queue-url "${queueUrl}" \\
    --wait-time-seconds 20 --max-number-of-messages 10 --query 'Messages[].[Body]' --output text`;
  return `
Deployed, and polling every minute.

In another terminal, make its commands use this deployment instead of AWS:

  . ${environment}

There, aws is your own AWS CLI if it is version 2. Otherwise it is version ${broughtVersion}, installed with MiniStack, with the parts of
version 2 that docs/runbook.md needs. You can practise the runbook there; docs/testing.md lists the commands that fail.

Start a task. It runs for some seconds, and completes with context 1 or fails with any other number:

  aws partnercentral-selling start-opportunity-from-engagement-task \\
    --catalog ${catalog} --identifier eng-0123456789abcd --context-identifier 2

See its event after the next poll, and the mail if it failed (both appear again after half a minute: they stay in the queue):

  ${receive('$EVENTS_QUEUE')}
  ${receive('$ALERTS_QUEUE')}

Ask for the state:

  npm run tasks -- status
  npm run tasks -- list
  npm run tasks -- plan

Delete everything with Ctrl-C here, or from any terminal:

  kill ${process.pid}
`;
}

/** Finishes tasks that a user starts, in every deployed source, and prints them. */
function simulateTasks(partnerCentral: PartnerCentral, directory: string) {
  const formatLine = textFormatter({ colour: process.stdout.isTTY });
  const scenes = readSynthesized(directory, stackNameIn(directory)).pollers.map(({ environment, enabled }) => {
    const settings = JSON.parse(String(environment.POLLER_SETTINGS)) as Settings;
    const report = (line: Line) => console.log(formatLine(line, new Date()));
    return openPlayedSource({ settings, enabled, partnerCentral, maxRunning: 0, report }).scene;
  });
  for (const scene of scenes) scene.begin({ history: 1_000, running: 0 });
  setInterval(() => {
    for (const scene of scenes) scene.advance();
  }, 500).unref();
}
