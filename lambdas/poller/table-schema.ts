/**
 * Names of the snapshot table's keys, index and expiry attribute: the one place both the poller and
 * the stack take them from.
 */
export const tableSchema = {
  partitionKey: 'source',
  sortKey: 'item',
  timeToLive: 'expiresAt',
  index: {
    name: 'unsettled',
    partitionKey: 'unsettledSource',
    sortKey: 'nextCheckAt',
    projected: ['status', 'startTime', 'fruitlessChecks', 'stalledAt', 'missing', 'lastError'],
  },
} as const;
