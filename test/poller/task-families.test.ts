/** Requirements of a task family, checked by the compiler: each `@ts-expect-error` fails the type check once its line compiles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type EngagementProspectingResult,
  ListEngagementByAcceptingInvitationTasksCommand,
  ListEngagementFromOpportunityTasksCommand,
  ListOpportunityFromEngagementTasksCommand,
  type ListProspectingFromEngagementTasksRequest,
  type ProspectingTaskSummary,
} from '@aws-sdk/client-partnercentral-selling';
import { readSummary } from '../../lambdas/poller/core/task';
import type { ListCommands } from '../../lambdas/poller/edges/partner-central';
import {
  type FamilyDescriptor,
  familyOf,
  type TaskFamily,
  type taskFamilies,
  taskFamilyNames,
} from '../../lambdas/poller/task-families';

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
  // @ts-expect-error a Start command lists no tasks
  ({ ...others, EngagementFromOpportunity: class {} }) satisfies ListCommands;
});

test('a family without operation, IAM action or filters, or with a filter that is no setting, does not compile', () => {
  const whole = {
    operation: 'ListSomethingTasks',
    actions: ['partnercentral:ListSomethingTasks'],
    filters: { opportunityIdentifiers: 'OpportunityIdentifier' },
    nativeEvents: ['Opportunity Created'],
  } as const satisfies FamilyDescriptor;
  const { operation, ...nameless } = whole;
  // @ts-expect-error the operation is missing
  nameless satisfies FamilyDescriptor;
  // @ts-expect-error the IAM action is missing
  ({ ...whole, actions: [] }) satisfies FamilyDescriptor;
  // @ts-expect-error no such operation
  ({ ...whole, operation: 'StartSomethingTask' }) satisfies FamilyDescriptor;
  // @ts-expect-error no such setting
  ({ ...whole, filters: { invitations: 'EngagementInvitationIdentifier' } }) satisfies FamilyDescriptor;
  // @ts-expect-error no such family
  'ProspectingFromEngagement' satisfies TaskFamily;
  expect(operation).toBe('ListSomethingTasks');
});

/** The SDK's filters of a family. The SDK silently omits filters that an operation does not support. */
type SdkFilters<F extends TaskFamily> = Exclude<
  Extract<keyof ConstructorParameters<ListCommands[F]>[0], `${string}Identifier`>,
  'TaskIdentifier'
>;
type OurFilters<F extends TaskFamily, D = (typeof taskFamilies)[F]['filters']> = D[keyof D];
type Same<A, B> = [A, B] extends [B, A] ? true : false;

test("a family's filters are those of its operation: one more or one less does not compile", () => {
  const same: { [F in TaskFamily]: Same<SdkFilters<F>, OurFilters<F>> } = {
    OpportunityFromEngagement: true,
    EngagementFromOpportunity: true,
    EngagementByAcceptingInvitation: true,
  };
  // @ts-expect-error the filters of two families differ
  const others: Same<SdkFilters<'OpportunityFromEngagement'>, OurFilters<'EngagementFromOpportunity'>> = true;
  expect([Object.keys(same).length, others]).toEqual([3, true]);
});

test('each family has the List operation and IAM action of its name', () => {
  for (const name of taskFamilyNames) {
    const { operation, actions } = familyOf(name);
    expect(operation).toBe(`List${name}Tasks`);
    expect(actions).toContain(`partnercentral:${operation}`);
  }
});

test('summaries of all families are read alike', () => {
  const summary = { TaskId: 'task-1', TaskStatus: 'COMPLETE', EngagementInvitationId: 'engi-1', ContextId: '' };
  expect(readSummary(summary)).toEqual({ taskId: 'task-1', status: 'COMPLETE', engagementInvitationId: 'engi-1' });
});

test('docs/guarantees.md describes prospecting tasks like the SDK', () => {
  const inList: (keyof ProspectingTaskSummary)[] = ['EndTime', 'CompletedEngagementCount', 'FailedEngagementCount'];
  const inRequest: (keyof ListProspectingFromEngagementTasksRequest)[] = ['StartAfter', 'StartBefore'];
  const ofAnEngagement: (keyof EngagementProspectingResult)[] = ['Status', 'ReasonCode'];
  // @ts-expect-error a task has no status of its own
  'TaskStatus' satisfies keyof ProspectingTaskSummary;
  // @ts-expect-error nor a reason code
  'ReasonCode' satisfies keyof ProspectingTaskSummary;
  const readme = readFileSync(join(__dirname, '..', '..', 'docs', 'guarantees.md'), 'utf8');
  const [said, ...more] = readme.split('\n').filter(line => line.includes('`ListProspectingFromEngagementTasks`'));
  expect(more).toEqual([]);
  for (const name of [...inList, ...inRequest, ...ofAnEngagement]) expect(said).toContain(`\`${name}\``);
});
