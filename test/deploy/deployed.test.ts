/**
 * The stack as the CDK CLI deploys it, on MiniStack: one story, told from outside through the AWS SDK. Its schedule fires by
 * itself, once a minute, so each chapter waits for the next poll. docs/testing.md has what this can't show.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeAlarmsCommand, PutMetricDataCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import {
  DeleteRuleCommand,
  DescribeEventBusCommand,
  PutEventsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { StartOpportunityFromEngagementTaskCommand } from '@aws-sdk/client-partnercentral-selling';
import { GetScheduleCommand, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { isAlive } from '../../cli/lib/running';
import { parseTaskEvent, type TaskEvent, taskStartedEntry } from '../../events';
import { reasons } from '../../lambdas/reason-codes';
import { withChangedCode } from '../../local/ministack/assembly';
import { cdkCli, unknownToMiniStack } from '../../local/ministack/cdk-cli';
import { account, lambdasNode, type MiniStack, startMiniStack } from '../../local/ministack/ministack';
import { queuesOn } from '../../local/ministack/queues';
import { type PartnerCentral, startPartnerCentral } from '../../local/services/partner-central';
import type { TaskStore } from '../../local/services/task-store';
import { failed } from '../../local/start/scene';
import { openCommandLine, project } from '../cli/command-line';
import { type AlarmDefinition, alarmState, datapointsIn } from './alarm-state';
import { type Aws, awsOf, until } from './aws';
import { executionsOf } from './executions';
import { descendantsOf, listeningOf } from './listening';
import { type Receiver, startReceiver } from './receiver';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const stackName = 'PartnerCentralTaskPoller';
const silenced = 'SilencedTaskPoller';
const consumer = 'TaskEventConsumer';
const workflow = 'StartAndWait';
const webhook = 'TaskEventWebhook';
const deadMansSwitch = 'TaskPollerDeadMansSwitch';
/** What the stack has only when it is asked for. */
const everyExtra = { chatAlerts: 'true', dashboard: 'true', taskStalledEvents: 'true' };
const configured = {
  ...unknownToMiniStack,
  catalog: 'Sandbox',
  stackName,
  alertEmail: 'crm@example.com',
  alarmEmail: 'oncall@example.com',
};

const commandLine = openCommandLine();
let partnerCentral: PartnerCentral;
let store: TaskStore;
let ministack: MiniStack;
/** Of a cloud assembly. */
const folder = (name: string) => join(ministack.folder, 'assemblies', name);
let cdk: ReturnType<typeof cdkCli>;
let aws: Aws;
let outputs: Readonly<Record<string, string>>;
let consumerOutputs: Readonly<Record<string, string>>;
/** The alarm about missing polls, of the other stack. */
let alarmAsInAws: AlarmDefinition;
/** The webhook and the dead-man's switch. */
let receiver: Receiver;
let executions: ReturnType<typeof executionsOf>;
let workflowAtWork: Promise<void>;
let restarts: Readonly<Record<string, string>>;
let restartsAtWork: Promise<void>;
/** Queues behind a rule on the bus, and behind the topics. */
let events: { readonly url: string };
let alerts: { readonly url: string };
let alarms: { readonly url: string };
/** All events that came out of the queue. */
const arrived: TaskEvent[] = [];
/** `taskId status` of all that had to. */
const expected: string[] = [];
let tasks: Awaited<ReturnType<typeof startTasks>>;

let broken: string | undefined = 'the first deployment';
/** A chapter: what follows a broken one would only wait for what can't come. */
function chapter(name: string, run: () => Promise<void>) {
  test(name, async () => {
    if (broken) throw new Error(`Not tried, because this failed: ${broken}`);
    broken = name;
    await run();
    broken = undefined;
  });
}

beforeAll(async () => {
  partnerCentral = await startPartnerCentral();
  store = partnerCentral.store('Sandbox');
  const day = 86_400_000;
  store.addHistory({ count: 40, newestAt: Date.now() - day, oldestAt: Date.now() - 10 * day });
  ministack = await startMiniStack({ partnerCentral: partnerCentral.url });
  receiver = await startReceiver(ministack);
  aws = awsOf(ministack);
  cdk = cdkCli(ministack);
  const [main, other] = [folder('main'), folder('silenced')];
  await Promise.all([
    cdk.bootstrap(),
    cdk.synth({ directory: main, context: configured }),
    cdk.synth({
      directory: other,
      context: { ...unknownToMiniStack, ...everyExtra, catalog: 'AWS', stackName: silenced },
    }),
  ]);
  const { Resources } = JSON.parse(readFileSync(join(other, `${silenced}.template.json`), 'utf8'));
  alarmAsInAws = Resources.AlarmsNotFinishing00EC2183.Properties;
  // First: its alarm takes the longest.
  const { AlarmTopicArn } = await cdk.deploy(other);
  // Before there is a schedule that may fire.
  tasks = await startTasks();
  outputs = await cdk.deploy(main);
  const queues = queuesOn(ministack);
  alarms = await queues.subscribedTo(AlarmTopicArn as string, 'alarms');
  alerts = await queues.subscribedTo(outputs.TaskAlertsTopicArn as string, 'alerts');
  events = await queues.behindRule('task-events', outputs.EventBusName as string, 'Sandbox');
  consumerOutputs = await deployExample('consumer', { taskBusName: taskBusName() });
  broken = undefined;
});

afterAll(async () => {
  if (broken && ministack)
    console.error([`The last lines of MiniStack's log:`, ...ministack.log.slice(-40)].join('\n'));
  const processes = ministack ? [ministack.pid, ...descendantsOf(ministack.pid)] : [];
  await ministack?.close();
  await receiver?.close();
  await partnerCentral?.close();
  commandLine.close();
  await until('all its processes had ended', 10, async () => !processes.some(isAlive));
});

chapter('cdk bootstrap and cdk deploy make all that the template has', async () => {
  await allMade(stackName, silenced, consumer);
  const { MetricAlarms = [] } = await aws.cloudWatch.send(new DescribeAlarmsCommand({ AlarmNamePrefix: stackName }));
  expect(MetricAlarms).toHaveLength(9);
});

chapter('the schedule fires by itself, and the first poll tells nothing of the past', async () => {
  const deploying = Promise.all([deployWebhook(), deployDeadMansSwitch()]); // beside the wait for the first poll
  await nextPoll(0);
  await deploying;
  await allMade(webhook, deadMansSwitch);
  expect((await runs())[0]).toMatchObject({ outcome: 'complete', mode: 'poll', published: 0 });
  const rows = (await aws.itemsOf(outputs.SnapshotTableName as string)).map(({ item }) => item);
  expect(rows).toEqual(expect.arrayContaining(Object.values(tasks).map(taskId => `TASK#${taskId}`)));
  expect(await aws.take(events.url)).toEqual([]);
  // The other stack has polled as well. From here on nothing does it there, so that its alarm goes off.
  const log = (await aws.resourcesOf(silenced)).PollerFunctionLogsFD7D861E as string;
  await until('it had polled', 10, async () => datapointsIn(await aws.linesOf(log)).length > 0);
  expect(await alarmTold(10)).toEqual(['OK']);
  await setSchedule('DISABLED');
});

chapter('nothing listens beyond loopback', async () => {
  const listening = listeningOf(process.pid);
  if (!listening) return console.log('Not checked: who listens where, because there is no /proc.');
  for (const { url } of [{ url: ministack.endpoint }, partnerCentral, receiver])
    expect(listening).toContain(`127.0.0.1:${new URL(url).port}`);
  expect(listening.filter(address => !address.startsWith('127.'))).toEqual([]);
});

chapter("the example dead-man's switch is told while both pollers complete polls", async () => {
  await takeHeartbeats();
  expect(await tellSwitch()).toEqual({ told: true, silent: [] });
  expect(receiver.at(switchPath)).toMatchObject([{ method: 'POST' }]);
});

chapter('a task that completes and one that fails: each event once, in the queue behind the rule', async () => {
  end(tasks.completes);
  end(tasks.fails, 'EngagementAccessDenied');
  await nextPoll();
  await allArrived();
  const failure = arrived.find(({ detail }) => detail.taskId === tasks.fails);
  expect(failure).toMatchObject({
    source: 'partnercentral.task-poller',
    'detail-type': 'TaskFailed',
    account,
    detail: { catalog: 'Sandbox', reasonCode: 'EngagementAccessDenied', engagementId: 'eng-0123456789abcd' },
  });
});

chapter("the message about the failed task arrives at the topic's subscriber and reads well", async () => {
  const [notification, ...others] = await until('an alert came', 60, async () => notEmpty(await aws.take(alerts.url)));
  expect(others).toEqual([]);
  const { Subject, Message } = JSON.parse(notification as string);
  // A line that is too long goes on in the next one, indented.
  const unwrapped = Message.replaceAll(/(?<=[^:\n])\n {4}/g, ' ').split('\n');
  expect(Subject).toBe('Partner Central Sandbox: task failed (EngagementAccessDenied)');
  for (const line of [
    'Reason: EngagementAccessDenied (category access)',
    `What it means: ${reasons.EngagementAccessDenied.meaning}`,
    `What to do: ${reasons.EngagementAccessDenied.action}`,
    `Task: ${tasks.fails}`,
    'Engagement: eng-0123456789abcd (context 1)',
    '    The caller is not a member of the engagement.',
  ])
    expect(unwrapped).toContain(line);
  expect(Message).not.toMatch(/undefined|null|\[object|\$\{/);
  expect(Message).toContain(
    encodeURIComponent(encodeURIComponent(outputs.PollerLogGroupName as string)).replaceAll('%', '$'),
  );
  console.log(`${Subject}\n\n${Message}`);
});

chapter('the example consumer has recorded both, and handed on the opportunity', async () => {
  const table = consumerOutputs.OutcomesTableName as string;
  const outcomes = await until('both outcomes were recorded', 30, async () => atLeast(2, await aws.itemsOf(table)));
  const of = (taskId: string) => outcomes.find(({ task }) => task === `Sandbox/OpportunityFromEngagement/${taskId}`);
  expect(outcomes).toHaveLength(2);
  expect(of(tasks.completes)).toMatchObject({ outcome: { taskStatus: 'COMPLETE' }, timesTold: 1 });
  expect(of(tasks.fails)).toMatchObject({ outcome: { taskStatus: 'FAILED', reasonCategory: 'access' }, timesTold: 1 });
  const queue = consumerOutputs.WorkItemsQueueUrl as string;
  const items = await until('a work item came', 30, async () => notEmpty(await aws.take(queue)));
  expect(items.map(item => JSON.parse(item))).toEqual([
    expect.objectContaining({ taskId: tasks.completes, opportunityId: expect.stringMatching(/^O\d+$/) }),
  ]);
  expect(await aws.take(consumerOutputs.FailedQueueUrl as string)).toEqual([]);
});

chapter('EventBridge has posted both to the example webhook, with its secret, as they are in the queue', async () => {
  const posted = await until('both were posted', 30, async () => atLeast(2, receiver.at(webhookPath)));
  const eventsById = (list: readonly TaskEvent[]) =>
    Object.fromEntries(list.map(event => [event.detail.eventId, event]));
  expect(posted).toHaveLength(2);
  for (const { method, headers } of posted)
    expect({ method, ...headers }).toMatchObject({
      method: 'POST',
      authorization: webhookSecret,
      'content-type': expect.stringMatching(/^application\/json/),
    });
  expect(eventsById(posted.map(({ body }) => parseTaskEvent(JSON.parse(body))))).toEqual(eventsById(arrived));
});

chapter('a task that is announced: its event is there within ten seconds of its end', async () => {
  const { TaskId = '' } = await aws.partnerCentral.send(startCommand('announced'));
  Object.assign(tasks, { announced: TaskId });
  await announce(TaskId);
  await sleep(2_000); // as a short task takes
  end(TaskId);
  const endedAt = Date.now();
  const [body = ''] = await until('its event came', 10, async () => notEmpty(await aws.take(events.url)), 200);
  console.log(`Announced, and published ${((Date.now() - endedAt) / 1_000).toFixed(1)} seconds after it ended`);
  const event = parseTaskEvent(JSON.parse(body));
  expect(event).toMatchObject({ 'detail-type': 'TaskCompleted', detail: { taskId: TaskId } });
  arrived.push(event);
});

/** MiniStack's certificate is one that only a process of its own can be told to trust. */
async function asProcess(args: readonly string[], credentials: Readonly<Record<string, string>>) {
  const ended = await commandLine.start(args, { ...ministack.environment, ...credentials }).ended;
  return { ...ended, out: ended.out && `${ended.out}\n` };
}

chapter("the operator's commands work, with the rights that docs/security.md names and no other", async () => {
  const credentials = await operator();
  const command = (...args: string[]) => asProcess(args, credentials);
  const ok = async (...args: string[]) => {
    const { code, out, err } = await command(...args);
    if (code !== 0 || err !== '') throw new Error(`tasks ${args.join(' ')} ended with ${code}:\n${out}${err}`);
    return out;
  };
  expect(await ok('doctor')).toContain('All is well.');
  expect(await ok('status')).toMatch(/Running +4\n/);
  expect(await ok('list', '--status', 'FAILED')).toContain(tasks.fails);
  expect(await ok('show', tasks.fails)).toContain('EngagementAccessDenied');
  expect(await ok('plan')).toContain('The next poll would publish nothing.');
  const replayed = await ok('replay', '--task', tasks.fails);
  expect(replayed).toMatch(/^Published 1 event again, with replayId \S+\.\n$/);
  const again = await until('the replay arrived', 30, async () => notEmpty(await aws.take(events.url)));
  const first = arrived.find(({ detail }) => detail.taskId === tasks.fails);
  const replays = again.map(body => parseTaskEvent(JSON.parse(body)).detail);
  expect(replays.map(({ eventId }) => eventId)).toEqual([first?.detail.eventId]);
  expect(replays[0]?.replayId).toEqual(expect.any(String));
  expect(await ok('audit')).toContain('Nothing had been overlooked');
  // It tells of its polls on standard error.
  const watched = await command('watch', '--catalog', 'Sandbox', '--once', '--keep', folder('watch'));
  expect(watched).toMatchObject({ code: 0, out: '' });

  const stranger = await assume('Stranger', []);
  const { code, err } = await asProcess(['status'], stranger);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('cloudformation:ListStackResources') });
});

chapter('a second deployment keeps table, checkpoint and what runs, and publishes nothing twice', async () => {
  const before = { resources: await aws.resourcesOf(stackName), items: await tableByKey() };
  const polls = (await runs()).length;
  end(tasks.endsDuringDeployment);
  const directory = folder('second');
  await cdk.synth({
    directory,
    context: { ...configured, logLevel: 'DEBUG', lookbackMinutes: '7', auditEveryHours: '12' },
  });
  withChangedCode(directory, 'This is the next release');
  // MiniStack shows what a function logs when its invocation has ended.
  const wasNudged = async () => (await runs()).some(({ mode }) => mode === 'nudge');
  await until('the poll of the nudge was logged', 60, wasNudged);
  await cdk.deploy(directory);
  expect(await aws.statusOf(stackName)).toBe('UPDATE_COMPLETE');
  expect((await scheduleOf(stackName, 'PollerAuditSchedule63E1340E')).ScheduleExpression).toBe('rate(12 hours)');
  expect(await aws.resourcesOf(stackName)).toEqual(before.resources);

  await nextPoll(polls);
  await until('the new code had run', 120, async () => (await pollerLog()).includes('This is the next release'));
  await allArrived();
  const after = await tableByKey();
  expect(sinceWhen(after)).toEqual(sinceWhen(before.items));
  for (const taskId of [tasks.runs, tasks.endsWhileFailing, tasks.endsWhileDeleted, tasks.completes, tasks.fails])
    expect(after[`TASK#${taskId}`]).toEqual(before.items[`TASK#${taskId}`]);
});

chapter('a poll that fails lands in its on-failure queue, and the next one catches up', async () => {
  refuseLists();
  end(tasks.endsWhileFailing, 'ServiceQuotaExceeded');
  // As Scheduler does it in AWS. MiniStack's own runs the function without what holds for asynchronous invocations.
  const Payload = JSON.stringify({ mode: 'poll' });
  const FunctionName = outputs.PollerFunctionName;
  await aws.lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
  const queue = outputs.FailedRunsQueueUrl as string;
  const [record] = await until('the failed poll came', 30, async () => notEmpty(await aws.take(queue)));
  expect(JSON.parse(record as string)).toMatchObject({
    requestPayload: { mode: 'poll' },
    responsePayload: { errorType: expect.any(String), errorMessage: expect.stringContaining('Partner Central') },
  });
  const { length: polls } = await runs();
  partnerCentral.intercept = undefined;
  await nextPoll(polls);
  await allArrived();
  // People are told of it, and were not of the replay before.
  const told = await until('an alert came', 60, async () => notEmpty(await aws.take(alerts.url)));
  expect(told.map(body => JSON.parse(body).Subject)).toEqual([
    'Partner Central Sandbox: task failed (ServiceQuotaExceeded)',
  ]);
});

chapter('deleting the stack leaves the table, and a new stack with it goes on where the old one stopped', async () => {
  const before = await tableByKey();
  const { SnapshotTableName: existingTableName = '', EventBusName } = outputs;
  // EventBridge may not delete a bus that somebody else's rules are on.
  await Promise.all([cdk.destroy(folder('consumer')), cdk.destroy(folder('webhook'))]);
  await aws.eventBridge.send(new RemoveTargetsCommand({ EventBusName, Rule: 'task-events', Ids: ['queue'] }));
  await aws.eventBridge.send(new DeleteRuleCommand({ EventBusName, Name: 'task-events' }));
  await cdk.destroy(folder('second'));
  await expect(aws.statusOf(stackName)).rejects.toThrow('does not exist');
  await expect(aws.eventBridge.send(new DescribeEventBusCommand({ Name: EventBusName }))).rejects.toThrow();
  const left = await tableByKey();
  expect(sinceWhen(left)).toEqual(sinceWhen(before));
  expect(tasksIn(left)).toEqual(tasksIn(before));

  end(tasks.endsWhileDeleted, 'OpportunityValidationFailed');
  await cdk.synth({ directory: folder('anew'), context: { ...configured, existingTableName } });
  // Nothing is to be published on the new bus before somebody listens there.
  refuseLists();
  outputs = { ...(await cdk.deploy(folder('anew'))), SnapshotTableName: existingTableName };
  events = await queuesOn(ministack).behindRule('task-events-anew', outputs.EventBusName as string, 'Sandbox');
  partnerCentral.intercept = undefined;
  const deploying = Promise.all([deployWorkflow(), deployRestarts()]); // beside the wait for the next poll
  await nextPoll(0);
  [executions, restarts] = await deploying;
  await allMade(workflow, 'RestartTasks');
  await allArrived();
});

// Before the alarm goes off: on PutMetricData, MiniStack evaluates all alarms and ignores their dimensions.
chapter("the example dead-man's switch is not told when one of two pollers is silent", async () => {
  await takeHeartbeats();
  expect(await tellSwitch()).toEqual({ told: false, silent: [silenced] });
});

chapter('the alarm goes off when the schedule is disabled, and recovers when it is enabled', async () => {
  // Beside it, for it mostly waits.
  workflowAtWork = runWorkflow();
  restartsAtWork = failAgainAndAgain();
  for (const one of [workflowAtWork, restartsAtWork]) one.catch(() => undefined); // the next chapters say it
  expect(await alarmTold(420)).toEqual(['ALARM']);
  await setSchedule('ENABLED');
  expect(await alarmTold(120)).toEqual(['OK']);
});

chapter("the example dead-man's switch is told again, and its own schedule fires", async () => {
  await takeHeartbeats();
  expect(await tellSwitch()).toEqual({ told: true, silent: [] });
  const log = (await aws.resourcesOf(deadMansSwitch)).Logs6819BB44 as string;
  const runs = await until('its schedule had fired', 300, async () => {
    const lines = (await aws.linesOf(log)).filter(line => line.includes('"message":"The switch'));
    return lines.length > timesAsked && lines;
  });
  const told = runs.filter(line => line.includes('The switch was told'));
  expect(receiver.at(switchPath)).toHaveLength(told.length);
});

chapter(
  'the example workflow starts tasks, and goes on when their events come, or when it has looked',
  () => workflowAtWork,
);

chapter('the example starts a failed task again, once for each failure, and gives up loudly', async () => {
  await restartsAtWork;
  await allArrived();
  const failures = arrived.filter(({ detail }) => detail.engagementId === restartedEngagement);
  const tokens = failures.map(({ detail }) => tokenOf(detail.taskId));
  // The ClientToken of the second task is the eventId of the first one's failure.
  expect(tokens).toEqual(['to-be-restarted', failures[0]?.detail.eventId]);
});

chapter('after all that, each event has arrived once and nothing else has', async () => {
  await allArrived();
  expect(new Set(arrived.map(({ detail }) => detail.eventId)).size).toBe(expected.length);
  expect(await aws.take(outputs.UndeliveredAlertsQueueUrl as string)).toEqual([]);
  const stillRuns = (await tableByKey())[`TASK#${tasks.runs}`];
  expect(stillRuns).toMatchObject({ status: 'IN_PROGRESS' });
  console.log(`The functions ran under ${lambdasNode()}.`);
});

/** Every resource of the deployed templates exists. */
async function allMade(...stacks: readonly string[]) {
  for (const name of stacks) {
    expect(await aws.statusOf(name)).toBe('CREATE_COMPLETE');
    const { Resources } = await aws.templateOf(name);
    expect(Object.keys(await aws.resourcesOf(name)).sort()).toEqual(Object.keys(Resources).sort());
  }
}

const startCommand = (ClientToken: string, Identifier = 'eng-0123456789abcd') =>
  new StartOpportunityFromEngagementTaskCommand({
    Catalog: 'Sandbox',
    ClientToken,
    Identifier,
    ContextIdentifier: '1',
  });

/** One as a partner starts it, by the SDK. */
async function startTasks() {
  const { TaskId } = await aws.partnerCentral.send(startCommand('the-first-one'));
  // No longer young, so that no poll follows another: MiniStack shows what a function logs when its invocation has ended.
  const startTimeMs = Date.now() - 10 * 60_000;
  store.set(TaskId as string, { startTimeMs });
  const start = () => store.add({ startTimeMs }).taskId;
  return {
    fails: TaskId as string,
    completes: start(),
    endsDuringDeployment: start(),
    endsWhileFailing: start(),
    endsWhileDeleted: start(),
    runs: start(),
  };
}

/** Makes the poller poll at once. */
async function announce(taskId: string) {
  const started = { catalog: 'Sandbox', taskType: 'OpportunityFromEngagement', taskId };
  const eventBusName = outputs.EventBusName as string;
  await aws.eventBridge.send(new PutEventsCommand({ Entries: [taskStartedEntry(started, { eventBusName })] }));
}

/** Ends a task, whose event has to come. */
function end(taskId: string, reasonCode?: Parameters<typeof failed>[0]) {
  store.end(taskId, reasonCode ? failed(reasonCode) : 'COMPLETE');
  expected.push(`${taskId} ${reasonCode ? 'FAILED' : 'COMPLETE'}`);
}

/** Waits until exactly what had to come has come. */
async function allArrived() {
  const take = async () => {
    arrived.push(...(await aws.take(events.url)).map(body => parseTaskEvent(JSON.parse(body))));
    return arrived.length >= expected.length;
  };
  await until(`${expected.length} events had come`, 30, take);
  await take();
  expect(arrived.map(({ detail }) => `${detail.taskId} ${detail.taskStatus}`).sort()).toEqual([...expected].sort());
}

/** Partner Central refuses each list of the catalog. */
function refuseLists() {
  partnerCentral.intercept = ({ operation, input }) =>
    operation.startsWith('List') && input.Catalog === 'Sandbox'
      ? { when: 'before', how: { status: 403, type: 'AccessDeniedException', body: { Message: 'Not any more' } } }
      : undefined;
}

const pollerLog = () => aws.linesOf(outputs.PollerLogGroupName as string);

/** What each poll that did not fail says of itself. */
async function runs() {
  return (await pollerLog()).filter(line => line.includes('"message":"Run"')).map(line => JSON.parse(line));
}

/** @param than how many there were before; as many as there are now, unless told */
async function nextPoll(than?: number) {
  const before = than ?? (await runs()).length;
  await until('there was another poll', 120, async () => (await runs()).length > before);
}

type Table = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function tableByKey(): Promise<Table> {
  const items = await aws.itemsOf(outputs.SnapshotTableName as string);
  return Object.fromEntries(items.map(({ item, ...rest }) => [item as string, rest]));
}

/** What the first poll has put into the checkpoint, and none after it may change. */
function sinceWhen({ CHECKPOINT: { emitSince, emissionFloor, initialised } = {} }: Table) {
  expect({ emitSince, emissionFloor, initialised }).toEqual({
    emitSince: expect.stringMatching(/Z$/),
    emissionFloor: expect.stringMatching(/Z$/),
    initialised: true,
  });
  return { emitSince, emissionFloor };
}

function tasksIn({ CHECKPOINT: _, ...rows }: Table) {
  expect(Object.keys(rows)).toHaveLength(Object.keys(tasks).length);
  return rows;
}

/** By the commands of its README. */
async function deployExample(name: string, context: Readonly<Record<string, string>>) {
  const directory = folder(name);
  await cdk.synth({ directory, app: `npx tsx examples/${name}/app.ts`, context });
  return cdk.deploy(directory);
}

/** Changes when the stack is deployed anew. */
const taskBusName = () => outputs.EventBusName as string;

/** Executions whose tasks complete, fail, and are looked up. */
async function runWorkflow(): Promise<void> {
  const [completes, fails, late] = await Promise.all([
    executions.start('11'),
    executions.start('12'),
    executions.start('13'),
  ]);
  const endedAt = Date.now();
  end(completes.taskId);
  end(fails.taskId, 'ContextNotFound');
  const completed = await executions.ended(completes, 60);
  expect(completed).toMatchObject({ status: 'SUCCEEDED' });
  expect(JSON.parse(completed.output as string)).toEqual({
    taskId: completes.taskId,
    taskStatus: 'COMPLETE',
    opportunityId: expect.stringMatching(/^O\d+$/),
    resourceSnapshotJobId: expect.stringMatching(/^job-/),
  });
  console.log(
    `It went on ${((Number(completed.stopDate) - endedAt) / 1_000).toFixed(1)} seconds after its task ended.`,
  );
  const failure = await executions.ended(fails, 60);
  expect(failure).toMatchObject({ status: 'FAILED', error: 'TaskHasFailed' });
  expect(JSON.parse(failure.cause as string)).toMatchObject({ taskId: fails.taskId, reasonCategory: 'not-found' });
  for (const execution of [completes, fails]) expect(await executions.statesOf(execution)).not.toContain('LookUp');

  await until('one looked its task up', 60, async () => (await executions.statesOf(late)).includes('LookUp'));
  end(late.taskId);
  expect(await executions.ended(late, 60)).toMatchObject({
    status: 'SUCCEEDED',
    output: expect.stringContaining(late.taskId),
  });
}

const webhookPath = '/hooks/tasks';
const webhookSecret = 'Bearer of-the-crm';

async function deployWebhook() {
  const secretName = 'crm-webhook';
  await ministack.awsCli('secretsmanager', 'create-secret', '--name', secretName, '--secret-string', webhookSecret);
  await deployExample('webhook', { taskBusName: taskBusName(), endpoint: `${receiver.url}${webhookPath}`, secretName });
}

const switchPath = '/ping/0123456789';
let timesAsked = 0;

const deployDeadMansSwitch = () =>
  deployExample('dead-mans-switch', {
    switchUrl: `${receiver.url}${switchPath}`,
    pollers: `${stackName},${silenced}`,
    windowMinutes: '2',
  });

/** Copies the heartbeats of both pollers from their logs to CloudWatch, which MiniStack does not do. */
async function takeHeartbeats() {
  const logs = [outputs.PollerLogGroupName, (await aws.resourcesOf(silenced)).PollerFunctionLogsFD7D861E];
  for (const log of logs) {
    const heartbeats = datapointsIn(await aws.linesOf(log as string)).filter(({ name }) => name === 'CompleteRuns');
    const MetricData = heartbeats.map(({ name, dimensions, atMs, value }) => ({
      MetricName: name,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      Timestamp: new Date(atMs),
      Value: value,
    }));
    await aws.cloudWatch.send(new PutMetricDataCommand({ Namespace: heartbeats[0]?.namespace, MetricData }));
  }
}

/** Invokes the function of the dead-man's switch, and returns its result. */
async function tellSwitch() {
  timesAsked += 1;
  const { Function76856677: FunctionName } = await aws.resourcesOf(deadMansSwitch);
  const { Payload } = await aws.lambda.send(new InvokeCommand({ FunctionName }));
  return JSON.parse(Buffer.from(Payload ?? []).toString());
}

const restartedEngagement = 'eng-restarted00001';
const tokenOf = (taskId: string) => [...store.clientTokens].find(([, task]) => task.taskId === taskId)?.[0];

const deployRestarts = () =>
  deployExample('restart-tasks', { taskBusName: taskBusName(), email: 'oncall@example.com', maxRestarts: '1' });

/** A task that fails, is started again after a minute, and fails again. */
async function failAgainAndAgain(): Promise<void> {
  const { GivenUpTopicArn = '', StateMachineArn: stateMachineArn } = restarts;
  const givenUp = await queuesOn(ministack).subscribedTo(GivenUpTopicArn, 'given-up');
  const { TaskId = '' } = await aws.partnerCentral.send(startCommand('to-be-restarted', restartedEngagement));
  end(TaskId, 'InternalError');
  await announce(TaskId);
  const { taskId } = await until('it was started again', 240, async () =>
    store.tasks().find(task => task.engagementId === restartedEngagement && task.taskId !== TaskId),
  );
  end(taskId, 'InternalError');
  await announce(taskId);
  const messages = await until('somebody was told', 180, async () => notEmpty(await aws.take(givenUp.url)));
  expect(messages.map(body => JSON.parse(body))).toEqual([
    expect.objectContaining({
      Subject: `Sandbox: gave up on ${taskId}`,
      Message: expect.stringContaining('was started again once, and failed again'),
    }),
  ]);
  const statuses = await until('both executions had ended', 30, async () => {
    const { executions: both = [] } = await aws.stepFunctions.send(new ListExecutionsCommand({ stateMachineArn }));
    return both.every(({ status }) => status !== 'RUNNING') && both.map(({ status }) => status);
  });
  expect(statuses.sort()).toEqual(['FAILED', 'SUCCEEDED']);
}

async function deployWorkflow() {
  const { StateMachineArn: stateMachineArn } = await deployExample('start-and-wait', {
    taskBusName: taskBusName(),
    waitSeconds: '15',
  });
  // MiniStack knows neither whose a task token is, nor the detail type of what is put on a bus.
  const names = await aws.resourcesOf(workflow);
  const allow = (role: RegExp, ...Action: string[]) =>
    aws.iam.send(
      new PutRolePolicyCommand({
        RoleName: Object.entries(names).find(([id]) => role.test(id))?.[1],
        PolicyName: 'OfMiniStack',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
        }),
      }),
    );
  await allow(/^AnnounceRole[0-9A-F]{8}$/, 'events:PutEvents', 'states:SendTaskSuccess', 'states:SendTaskFailure');
  await allow(/^OnTaskEventRole[0-9A-F]{8}$/, 'states:SendTaskSuccess', 'states:SendTaskFailure');

  return executionsOf(aws, store, stateMachineArn as string);
}

/** Credentials with the rights that docs/security.md lists for operators, but for those in Partner Central itself. */
async function operator() {
  const names = await aws.resourcesOf(stackName);
  const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:${account}:${resource}`;
  const table = arn('dynamodb', `table/${outputs.SnapshotTableName}`);
  const functions = Object.entries(names).filter(([id]) => /Function|Formatter/.test(id));
  const resources: Readonly<Record<string, string | readonly string[]>> = {
    cloudformation: arn('cloudformation', `stack/${stackName}/*`),
    lambda: functions.map(([, name]) => arn('lambda', `function:${name}`)),
    dynamodb: [table, `${table}/index/*`],
    // MiniStack takes the bus that DescribeEventBus asks for for a rule of that name.
    events: [outputs.EventBusArn as string, arn('events', `rule/default/${outputs.EventBusName}`)],
    scheduler: arn('scheduler', 'schedule/default/*'),
  };
  const [, section = ''] = readFileSync(join(project, 'docs', 'security.md'), 'utf8').split('## What operators need\n');
  const listed = [...(section.split(/^#/m)[0] as string).matchAll(/`(([a-z]+):[A-Za-z]+)`/g)];
  const allowed = listed.flatMap(([, Action, service]) => {
    const Resource = resources[service as string];
    return Resource ? { Action, Resource } : [];
  });
  expect(allowed.length).toBeGreaterThan(10);
  return assume('Operator', allowed);
}

async function assume(RoleName: string, allowed: readonly object[]) {
  const policy = (statements: readonly object[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements.map(given => ({ Effect: 'Allow', ...given })) });
  const trust = { Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' };
  const { Role } = await aws.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy([trust]) }));
  if (allowed.length > 0)
    await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'All', PolicyDocument: policy(allowed) }));
  const request = new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'test' });
  const { Credentials } = await new STSClient(aws.options).send(request);
  return {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId as string,
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey as string,
    AWS_SESSION_TOKEN: Credentials?.SessionToken as string,
  };
}

async function scheduleOf(stack: string, logicalId: string) {
  return aws.scheduler.send(new GetScheduleCommand({ Name: (await aws.resourcesOf(stack))[logicalId] }));
}

/** Of the stack that falls silent. */
async function setSchedule(State: 'ENABLED' | 'DISABLED') {
  const schedule = await scheduleOf(silenced, 'PollerPollSchedule76BE5296');
  const { Name, ScheduleExpression, FlexibleTimeWindow, Target } = schedule;
  await aws.scheduler.send(new UpdateScheduleCommand({ Name, ScheduleExpression, FlexibleTimeWindow, Target, State }));
}

/** @returns the states that the subscribers of the alarm's topic are told of, as soon as there is one */
async function alarmTold(withinSeconds: number): Promise<string[]> {
  const told = await until('the alarm about missing polls told of its state', withinSeconds, async () => {
    await evaluate();
    return notEmpty(await aws.take(alarms.url));
  });
  const { AlarmsNotFinishing00EC2183: AlarmName } = await aws.resourcesOf(silenced);
  return told.map(body => {
    const { Subject, Message } = JSON.parse(body);
    const message = JSON.parse(Message);
    const AlarmDescription = expect.stringContaining('No poll has been complete for some time');
    expect(message).toMatchObject({ AlarmName, AlarmDescription });
    expect(Subject).toContain(message.NewStateValue);
    return message.NewStateValue;
  });
}

/** Does for the alarm about missing polls what CloudWatch does and MiniStack does not. */
async function evaluate() {
  const { AlarmsNotFinishing00EC2183: AlarmName = '', PollerFunctionLogsFD7D861E: log = '' } =
    await aws.resourcesOf(silenced);
  const StateValue = alarmState(alarmAsInAws, datapointsIn(await aws.linesOf(log)), Date.now());
  const { MetricAlarms = [] } = await aws.cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }));
  if (MetricAlarms[0]?.StateValue === StateValue) return;
  const StateReason = 'Evaluated by the test, as CloudWatch would';
  await aws.cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason }));
}

const atLeast = <T>(count: number, list: readonly T[]) => (list.length >= count ? list : undefined);
const notEmpty = <T>(list: readonly T[]) => atLeast(1, list);
