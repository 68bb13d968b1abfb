/** `npm run deploy:local`: the stack as the CDK CLI deploys it, on MiniStack on this machine, for as long as this runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { Command } from 'commander';
import { CannotStart } from '../../cli/lib/cannot-start';
import { helpOf, optionsOnly, readOptionsOf, UsageError } from '../../cli/lib/command-line';
import { stopWhenUnwanted } from '../../cli/lib/process';
import type { Settings } from '../../lambdas/poller/settings';
import { type PartnerCentral, startPartnerCentral } from '../services/partner-central';
import { type Line, textNarrator } from '../start/narrate';
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
        'Deploys the stack with the CDK CLI, as to AWS, and leaves it running until you press Ctrl-C. In place of AWS there is ' +
          'MiniStack, an emulator, with a Partner Central beside it, both on 127.0.0.1 alone: no AWS account, no Docker.',
      )
      .addHelpText(
        'after',
        `
Needs Python 3.10 or later with its venv module, openssl, and a package index; the first time, it installs MiniStack into
.ministack. What it can't show is in docs/testing.md. For a look without any of that: npm start

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
    console.log('Starting MiniStack, which is installed first if it has to be: about 15 seconds on two cores …');
    ministack = await startMiniStack({ partnerCentral: partnerCentral.url });
    console.log('Bootstrapping and deploying with the CDK CLI: about 10 seconds on two cores, 30 when they are busy …');
    const introduction = await deployOn(ministack, stopping);
    tellOfTasks(partnerCentral, assembly(ministack));
    console.log(introduction);
    const stopped = new Promise(resolve => stopping.addEventListener('abort', resolve));
    if (!stopping.aborted) await Promise.race([stopped, ministack.ended]);
    if (!stopping.aborted) throw new CannotStart(['MiniStack has ended by itself:', ...ministack.log].join('\n'));
  } catch (error) {
    if (!stopping.aborted) throw error; // otherwise it broke off because it had to
  } finally {
    await ministack?.close();
    await partnerCentral.close();
  }
}

const assembly = ({ folder }: MiniStack) => join(folder, 'cdk.out');

/** @returns what a person can do with it */
async function deployOn(ministack: MiniStack, signal: AbortSignal): Promise<string> {
  const cdk = cdkCli(ministack, signal);
  const directory = assembly(ministack);
  const context = { ...unknownToMiniStack, catalog };
  await Promise.all([cdk.bootstrap(), cdk.synth({ directory, context })]);
  const outputs = await cdk.deploy(directory);
  // What has ended before the first poll is history: from here on each ending counts.
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

In another terminal, so that its commands ask this deployment and not AWS:

  . ${environment}

There, aws is your own AWS CLI if that is version 2, and otherwise version ${broughtVersion}, which came with MiniStack, with
what docs/runbook.md needs of version 2. Its commands can be rehearsed there, but for those that docs/testing.md names.

Start a task. It runs for some seconds, and completes with context 1 or fails with any other number:

  aws partnercentral-selling start-opportunity-from-engagement-task \\
    --catalog ${catalog} --identifier eng-0123456789abcd --context-identifier 2

See its event, after the next poll, and the mail if it failed (again after half a minute, for nobody takes them out):

  ${receive('$EVENTS_QUEUE')}
  ${receive('$ALERTS_QUEUE')}

Ask the poller:

  npm run tasks -- status
  npm run tasks -- list
  npm run tasks -- plan

Tear it all down with Ctrl-C here, or from anywhere:

  kill ${process.pid}
`;
}

/** Tasks that somebody starts come to an end, those of every source that was deployed, and are told of. */
function tellOfTasks(partnerCentral: PartnerCentral, directory: string) {
  const narrate = textNarrator({ colour: process.stdout.isTTY });
  const scenes = readSynthesized(directory, stackNameIn(directory)).pollers.map(({ environment, enabled }) => {
    const settings = JSON.parse(String(environment.POLLER_SETTINGS)) as Settings;
    const tell = (line: Line) => console.log(narrate(line, new Date()));
    return openPlayedSource({ settings, enabled, partnerCentral, mostRunning: 0, tell }).scene;
  });
  for (const scene of scenes) scene.begin({ history: 1_000, running: 0 });
  setInterval(() => {
    for (const scene of scenes) scene.advance();
  }, 500).unref();
}
