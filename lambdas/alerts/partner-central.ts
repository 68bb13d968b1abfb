/** Reads engagements, opportunities and invitations. Loaded only where `describeDeals` is on. */
import {
  GetEngagementCommand,
  GetEngagementInvitationCommand,
  GetOpportunityCommand,
  PartnerCentralSellingClient,
} from '@aws-sdk/client-partnercentral-selling';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { PARTNER_CENTRAL_REGION } from '../poller/task-families';
import type { Question } from './deals';
import type { AskPartnerCentral } from './look-up';

// Two attempts of 1.5 seconds end within the time for all look-ups of a batch.
const impatient = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 1_500, throwOnRequestTimeout: true },
};

const commands = {
  GetEngagement: GetEngagementCommand,
  GetOpportunity: GetOpportunityCommand,
  GetEngagementInvitation: GetEngagementInvitationCommand,
} as const satisfies Record<Question['operation'], unknown>;
/** Any of them: their requests have the same shape. */
type AnyCommand = typeof GetEngagementCommand;

const clients = new Map<string, PartnerCentralSellingClient>();

/** @param role as in DealSources */
function clientFor(role: string): PartnerCentralSellingClient {
  const known = clients.get(role);
  if (known) return known;
  const [RoleArn, ExternalId] = role.split(' ');
  const client = new PartnerCentralSellingClient({
    ...impatient,
    region: PARTNER_CENTRAL_REGION,
    ...(RoleArn && {
      credentials: fromTemporaryCredentials({
        params: { RoleArn, RoleSessionName: 'task-alerts', ...(ExternalId && { ExternalId }) },
        clientConfig: impatient,
      }),
    }),
  });
  clients.set(role, client);
  return client;
}

export const askPartnerCentral: AskPartnerCentral = ({ operation, catalog, identifier }, roleArn, abortSignal) => {
  const Get = commands[operation] as AnyCommand;
  return clientFor(roleArn).send(new Get({ Catalog: catalog, Identifier: identifier }), { abortSignal });
};
