/** Settings that filter, of which a family has some; `taskIdentifiers` they all have. */
export type FilterKey =
  | 'opportunityIdentifiers'
  | 'engagementIdentifiers'
  | 'engagementInvitationIdentifiers'
  | 'contextIdentifiers';

export interface FamilyDescriptor {
  /** Its List operation. */
  readonly operation: `List${string}Tasks`;
  /** What IAM asks for to let it be called. https://docs.aws.amazon.com/service-authorization/latest/reference/list_awspartnercentral.html */
  readonly actions: readonly [string, ...string[]];
  /** Its filters: how a key of the configuration is called in a request. */
  readonly filters: Readonly<Partial<Record<FilterKey, string>>>;
}

/**
 * The task families: all that tells them apart. One engine polls them all, for status, reason, order and paging are the
 * same, and a summary of one lacks at most what another has. (`ListProspectingFromEngagementTasks` has neither status nor reason, and can't be one of them.)
 */
export const taskFamilies = {
  OpportunityFromEngagement: {
    operation: 'ListOpportunityFromEngagementTasks',
    // The one operation needs both.
    actions: ['partnercentral:ListOpportunityFromEngagementTasks', 'partnercentral:ListEngagementFromOpportunityTasks'],
    filters: {
      opportunityIdentifiers: 'OpportunityIdentifier',
      engagementIdentifiers: 'EngagementIdentifier',
      contextIdentifiers: 'ContextIdentifier',
    },
  },
  EngagementFromOpportunity: {
    operation: 'ListEngagementFromOpportunityTasks',
    actions: ['partnercentral:ListEngagementFromOpportunityTasks'],
    filters: { opportunityIdentifiers: 'OpportunityIdentifier', engagementIdentifiers: 'EngagementIdentifier' },
  },
  EngagementByAcceptingInvitation: {
    operation: 'ListEngagementByAcceptingInvitationTasks',
    actions: ['partnercentral:ListEngagementByAcceptingInvitationTasks'],
    filters: {
      opportunityIdentifiers: 'OpportunityIdentifier',
      engagementInvitationIdentifiers: 'EngagementInvitationIdentifier',
    },
  },
} as const satisfies Record<string, FamilyDescriptor>;

export type TaskFamily = keyof typeof taskFamilies;

export const taskFamilyNames = Object.keys(taskFamilies) as [TaskFamily, ...TaskFamily[]];

/** The same by its interface, for code that treats all families alike. */
export const familyOf = (taskFamily: TaskFamily): FamilyDescriptor => taskFamilies[taskFamily];
