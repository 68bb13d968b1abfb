/** Which call starts a failed task anew, and what it is allowed to do. Pure. */
import type { TaskFailedDetail } from 'partner-central-task-poller/events';

/**
 * The IAM actions of each Start call: it makes others on behalf of its caller. The reference names them in its table of API
 * operations, but for CreateEngagementInvitation, which the API reference of that call names. Tags would take TagResource too.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_partner-central.html
 */
const actions = {
  OpportunityFromEngagement: [
    'StartOpportunityFromEngagementTask',
    'GetEngagement',
    'GetOpportunity',
    'CreateOpportunity',
    'CreateResourceSnapshot',
    'CreateResourceSnapshotJob',
    'StartResourceSnapshotJob',
  ],
  EngagementByAcceptingInvitation: [
    'StartEngagementByAcceptingInvitationTask',
    'GetEngagementInvitation',
    'AcceptEngagementInvitation',
    'GetOpportunity',
    'CreateOpportunity',
    'SubmitOpportunity',
    'CreateResourceSnapshot',
    'CreateResourceSnapshotJob',
    'StartResourceSnapshotJob',
  ],
  EngagementFromOpportunity: [
    'StartEngagementFromOpportunityTask',
    'GetOpportunity',
    'CreateEngagement',
    'CreateEngagementInvitation',
    'SubmitOpportunity',
    'CreateResourceSnapshot',
    'CreateResourceSnapshotJob',
    'StartResourceSnapshotJob',
  ],
} as const;

export type Family = keyof typeof actions;

/** The families that can be started again. */
export const restartedFamilies = (involvementType: string | undefined) =>
  (Object.keys(actions) as Family[]).filter(
    family => family !== 'EngagementFromOpportunity' || involvementType !== undefined,
  );

export const actionsOf = (families: readonly Family[]) =>
  [...new Set(families.flatMap(family => actions[family]))].sort().map(action => `partnercentral:${action}`);

/** The family and the input of its Start operation. */
export interface StartRequest {
  readonly family: Family;
  readonly input: {
    readonly Catalog: string;
    readonly ClientToken: string;
    readonly Identifier: string;
    readonly ContextIdentifier?: string;
    readonly AwsSubmission?: { readonly InvolvementType: string };
  };
}

/**
 * The ClientToken is the failure's eventId. It is new for each failure, so that Partner Central starts a new task, and the
 * same when a call is repeated, so that it starts only one.
 * @returns undefined where the event doesn't say what the task worked on, or nobody how AWS is to be involved
 */
export function startRequest(failure: TaskFailedDetail, involvementType: string | undefined): StartRequest | undefined {
  const { catalog: Catalog, taskType, eventId: ClientToken, contextId: ContextIdentifier } = failure;
  const Identifier = subjectOf(failure);
  if (Identifier === undefined) return undefined;
  const common = { Catalog, ClientToken, Identifier };
  switch (taskType) {
    case 'OpportunityFromEngagement':
      return ContextIdentifier === undefined
        ? undefined
        : { family: taskType, input: { ...common, ContextIdentifier } };
    case 'EngagementByAcceptingInvitation':
      return { family: taskType, input: common };
    case 'EngagementFromOpportunity':
      return involvementType === undefined
        ? undefined
        : { family: taskType, input: { ...common, AwsSubmission: { InvolvementType: involvementType } } };
    default:
      return undefined;
  }
}

/**
 * The work that a task was started for. It stays the same in the tasks that are started for it anew, and their failures
 * are counted together. Without the context, whose id in an answer may differ from the one in the request.
 */
export const workOf = (failure: TaskFailedDetail) =>
  [failure.catalog, failure.taskType, subjectOf(failure) ?? failure.taskId].join('/');

function subjectOf({ taskType, engagementId, engagementInvitationId, opportunityId }: TaskFailedDetail) {
  if (taskType === 'OpportunityFromEngagement') return engagementId;
  return taskType === 'EngagementFromOpportunity' ? opportunityId : engagementInvitationId;
}
