import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { tableSchema } from '../../lambdas/poller/table-schema';
import type { Encrypted } from './encryption-key';

/** The poller's memory. Losing it loses no task, but everything unsettled would have to be found again: it is kept. */
export class SnapshotTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { encryptionKey }: Encrypted = {}) {
    super(scope, id);
    const table = new Table(this, 'Table', {
      partitionKey: { name: tableSchema.partitionKey, type: AttributeType.STRING },
      sortKey: { name: tableSchema.sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: tableSchema.timeToLive,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Without a word on encryption it is under the key that AWS owns, which costs nothing and needs no grants.
      ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // Only unsettled rows carry the index's key, so a quiet poll reads next to nothing however long the history is.
    table.addGlobalSecondaryIndex({
      indexName: tableSchema.index.name,
      partitionKey: { name: tableSchema.index.partitionKey, type: AttributeType.STRING },
      sortKey: { name: tableSchema.index.sortKey, type: AttributeType.STRING },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...tableSchema.index.projected],
    });
    this.table = table;
  }
}
