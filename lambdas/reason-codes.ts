/**
 * Reason codes of failed tasks: each code in the service model of 2022-07-26, with our interpretation. The alerts, the
 * README and the tests read this table.
 *
 * AWS documents no meanings. The texts are inferred from the names, from the operations that a task calls and from the
 * settings that these need. They say what to check first. The list is open: it doubled within a year. An unknown code is
 * published as it is, and its alert says that this release does not know it.
 */
import type { ReasonCode } from '@aws-sdk/client-partnercentral-selling';
import { categoryOfCode, type KnownCategory } from './reason-categories';

export interface ReasonText {
  /** One sentence. */
  readonly meaning: string;
  /** What an operator should check or do. One or two sentences. */
  readonly action: string;
}

export interface KnownReason extends ReasonText {
  readonly category: KnownCategory;
}

/** Requires a text for each code of the SDK: a newer SDK with a new code does not compile until it has one. */
export type ReasonTexts = Readonly<Record<ReasonCode, ReasonText>>;

const texts: ReasonTexts = {
  InvitationAccessDenied: {
    meaning: 'The role that started the task may not read or accept the engagement invitation.',
    action:
      'Allow that role partnercentral:GetEngagementInvitation and AcceptEngagementInvitation, and check that the invitation was sent to this AWS account. Then start the task again with a new ClientToken.',
  },
  EngagementAccessDenied: {
    meaning: 'The account or the role that started the task has no access to the engagement.',
    action:
      'Check that your company accepted the invitation to this engagement, and that the role that started the task is allowed partnercentral:GetEngagement. Then start the task again with a new ClientToken.',
  },
  OpportunityAccessDenied: {
    meaning: 'The role that started the task may not create or change the opportunity.',
    action:
      'Allow that role partnercentral:CreateOpportunity, GetOpportunity and UpdateOpportunity in this catalog, then start the task again with a new ClientToken.',
  },
  ResourceSnapshotAccessDenied: {
    meaning: 'The role that started the task may not put a snapshot of the opportunity into the engagement.',
    action:
      'Allow that role partnercentral:CreateResourceSnapshot, and check that your company is still a member of the engagement. The opportunity may exist already: look for it before you start the task again with a new ClientToken.',
  },
  ResourceSnapshotJobAccessDenied: {
    meaning: 'The job that shares the opportunity with the engagement could not be created or started.',
    action:
      'Allow the role that started the task partnercentral:CreateResourceSnapshotJob and StartResourceSnapshotJob, and check the role for snapshot jobs in the selling system settings. The opportunity may exist already: look for it before you start the task again with a new ClientToken.',
  },
  InvitationValidationFailed: {
    meaning: 'The invitation could not be used: it may have expired, or been rejected or accepted before.',
    action:
      'Look at the status and the expiry of the invitation in Partner Central. If it has expired, ask the sender for a new one.',
  },
  EngagementValidationFailed: {
    meaning: 'The engagement, or its context, lacks something that the task needs or has a value that is refused.',
    action:
      "Correct what the message names in the engagement's context (customer, project, contacts), then start the task again with a new ClientToken.",
  },
  OpportunityValidationFailed: {
    meaning: 'The opportunity was refused: a required field is missing, or a value is not allowed.',
    action:
      "Complete the field that the message names, such as customer, project, close date or expected spend in the engagement's context, then start the task again with a new ClientToken.",
  },
  ResourceSnapshotValidationFailed: {
    meaning: 'No snapshot could be made of the opportunity: it lacks what the snapshot template needs.',
    action:
      'Complete the field that the message names in the opportunity. The opportunity may exist already: look for it before you start the task again with a new ClientToken.',
  },
  ResourceSnapshotJobValidationFailed: {
    meaning: 'The job that shares the opportunity with the engagement does not fit the two or its template.',
    action:
      'Check that the opportunity belongs to the engagement and is still open. The opportunity may exist already: look for it before you start the task again with a new ClientToken.',
  },
  EngagementConflict: {
    meaning: 'Somebody or something else changed the engagement while the task ran.',
    action:
      'Start the task again with a new ClientToken. If it fails the same way, look for a second task, integration or colleague at work on this engagement.',
  },
  EngagementInvitationConflict: {
    meaning: 'Somebody or something else accepted, rejected or changed the invitation while the task ran.',
    action:
      'Check whether a colleague or another task has accepted it already. If so, use that engagement; there is nothing else to do.',
  },
  OpportunityConflict: {
    meaning: 'The opportunity exists already, or was changed by somebody else while the task ran.',
    action:
      'Look for an opportunity made from the same engagement, and go on with that one. Start the task again with a new ClientToken only if there is none.',
  },
  ResourceSnapshotConflict: {
    meaning: 'The same snapshot of the opportunity exists already, or is being made by something else.',
    action:
      'Check whether the opportunity was created and shows up in the engagement. If both are so, there is nothing left to do.',
  },
  ResourceSnapshotJobConflict: {
    meaning: 'There is a snapshot job for this opportunity and engagement already, or it was changed meanwhile.',
    action:
      'Look at it with partnercentral-selling list-resource-snapshot-jobs. If it runs, there is nothing left to do; if it has stopped, start it.',
  },
  OpportunitySubmissionFailed: {
    meaning: 'The opportunity was created, but not submitted to AWS for review.',
    action:
      'Open the opportunity in Partner Central, complete what the review needs, and submit it there. Starting the task again with a new ClientToken may create a second one.',
  },
  ServiceQuotaExceeded: {
    meaning: 'A Partner Central quota of this account is used up.',
    action:
      'Find the quota that the message names in Service Quotas (us-east-1). Wait if it is a daily one, ask for an increase otherwise, then start the task again with a new ClientToken.',
  },
  RequestThrottled: {
    meaning: 'Too many requests to Partner Central at once; the task itself may be in order.',
    action:
      'Start the task again with a new ClientToken in some minutes. If this repeats, start fewer tasks at once: all tools in the account, your CRM too, share the quota.',
  },
  ContextNotFound: {
    meaning: 'The engagement has no context with the identifier that the task was started with.',
    action:
      'Compare it with the contexts that partnercentral-selling get-engagement shows, and start a task with one of those and a new ClientToken.',
  },
  CustomerProjectContextNotPermitted: {
    meaning: 'No opportunity may be made from a customer project context in this engagement.',
    action:
      "Check the type of the context and your company's part in the engagement. Ask its owner if an opportunity was expected.",
  },
  DisqualifiedLeadNotPermitted: {
    meaning: 'The lead is disqualified, and no opportunity may be made from it.',
    action:
      'If it was disqualified by mistake, qualify the lead in the engagement and start the task again with a new ClientToken. Otherwise there is nothing to do.',
  },
  InternalError: {
    meaning: 'Something failed inside Partner Central.',
    action:
      'Check whether the opportunity exists; if not, start the task again with a new ClientToken. If it fails again, give AWS Support the id of the task.',
  },
};

export const knownReasonCodes = Object.keys(texts) as ReasonCode[];

/** Each known code with its category. */
export const reasons = Object.fromEntries(
  knownReasonCodes.map(code => [code, { category: categoryOfCode[code], ...texts[code] }]),
) as Readonly<Record<ReasonCode, KnownReason>>;

const unknownReason: ReasonText = {
  meaning: 'This is a reason code that this release does not know.',
  action: 'Read the message, and look at the task in Partner Central. A newer release may know the code.',
};

const noReason: ReasonText = {
  meaning: 'Partner Central gave no reason code.',
  action: 'Read the message if there is one, and look at the task and its engagement in Partner Central.',
};

// Own keys only: the code comes from the API, and could be `constructor`.
const known = (reasonCode: string): ReasonText | undefined =>
  Object.hasOwn(texts, reasonCode) ? texts[reasonCode as ReasonCode] : undefined;

/** The text about a code, including unknown and absent ones. */
export const reasonText = (reasonCode: string | undefined): ReasonText =>
  reasonCode === undefined ? noReason : (known(reasonCode) ?? unknownReason);
