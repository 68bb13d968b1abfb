/** The only region of Partner Central, wherever the stack is. */
export const PARTNER_CENTRAL_REGION = 'us-east-1';

/** Settings that filter. Each family has some of them, and every family has `taskIdentifiers`. */
export type FilterKey =
  | 'opportunityIdentifiers'
  | 'engagementIdentifiers'
  | 'engagementInvitationIdentifiers'
  | 'contextIdentifiers';

export interface FamilyDescriptor {
  /** Its List operation. */
  readonly operation: `List${string}Tasks`;
  /** The IAM actions that it needs. https://docs.aws.amazon.com/service-authorization/latest/reference/list_awspartnercentral.html */
  readonly actions: readonly [string, ...string[]];
  /** Its filters: the name in a request, by the key of the configuration. */
  readonly filters: Readonly<Partial<Record<FilterKey, string>>>;
  /**
   * Detail types of Partner Central's own events that come with such a task.
   * https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-partnercentral-selling.html
   */
  readonly nativeEvents: readonly [string, ...string[]];
}

/**
 * The task families, with all that differs between them. One engine polls them all: status, reason, order and paging are
 * the same. Prospecting tasks are not polled yet: their list has an end time and counts of engagements, and the status and
 * reason of each engagement are in `GetProspectingFromEngagementTask`. One task has many outcomes, and a row has one.
 */
export const taskFamilies = {
  OpportunityFromEngagement: {
    operation: 'ListOpportunityFromEngagementTasks',
    // This operation needs both.
    actions: ['partnercentral:ListOpportunityFromEngagementTasks', 'partnercentral:ListEngagementFromOpportunityTasks'],
    filters: {
      opportunityIdentifiers: 'OpportunityIdentifier',
      engagementIdentifiers: 'EngagementIdentifier',
      contextIdentifiers: 'ContextIdentifier',
    },
    nativeEvents: ['Opportunity Created'],
  },
  EngagementFromOpportunity: {
    operation: 'ListEngagementFromOpportunityTasks',
    actions: ['partnercentral:ListEngagementFromOpportunityTasks'],
    filters: { opportunityIdentifiers: 'OpportunityIdentifier', engagementIdentifiers: 'EngagementIdentifier' },
    nativeEvents: ['Engagement Invitation Created', 'Engagement Member Added', 'Engagement Resource Snapshot Created'],
  },
  EngagementByAcceptingInvitation: {
    operation: 'ListEngagementByAcceptingInvitationTasks',
    actions: ['partnercentral:ListEngagementByAcceptingInvitationTasks'],
    filters: {
      opportunityIdentifiers: 'OpportunityIdentifier',
      engagementInvitationIdentifiers: 'EngagementInvitationIdentifier',
    },
    nativeEvents: ['Engagement Invitation Accepted', 'Engagement Member Joined', 'Opportunity Created'],
  },
} as const satisfies Record<string, FamilyDescriptor>;

export type TaskFamily = keyof typeof taskFamilies;

export const taskFamilyNames = Object.keys(taskFamilies) as [TaskFamily, ...TaskFamily[]];

/** The operation that starts such tasks, as CloudTrail names it. */
export const startOperation = (taskFamily: TaskFamily) => `Start${taskFamily}Task`;

/** For code that treats all families alike. */
export const familyOf = (taskFamily: TaskFamily): FamilyDescriptor => taskFamilies[taskFamily];
