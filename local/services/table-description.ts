/** Table settings of the template that the local engine does not support: TTL, protection, backups. */

import type { Template } from '../synthesized';
import { type Call, jsonReply, type Reply } from './service';

interface TableProperties {
  readonly TimeToLiveSpecification?: { readonly AttributeName: string; readonly Enabled: boolean };
  readonly DeletionProtectionEnabled?: boolean;
  readonly PointInTimeRecoverySpecification?: { readonly PointInTimeRecoveryEnabled?: boolean };
}

/**
 * @param tableIds logical ids of the tables, by name
 * @returns the changed answer, or the engine's
 */
export function describedByTemplate({ Resources }: Template, tableIds: ReadonlyMap<string, string>) {
  return ({ operation, input }: Call, answer: () => Promise<Reply>): Promise<Reply> | Reply => {
    const properties = Resources[tableIds.get(String(input.TableName)) ?? '']?.Properties as
      | TableProperties
      | undefined;
    if (properties === undefined) return answer();
    const ttl = properties.TimeToLiveSpecification;
    if (operation === 'DescribeTimeToLive')
      return jsonReply({
        TimeToLiveDescription: ttl?.Enabled
          ? { TimeToLiveStatus: 'ENABLED', AttributeName: ttl.AttributeName }
          : { TimeToLiveStatus: 'DISABLED' },
      });
    const recovers = properties.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled === true;
    if (operation === 'DescribeContinuousBackups')
      return jsonReply({
        ContinuousBackupsDescription: {
          ContinuousBackupsStatus: 'ENABLED',
          PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: recovers ? 'ENABLED' : 'DISABLED' },
        },
      });
    if (operation === 'DescribeTable')
      return answer().then(reply => {
        const described = JSON.parse(String(reply.body));
        if (!described.Table) return reply;
        described.Table.DeletionProtectionEnabled = properties.DeletionProtectionEnabled === true;
        return { ...reply, body: JSON.stringify(described) };
      });
    return answer();
  };
}
