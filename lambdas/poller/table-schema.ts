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
    // CloudFormation can't change these under the same name of the index, nor delete one index and make another at once.
    // What an older index doesn't keep is read as absent: then rows are read more often than need be, and the counts of
    // what stalls or is set aside are rougher. Every decision rests on the row.
    projected: ['status', 'startTime', 'fruitlessChecks', 'stalledAt', 'missing', 'lastError'],
  },
} as const;
