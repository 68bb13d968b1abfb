/** Texts about the tasks of a family: what they do, how to list them, and what a reason code means for them. */
import type { ReasonCode } from '@aws-sdk/client-partnercentral-selling';
import type { TaskFamily } from '../poller/task-families';
import { type ReasonText, reasonText } from '../reason-codes';
import { plainAscii } from './text';

interface TaskType {
  /** What the task does, as a verb phrase that follows `to`. */
  readonly does: string;
  /** Overrides of the common texts, which are written for OpportunityFromEngagement. */
  readonly reasonTexts: Readonly<Partial<Record<ReasonCode, ReasonText>>>;
}

const thenStartAgain =
  'Then start the task again with a new ClientToken: it goes on with an engagement or an invitation that exists already.';

/** The steps of a task are documented in the API reference of its Start operation. */
const taskTypes: Readonly<Record<TaskFamily, TaskType>> = {
  OpportunityFromEngagement: { does: 'create an opportunity from an engagement', reasonTexts: {} },
  EngagementFromOpportunity: {
    does: 'create an engagement from an opportunity',
    reasonTexts: {
      InvitationAccessDenied: {
        meaning: 'The role that started the task may not invite to the engagement.',
        action: `Allow that role partnercentral:CreateEngagementInvitation in this catalog. ${thenStartAgain}`,
      },
      EngagementAccessDenied: {
        meaning: 'The role that started the task may not create the engagement.',
        action:
          'Allow that role partnercentral:CreateEngagement in this catalog, then start the task again with a new ClientToken.',
      },
      OpportunityAccessDenied: {
        meaning: 'The role that started the task may not read or submit the opportunity.',
        action: `Allow that role partnercentral:GetOpportunity and SubmitOpportunity in this catalog, and check that the opportunity belongs to this account. ${thenStartAgain}`,
      },
      ResourceSnapshotAccessDenied: {
        meaning: 'The role that started the task may not put a snapshot of the opportunity into the engagement.',
        action: `Allow that role partnercentral:CreateResourceSnapshot in this catalog. ${thenStartAgain}`,
      },
      ResourceSnapshotJobAccessDenied: {
        meaning: 'The job that shares the opportunity with the engagement could not be created.',
        action: `Allow the role that started the task partnercentral:CreateResourceSnapshotJob, and check the role for snapshot jobs in the selling system settings. ${thenStartAgain}`,
      },
      InvitationValidationFailed: {
        meaning: 'The invitation to the engagement was refused: something that it needs is missing or not allowed.',
        action: `Correct what the message names in the opportunity. ${thenStartAgain}`,
      },
      EngagementValidationFailed: {
        meaning: 'No engagement could be made of the opportunity: it lacks something or has a value that is refused.',
        action: 'Correct what the message names in the opportunity, then start the task again with a new ClientToken.',
      },
      OpportunityValidationFailed: {
        meaning: 'The opportunity was refused: a required field is missing, or a value is not allowed.',
        action: `Complete the field that the message names in the opportunity, such as customer, project, close date or expected spend. ${thenStartAgain}`,
      },
      ResourceSnapshotValidationFailed: {
        meaning: 'No snapshot could be made of the opportunity: it lacks what the snapshot template needs.',
        action: `Complete the field that the message names in the opportunity. ${thenStartAgain}`,
      },
      ResourceSnapshotJobValidationFailed: {
        meaning: 'The job that shares the opportunity with the engagement does not fit the two or its template.',
        action: `Check that the opportunity is still open. ${thenStartAgain}`,
      },
      ResourceSnapshotConflict: {
        meaning: 'The same snapshot of the opportunity exists already, or is being made by something else.',
        action:
          'Check whether the opportunity shows up in the engagement and has been submitted. If both are so, there is nothing left to do; otherwise start the task again with a new ClientToken.',
      },
      EngagementInvitationConflict: {
        meaning: 'There is an invitation already, or somebody or something else changed it while the task ran.',
        action:
          'Check whether AWS has been invited to the engagement of this opportunity. If so, check whether the opportunity was submitted; start the task again with a new ClientToken only if it was not.',
      },
      OpportunityConflict: {
        meaning: 'The opportunity was changed by somebody else while the task ran, or is past being submitted.',
        action:
          'Look at the review status of the opportunity. If it has been submitted, there is nothing left to do; otherwise start the task again with a new ClientToken.',
      },
      OpportunitySubmissionFailed: {
        meaning: 'The opportunity was not submitted to AWS for review; its engagement may exist already.',
        action: `Complete what the review needs in the opportunity. ${thenStartAgain}`,
      },
      InternalError: {
        meaning: 'Something failed inside Partner Central.',
        action:
          'Check whether the opportunity has been submitted; if not, start the task again with a new ClientToken. If it fails again, give AWS Support the id of the task.',
      },
    },
  },
  EngagementByAcceptingInvitation: {
    does: 'accept an invitation to an engagement',
    reasonTexts: {
      EngagementAccessDenied: {
        meaning: 'The account or the role that started the task has no access to the engagement of the invitation.',
        action:
          'Check that the invitation was sent to this AWS account, and that the role that started the task is allowed partnercentral:GetEngagement. Then start the task again with a new ClientToken.',
      },
      EngagementValidationFailed: {
        meaning: 'The engagement of the invitation lacks something that the task needs or has a value that is refused.',
        action:
          'Tell the sender of the invitation what the message names, and start the task again with a new ClientToken once it is corrected.',
      },
      OpportunityValidationFailed: {
        meaning: 'The opportunity that comes with the invitation was refused: a field is missing or not allowed.',
        action:
          'Check whether the invitation counts as accepted and an opportunity was created. If so, complete there the field that the message names; if not, tell the sender of the invitation.',
      },
      InternalError: {
        meaning: 'Something failed inside Partner Central.',
        action:
          'Check whether the invitation counts as accepted and its opportunity exists; if not, start the task again with a new ClientToken. If it fails again, give AWS Support the id of the task.',
      },
    },
  },
};

// The type comes from an event: a newer poller may have more of them.
const isKnown = (taskType: string): taskType is TaskFamily => Object.hasOwn(taskTypes, taskType);

/** `to create …`: follows `task`. */
export const purpose = (taskType: string): string =>
  isKnown(taskType) ? `to ${taskTypes[taskType].does}` : `of type ${plainAscii(taskType).slice(0, 60)}`;

/** The text about a reason code for a task of this type. */
export const reasonTextFor = (taskType: string, reasonCode: string | undefined): ReasonText => {
  const reasonTexts: Readonly<Record<string, ReasonText>> = isKnown(taskType) ? taskTypes[taskType].reasonTexts : {};
  const override =
    reasonCode !== undefined && Object.hasOwn(reasonTexts, reasonCode) ? reasonTexts[reasonCode] : undefined;
  return override ?? reasonText(reasonCode);
};
