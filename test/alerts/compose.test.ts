import { type Alert, composeAlerts } from '../../lambdas/alerts/compose';
import type { FailedTask } from '../../lambdas/alerts/failed-task';
import type { AlertRoutes } from '../../lambdas/alerts/routes';
import { reasonCategories } from '../../lambdas/task-event';
import { bare, failed, logs, repeated } from './events';

const own = 'arn:aws:sns:eu-west-1:123456789012:own';
const chat = 'arn:aws:sns:eu-west-1:123456789012:chat';
const team = 'arn:aws:sns:us-east-1:210987654321:security-team';
const nobodyKnows = () => false;

/** One task for each category, for none, and for one that is not known here. */
const tasks: FailedTask[] = [...reasonCategories, 'minted', undefined].map((reasonCategory, at) => ({
  ...bare,
  eventId: String(at).padStart(64, '0'),
  taskId: `task-${at}`,
  reasonCode: `Code${at}`,
  reasonCategory,
}));
const compose = (
  routes: AlertRoutes,
  chatTopicArn: string | undefined,
  isDelivered: (topicArn: string, task: FailedTask) => boolean = nobodyKnows,
) => composeAlerts(tasks, { topicArn: own, chatTopicArn, routes, logs }, isDelivered);
const told = (alerts: readonly Alert[]) =>
  alerts.map(({ format, topicArn, tasks }) => [format, topicArn, tasks.map(task => task.reasonCategory)]);
const allBut = (...categories: string[]) =>
  [...reasonCategories, 'minted', undefined].filter(one => !categories.includes(String(one)));

test('by default, one mail to the topic of the stack tells all', () => {
  expect(told(compose({ '*': 'default' }, undefined))).toEqual([['mail', own, allBut()]]);
});

test('each topic gets its categories, and the catch-all every other, also one that nobody knows yet', () => {
  expect(
    told(compose({ throttling: 'nowhere', access: team, 'not-permitted': team, '*': 'default' }, undefined)),
  ).toEqual(
    [
      ['mail', team, ['access', 'not-permitted']],
      ['mail', own, allBut('throttling', 'access', 'not-permitted')],
    ].sort((a, b) => (a[1] === team ? -1 : b[1] === team ? 1 : 0)),
  );
  expect(
    told(compose({ conflict: 'default', '*': team }, undefined)).map(([, topic, categories]) => [topic, categories]),
  ).toEqual(
    expect.arrayContaining([
      [own, ['conflict']],
      [team, allBut('conflict')],
    ]),
  );
});

test('a source has its own topic: its failures are in no mail to another', () => {
  const routes = { 'Sandbox/*': 'nowhere', 'AWS/EngagementFromOpportunity:access': team, '*': 'default' };
  const mixed = [
    { ...(tasks[0] as FailedTask), catalog: 'Sandbox' },
    { ...(tasks[0] as FailedTask), catalog: 'AWS' },
    { ...(tasks[0] as FailedTask), catalog: 'AWS', taskType: 'EngagementFromOpportunity' },
  ];
  const alerts = composeAlerts(mixed, { topicArn: own, chatTopicArn: chat, routes, logs }, nobodyKnows);
  expect(alerts.map(({ format, topicArn, tasks }) => [format, topicArn, tasks])).toEqual([
    ['mail', own, [mixed[1]]],
    ['mail', team, [mixed[2]]],
    ['chat', chat, [mixed[1], mixed[2]]],
  ]);
});

test('a chat is told of all that some mail tells, and of nothing that leads nowhere', () => {
  const alerts = compose({ throttling: 'nowhere', access: team, '*': 'default' }, chat);
  expect(told(alerts).filter(([format]) => format === 'chat')).toEqual([['chat', chat, allBut('throttling')]]);
  expect(JSON.parse(alerts.at(-1)?.message ?? '')).toMatchObject({ version: '1.0', source: 'custom' });
  expect(alerts.at(-1)).not.toHaveProperty('subject');
});

test('whoever has been told is not told again, and the others are', () => {
  const isDelivered = (topicArn: string, task: FailedTask) => topicArn === own && task.reasonCategory !== 'internal';
  expect(told(compose({ '*': 'default' }, chat, isDelivered))).toEqual([
    ['mail', own, ['internal']],
    ['chat', chat, allBut()],
  ]);
  expect(compose({ '*': 'default' }, chat, () => true)).toEqual([]);
});

test('what is new and what each replay repeats are messages of their own', () => {
  const other = { ...repeated, replayId: 'another' };
  const settings = { topicArn: own, chatTopicArn: chat, routes: {}, logs };
  const alerts = composeAlerts([repeated, failed, other, repeated], settings, nobodyKnows);
  expect(alerts.map(({ format, tasks }) => [format, tasks])).toEqual([
    ['mail', [repeated, repeated]],
    ['mail', [failed]],
    ['mail', [other]],
    ['chat', [repeated, repeated]],
    ['chat', [failed]],
    ['chat', [other]],
  ]);
});

test('nothing is told when all leads nowhere', () => {
  expect(
    composeAlerts([failed], { topicArn: own, chatTopicArn: chat, routes: { access: 'nowhere' }, logs }, nobodyKnows),
  ).toEqual([]);
});
