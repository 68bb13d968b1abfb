/** Starts the task. What it throws, Step Functions tries again. */
import {
  PartnerCentralSellingClient,
  StartOpportunityFromEngagementTaskCommand,
} from '@aws-sdk/client-partnercentral-selling';

const partnerCentral = new PartnerCentralSellingClient({ region: 'us-east-1' });

interface Input {
  readonly engagementId: string;
  readonly contextId: string;
  readonly execution: string;
}

export async function handler({ engagementId, contextId, execution }: Input) {
  const { TaskId: taskId } = await partnerCentral.send(
    new StartOpportunityFromEngagementTaskCommand({
      Catalog: process.env.CATALOG,
      Identifier: engagementId,
      ContextIdentifier: contextId,
      ClientToken: execution, // a second attempt gets the task of the first
    }),
  );
  return { taskId };
}
