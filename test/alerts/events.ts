/** Failed tasks for the tests of their alerts. */
import { dealIn } from '../../lambdas/alerts/deals';
import type { FailedTask } from '../../lambdas/alerts/failed-task';
import type { PollerLogs } from '../../lambdas/alerts/logs-link';

export const logs: PollerLogs = {
  region: 'eu-west-1',
  groups: [
    ['Sandbox#OpportunityFromEngagement', '/aws/lambda/Poller-Logs'],
    ['AWS#EngagementFromOpportunity', '/aws/lambda/Other-Logs'],
  ],
};

export const failed: FailedTask = {
  schemaVersion: '1',
  eventId: 'a'.repeat(64),
  runId: '6752a8ee-657e-4906-854d-1becaa7b1917',
  catalog: 'Sandbox',
  taskType: 'OpportunityFromEngagement',
  taskId: 'task-dpf02ig3g2uui',
  taskArn: 'arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-dpf02ig3g2uui',
  taskStatus: 'FAILED',
  previousStatus: 'IN_PROGRESS',
  startTime: '2026-11-22T18:00:00.123Z',
  reasonCode: 'EngagementAccessDenied',
  reasonCategory: 'access',
  message: 'The caller has no access to the engagement.',
  opportunityId: 'O1234567',
  engagementId: 'eng-0123456789abcd',
  contextId: '1',
  detectedAfter: '2026-11-22T18:01:00.000Z',
  detectedBefore: '2026-11-22T18:02:00.000Z',
};

/** As a replay publishes it again: `runId` and `replayId` are the same. */
export const repeated: FailedTask = {
  ...failed,
  runId: '20261201T080000Z-abcdef',
  replayId: '20261201T080000Z-abcdef',
  replayAlerts: true,
  publishedAt: '2026-12-01T08:00:01Z',
};

export const invited: FailedTask = {
  ...failed,
  catalog: 'AWS',
  taskType: 'EngagementFromOpportunity',
  reasonCode: 'OpportunityValidationFailed',
  reasonCategory: 'validation',
  engagementInvitationId: 'engi-0123456789abc',
  contextId: undefined,
};

/** All that an event has to have. */
export const bare: FailedTask = {
  schemaVersion: '1',
  eventId: 'b'.repeat(64),
  runId: 'run-1',
  catalog: 'Sandbox',
  taskType: 'OpportunityFromEngagement',
  taskId: 'task-0000000000002',
  taskStatus: 'FAILED',
  detectedBefore: '2026-11-22T18:02:00.000Z',
};

/** Every text is as long as the character allows. */
export function monster(character: string, number: number): FailedTask {
  const huge = `${number}${character.repeat(5_000)}`;
  return {
    ...failed,
    eventId: String(number).padStart(64, '0'),
    startTime: '2026-11-22T18:00:00.123456789+00:00',
    runId: huge,
    catalog: huge,
    taskType: huge,
    taskId: `task-${number} ${huge}`,
    taskArn: huge,
    reasonCode: huge,
    reasonCategory: huge,
    message: huge,
    messageTruncated: true,
    opportunityId: huge,
    engagementId: huge,
    engagementInvitationId: huge,
    contextId: huge,
    deal: dealIn(
      { Title: huge, Contexts: [{ Id: huge, Type: 'Lead', Payload: customerOf(huge) }] },
      { ...failed, contextId: huge },
    ),
  };
}

const customerOf = (CompanyName: string) => ({ Lead: { Customer: { CompanyName }, Interactions: [] } });

/** So many, of which nothing is alike but the reasons, which take turns. */
export function burst(size: number, reasonCodes: readonly string[], message = 'Something was refused.'): FailedTask[] {
  return Array.from({ length: size }, (_, number) => ({
    ...failed,
    eventId: String(number).padStart(64, '0'),
    taskId: `task-${String(number).padStart(13, '0')}`,
    reasonCode: reasonCodes[number % reasonCodes.length],
    message: `${number}: ${message}`,
  }));
}

export const envelope = (detail: unknown) =>
  JSON.stringify({
    version: '0',
    id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
    'detail-type': 'TaskFailed',
    source: 'partnercentral.task-poller',
    account: '123456789012',
    time: '2026-11-22T18:02:01Z',
    region: 'us-east-1',
    resources: [],
    detail,
  });
