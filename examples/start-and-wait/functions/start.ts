/** Starts the task. Step Functions retries after an error. */
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
      ClientToken: execution, // a retry gets the task of the first attempt
    }),
  );
  return { taskId };
}
