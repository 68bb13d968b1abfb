import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { tableSchema } from '../../lambdas/poller/table-schema';
import type { Encrypted } from './encryption-key';

interface SnapshotTableProps extends Encrypted {
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** State of the poller. It is retained by default: without it, the poller would no longer know the unsettled tasks. */
export class SnapshotTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: SnapshotTableProps = {}) {
    super(scope, id);
    const { encryptionKey, removalPolicy = RemovalPolicy.RETAIN } = props;
    const table = new Table(this, 'Table', {
      partitionKey: { name: tableSchema.partitionKey, type: AttributeType.STRING },
      sortKey: { name: tableSchema.sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: tableSchema.timeToLive,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Default: the key that AWS owns, which is free and needs no grants.
      ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
      deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
      removalPolicy,
    });
    // A sparse index: only unsettled rows have its key. The cost of a quiet poll does not grow with the history.
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
