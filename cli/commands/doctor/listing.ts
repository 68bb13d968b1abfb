/** May the tasks be listed? */
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { type ListCommand, listCommands } from '../../../lambdas/poller/edges/partner-central';
import { PARTNER_CENTRAL_REGION, type Settings } from '../../../lambdas/poller/settings';
import { type TaskFamily, taskFamilies, taskFamilyNames } from '../../../lambdas/poller/task-families';
import type { Aws } from '../../lib/aws';
import { type Sending, Wrong } from './check';

export type ListingSettings = Pick<Settings, 'catalog' | 'taskFamily' | 'assumeRoleArn' | 'externalId'>;

/** By its type, each action that a family needs is the List operation of a family. */
export type ListAction = `partnercentral:${(typeof taskFamilies)[TaskFamily]['operation']}`;

export const actionsOf = (taskFamily: TaskFamily): readonly ListAction[] => taskFamilies[taskFamily].actions;

const commandOf = (action: ListAction) =>
  listCommands[
    taskFamilyNames.find(name => action === `partnercentral:${taskFamilies[name].operation}`) as TaskFamily
  ] as ListCommand;

export function connectForListing(aws: Aws, { assumeRoleArn: RoleArn, externalId: ExternalId }: ListingSettings) {
  return new PartnerCentralSellingClient({
    ...aws('PARTNERCENTRAL_SELLING'),
    region: PARTNER_CENTRAL_REGION,
    ...(RoleArn && {
      credentials: fromTemporaryCredentials({
        params: { RoleArn, RoleSessionName: 'task-poller-doctor', ...(ExternalId && { ExternalId }) },
        clientConfig: aws('STS'),
      }),
    }),
  });
}

export async function mayList(
  client: PartnerCentralSellingClient,
  action: ListAction,
  { catalog, assumeRoleArn }: ListingSettings,
  sending: Sending,
) {
  const List = commandOf(action);
  await client.send(new List({ Catalog: catalog, MaxResults: 1 }), sending).catch((error: Error) => {
    if (!/^AccessDenied(Exception)?$/.test(error.name)) throw error;
    if (assumeRoleArn && /sts:AssumeRole/.test(error.message))
      throw new Wrong(
        `you may not assume ${assumeRoleArn}. The poller may still be allowed to: see its last poll. To check it from here, let the role's trust policy name you and allow yourself sts:AssumeRole.`,
      );
    throw new Wrong(
      `${assumeRoleArn ?? 'your credentials'} may not use ${action} in catalog ${catalog}: allow it, and check that the account is the one linked to Partner Central.`,
    );
  });
  return [true, `catalog ${catalog}, ${assumeRoleArn ? `through ${assumeRoleArn}` : 'by your credentials'}`] as const;
}
