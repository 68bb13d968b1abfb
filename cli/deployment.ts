import type { Settings } from '../lambdas/poller/settings';

/** One source as it is deployed: what its function is told. */
export interface DeployedSource {
  /** Such as Sandbox#OpportunityFromEngagement. */
  readonly id: string;
  readonly settings: Settings;
  readonly tableName: string;
  readonly eventBusName: string;
  readonly functionName: string;
}
