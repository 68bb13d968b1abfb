/** The poller's three clients and nothing else: what any poller has to load. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';

export const clients = [
  new PartnerCentralSellingClient({ region: 'us-east-1' }),
  new DynamoDBClient({}),
  new EventBridgeClient({}),
];
