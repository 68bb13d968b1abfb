/** What a family needs to be one, as the compiler sees it: each `@ts-expect-error` fails the type check once its line compiles. */
import {
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
} from '@aws-sdk/client-partnercentral-selling';
import { readSummary } from '../../lambdas/poller/core/task';
import type { ListCommands } from '../../lambdas/poller/edges/partner-central';
import { type FamilyDescriptor, familyOf, type TaskFamily, taskFamilyNames } from '../../lambdas/poller/task-families';

test('a family without a command, or with one that the SDK lacks, does not compile', () => {
  const commands = {
    OpportunityFromEngagement: ListOpportunityFromEngagementTasksCommand,
    EngagementFromOpportunity: ListEngagementFromOpportunityTasksCommand,
    EngagementByAcceptingInvitation: ListEngagementByAcceptingInvitationTasksCommand,
  } satisfies ListCommands;
  expect(Object.keys(commands).sort()).toEqual([...taskFamilyNames].sort());
  const { EngagementFromOpportunity, ...others } = commands;
  // @ts-expect-error its command is missing
  others satisfies ListCommands;
  // @ts-expect-error a task that starts is no list of tasks
  ({ ...others, EngagementFromOpportunity: class {} }) satisfies ListCommands;
});

test('a family without operation, IAM action or filters, or with a filter that is no setting, does not compile', () => {
  const whole = {
    operation: 'ListSomethingTasks',
    actions: ['partnercentral:ListSomethingTasks'],
    filters: { opportunityIdentifiers: 'OpportunityIdentifier' },
  } as const satisfies FamilyDescriptor;
  const { operation, ...nameless } = whole;
  // @ts-expect-error the operation is missing
  nameless satisfies FamilyDescriptor;
  // @ts-expect-error nobody could allow it
  ({ ...whole, actions: [] }) satisfies FamilyDescriptor;
  // @ts-expect-error no operation of the kind
  ({ ...whole, operation: 'StartSomethingTask' }) satisfies FamilyDescriptor;
  // @ts-expect-error no setting of this name
  ({ ...whole, filters: { invitations: 'EngagementInvitationIdentifier' } }) satisfies FamilyDescriptor;
  // @ts-expect-error no family of this name
  'ProspectingFromEngagement' satisfies TaskFamily;
  expect(operation).toBe('ListSomethingTasks');
});

test('each lists what its name says, and may be allowed to', () => {
  for (const name of taskFamilyNames) {
    const { operation, actions } = familyOf(name);
    expect(operation).toBe(`List${name}Tasks`);
    expect(actions).toContain(`partnercentral:${operation}`);
  }
});

test('a summary is read alike for all', () => {
  const summary = { TaskId: 'task-1', TaskStatus: 'COMPLETE', EngagementInvitationId: 'engi-1', ContextId: '' };
  expect(readSummary(summary)).toEqual({ taskId: 'task-1', status: 'COMPLETE', engagementInvitationId: 'engi-1' });
});
