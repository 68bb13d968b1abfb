/** Alarms and alerts that nobody gets are a warning at synthesis. */
import { Annotations, type App, Stack } from 'aws-cdk-lib';
import { Annotations as AnnotationsOf, Match } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { PartnerCentralTaskPoller, type PartnerCentralTaskPollerProps } from '../../infra/index';
import { synthesize } from '../../infra/synthesize';
import { newApp, outdir } from './read-template';

const [alarms, alerts] = [
  'partner-central-task-poller:nobodyGetsAlarms',
  'partner-central-task-poller:nobodyGetsAlerts',
];

function poller(props: Partial<PartnerCentralTaskPollerProps> = {}, stack = new Stack(newApp(), 'Tasks')) {
  const tasks = new PartnerCentralTaskPoller(stack, 'TaskPoller', { catalog: 'Sandbox', ...props });
  return { stack, tasks };
}
const warnings = (stack: Stack) =>
  AnnotationsOf.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => /partner-central-task-poller:\w+/.exec(String(entry.data))?.[0])
    .sort();

const topicArn = 'arn:aws:sns:us-east-1:111122223333:security-team';

test.each<[what: string, props: Partial<PartnerCentralTaskPollerProps>, expected: unknown[]]>([
  ['no address', {}, [alarms, alerts]],
  ['no address and several sources', { furtherSources: [{ catalog: 'AWS' }] }, [alarms, alerts]],
  ['an address for alarms', { alarmEmail: 'a@example.com' }, [alerts]],
  ['an address for alerts', { alertEmail: 'a@example.com' }, [alarms]],
  ['both addresses', { alarmEmail: 'a@example.com', alertEmail: 'a@example.com' }, []],
  ['chats for alerts', { chatAlerts: true }, [alarms]],
  ['another topic for all alerts', { alertRoutes: { '*': topicArn } }, [alarms]],
  ['another topic for some alerts', { alertRoutes: { access: topicArn } }, [alarms, alerts]],
])('%s', (_, props, expected) => expect(warnings(poller(props).stack)).toEqual(expected));

test('existing topics for alarms', () => {
  const stack = new Stack(newApp(), 'Tasks');
  const alarmTopics = [Topic.fromTopicArn(stack, 'OnCall', topicArn)];
  expect(warnings(poller({ alarmTopics }, stack).stack)).toEqual([alerts]);
});

test('subscriptions that are added later, also in another stack', () => {
  const { stack, tasks } = poller();
  const other = new Stack(stack.node.root as App, 'Other');
  tasks.alertTopic.addSubscription(new SqsSubscription(new Queue(stack, 'Queue')));
  for (const topic of tasks.alarmTopics) topic.addSubscription(new SqsSubscription(new Queue(other, 'Queue')));
  expect(warnings(stack)).toEqual([]);
});

test('a subscription to another topic does not count', () => {
  const { stack } = poller();
  new Topic(stack, 'Unrelated').addSubscription(new SqsSubscription(new Queue(stack, 'Queue')));
  expect(warnings(stack)).toEqual([alarms, alerts]);
});

test('a poller in another account is looked at by itself', () => {
  const app = newApp();
  const [here, there] = ['111122223333', '444455556666'].map(account => {
    const stack = new Stack(app, `In${account}`, { env: { account, region: 'us-east-1' } });
    return poller({ alertEmail: 'a@example.com', alarmEmail: 'a@example.com' }, stack).stack;
  });
  expect([here, there].map(stack => warnings(stack as Stack))).toEqual([[], []]);
});

test('can be acknowledged', () => {
  const { stack, tasks } = poller();
  Annotations.of(tasks).acknowledgeWarning(alarms as string, 'The on-call team subscribes by itself.');
  expect(warnings(stack)).toEqual([alerts]);
});

test('is no error for the stand-alone stack, and names the keys to set', () => {
  const [stack] = synthesize({ bundle: false, validate: false, outdir: outdir() }).stacks;
  const texts = (stack?.messages ?? []).map(({ entry, level }) => `${level}: ${entry.data}`);
  expect(texts).toEqual([
    expect.stringMatching(/^warning: .*alertEmail.*nobodyGetsAlerts/),
    expect.stringMatching(/^warning: .*alarmEmail.*nobodyGetsAlarms/),
  ]);
});
