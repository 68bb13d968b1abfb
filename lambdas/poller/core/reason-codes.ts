import type { ReasonCategory } from '../../task-event';

/**
 * The reason codes in the service model of 2022-07-26 and our grouping of them. AWS documents no meanings; the names are
 * all there is. The list is open: it doubled within a year, so a code that isn't here is passed on as it came.
 */
const categories: ReadonlyMap<string, ReasonCategory> = new Map([
  ['InvitationAccessDenied', 'access'],
  ['EngagementAccessDenied', 'access'],
  ['OpportunityAccessDenied', 'access'],
  ['ResourceSnapshotAccessDenied', 'access'],
  ['ResourceSnapshotJobAccessDenied', 'access'],
  ['InvitationValidationFailed', 'validation'],
  ['EngagementValidationFailed', 'validation'],
  ['OpportunityValidationFailed', 'validation'],
  ['ResourceSnapshotValidationFailed', 'validation'],
  ['ResourceSnapshotJobValidationFailed', 'validation'],
  ['EngagementConflict', 'conflict'],
  ['EngagementInvitationConflict', 'conflict'],
  ['OpportunityConflict', 'conflict'],
  ['ResourceSnapshotConflict', 'conflict'],
  ['ResourceSnapshotJobConflict', 'conflict'],
  ['OpportunitySubmissionFailed', 'submission'],
  ['ServiceQuotaExceeded', 'quota'],
  ['RequestThrottled', 'throttling'],
  ['ContextNotFound', 'not-found'],
  ['CustomerProjectContextNotPermitted', 'not-permitted'],
  ['DisqualifiedLeadNotPermitted', 'not-permitted'],
  ['InternalError', 'internal'],
]);

export const knownReasonCodes = [...categories.keys()];

export const reasonCategory = (reasonCode: string): ReasonCategory => categories.get(reasonCode) ?? 'unknown';
