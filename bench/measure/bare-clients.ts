/** The poller's three SDK clients and nothing else: the minimum that any poller loads. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PartnerCentralSellingClient } from '@aws-sdk/client-partnercentral-selling';

export const clients = [
  new PartnerCentralSellingClient({ region: 'us-east-1' }),
  new DynamoDBClient({}),
  new EventBridgeClient({}),
];
