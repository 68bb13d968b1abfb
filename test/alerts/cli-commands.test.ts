import { dealCommand, onTwoLines, taskCommand } from '../../lambdas/alerts/cli-commands';
import { failed, invited } from './events';

const accepting = { ...invited, taskType: 'EngagementByAcceptingInvitation' };
const place = '--region us-east-1 --catalog';

test.each([
  [failed, 'list-opportunity-from-engagement-tasks', 'engagement', 'get-engagement', 'Sandbox', 'eng-0123456789abcd'],
  [invited, 'list-engagement-from-opportunity-tasks', 'opportunity', 'get-opportunity', 'AWS', 'O1234567'],
  [
    accepting,
    'list-engagement-by-accepting-invitation-tasks',
    'invitation',
    'get-engagement-invitation',
    'AWS',
    'engi-0123456789abc',
  ],
])('the family decides which commands show a task and its deal', (task, list, noun, get, catalog, id) => {
  expect(taskCommand(task)).toEqual({
    noun: 'task',
    text: `aws partnercentral-selling ${list} ${place} ${catalog} --task-identifier task-dpf02ig3g2uui`,
  });
  expect(dealCommand(task)).toEqual({
    noun,
    text: `aws partnercentral-selling ${get} ${place} ${catalog} --identifier ${id}`,
  });
});

test('two lines are one command to a shell, and short', () => {
  const command = taskCommand({ ...accepting, catalog: 'Sandbox' });
  if (!command) throw new Error('There is none');
  const [first = '', second = '', ...others] = onTwoLines(command);
  expect(others).toEqual([]);
  expect(`${first}\n${second}`.replace(/\\\n\s+/, '')).toBe(command.text);
  expect(Math.max(first.length, second.length)).toBeLessThanOrEqual(78);
});

test.each([
  { taskType: 'SomethingNew' },
  { taskType: 'constructor' },
  { catalog: 'Sand box' },
  { taskId: 'task-1; rm -rf /', engagementId: 'eng-0123456789abcd; rm -rf /' },
  { taskId: '$(reboot)', engagementId: undefined },
])('no command is made of what is none: %j', change => {
  expect(taskCommand({ ...failed, ...change })).toBeUndefined();
  expect(dealCommand({ ...failed, ...change })).toBeUndefined();
});
