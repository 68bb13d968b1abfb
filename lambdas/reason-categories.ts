/**
 * Categories of the reason codes. Apart from their texts (reason-codes.ts), which the poller doesn't need: they would be
 * 6 KB of its bundle.
 */
import type { ReasonCode } from '@aws-sdk/client-partnercentral-selling';
import type { ReasonCategory } from './task-event';

export type KnownCategory = Exclude<ReasonCategory, 'unknown'>;

/** A newer SDK with a new code does not compile until it has a category. */
export const categoryOfCode: Readonly<Record<ReasonCode, KnownCategory>> = {
  InvitationAccessDenied: 'access',
  EngagementAccessDenied: 'access',
  OpportunityAccessDenied: 'access',
  ResourceSnapshotAccessDenied: 'access',
  ResourceSnapshotJobAccessDenied: 'access',
  InvitationValidationFailed: 'validation',
  EngagementValidationFailed: 'validation',
  OpportunityValidationFailed: 'validation',
  ResourceSnapshotValidationFailed: 'validation',
  ResourceSnapshotJobValidationFailed: 'validation',
  EngagementConflict: 'conflict',
  EngagementInvitationConflict: 'conflict',
  OpportunityConflict: 'conflict',
  ResourceSnapshotConflict: 'conflict',
  ResourceSnapshotJobConflict: 'conflict',
  OpportunitySubmissionFailed: 'submission',
  ServiceQuotaExceeded: 'quota',
  RequestThrottled: 'throttling',
  ContextNotFound: 'not-found',
  CustomerProjectContextNotPermitted: 'not-permitted',
  DisqualifiedLeadNotPermitted: 'not-permitted',
  InternalError: 'internal',
};

// Own keys only: the code comes from the API, and could be `constructor`.
export const reasonCategory = (reasonCode: string): ReasonCategory =>
  Object.hasOwn(categoryOfCode, reasonCode) ? categoryOfCode[reasonCode as ReasonCode] : 'unknown';
