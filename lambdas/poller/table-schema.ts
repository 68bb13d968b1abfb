/** Names of the snapshot table's keys, index and expiry attribute, for the poller and the stack. */
export const tableSchema = {
  partitionKey: 'source',
  sortKey: 'item',
  timeToLive: 'expiresAt',
  index: {
    name: 'unsettled',
    partitionKey: 'unsettledSource',
    sortKey: 'nextCheckAt',
    // CloudFormation can't change these in place, nor delete one index and create another in one deployment. An attribute
    // that an older index lacks is read as absent: more rows are read than needed, and the counts of stalled and
    // quarantined tasks are less exact. Every decision is made on the row.
    projected: ['status', 'startTime', 'fruitlessChecks', 'stalledAt', 'missing', 'lastError'],
  },
} as const;
