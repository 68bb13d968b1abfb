/** Asks Partner Central when no event came in time. Throws TaskHasFailed or TaskTookTooLong, which end the execution. */
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { waitForTask } from 'partner-central-task-poller/wait';
import type { Outcome } from './waiting';

const partnerCentral = new PartnerCentralSellingClient({ region: 'us-east-1' });

export async function handler({ taskId }: { readonly taskId: string }): Promise<Outcome> {
  const task = await waitForTask(partnerCentral, {
    catalog: process.env.CATALOG as string,
    taskType: 'OpportunityFromEngagement',
    taskId,
    maxWaitTime: Number(process.env.LOOK_UP_SECONDS),
  });
  const { OpportunityId: opportunityId, ResourceSnapshotJobId: resourceSnapshotJobId } = task;
  return { taskId, taskStatus: 'COMPLETE', opportunityId, resourceSnapshotJobId };
}
