/**
 * Every reason code of the API's model, with a sample message. AWS does not document their meaning: the messages are
 * ours, and no code may depend on them.
 */
export const sampleFailures = [
  { reasonCode: 'InvitationAccessDenied', message: 'The caller may not read the engagement invitation.' },
  { reasonCode: 'InvitationValidationFailed', message: 'The invitation has expired and can no longer be accepted.' },
  { reasonCode: 'EngagementAccessDenied', message: 'The caller is not a member of the engagement.' },
  { reasonCode: 'OpportunityAccessDenied', message: 'The role lacks permission to create an opportunity.' },
  { reasonCode: 'ResourceSnapshotJobAccessDenied', message: 'The role lacks permission to start a snapshot job.' },
  { reasonCode: 'ResourceSnapshotJobValidationFailed', message: 'The snapshot template does not fit the opportunity.' },
  { reasonCode: 'ResourceSnapshotJobConflict', message: 'A snapshot job for this opportunity is already running.' },
  { reasonCode: 'EngagementValidationFailed', message: 'The engagement has no context of a customer project.' },
  { reasonCode: 'EngagementConflict', message: 'The engagement was changed while the task was running. Try again.' },
  { reasonCode: 'OpportunitySubmissionFailed', message: 'The opportunity was created but could not be submitted.' },
  { reasonCode: 'EngagementInvitationConflict', message: 'Another task is accepting the same invitation.' },
  { reasonCode: 'InternalError', message: 'An internal error occurred.' },
  {
    reasonCode: 'OpportunityValidationFailed',
    message: 'Project.ExpectedCustomerSpend is missing; "Amount" is required.',
  },
  { reasonCode: 'OpportunityConflict', message: 'An opportunity for this customer project exists already.' },
  { reasonCode: 'ResourceSnapshotAccessDenied', message: 'The caller may not create a snapshot in this engagement.' },
  {
    reasonCode: 'ResourceSnapshotValidationFailed',
    message: 'The opportunity lacks fields that a snapshot must have.',
  },
  { reasonCode: 'ResourceSnapshotConflict', message: 'A snapshot of this revision exists already.' },
  { reasonCode: 'ServiceQuotaExceeded', message: 'The account has reached its limit of open opportunities.' },
  { reasonCode: 'RequestThrottled', message: 'Too many requests while the task was running.' },
  { reasonCode: 'ContextNotFound', message: 'The engagement has no context with this identifier.' },
  { reasonCode: 'CustomerProjectContextNotPermitted', message: 'This engagement type takes no customer project.' },
  {
    reasonCode: 'DisqualifiedLeadNotPermitted',
    message: 'The lead was disqualified: no opportunity can be made of it.',
  },
] as const;
