/** The steps of the state machine: plan, start, and say that it gave up. Each may be repeated. */
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  PartnerCentralSellingClient,
  StartEngagementByAcceptingInvitationTaskCommand,
  type StartEngagementByAcceptingInvitationTaskCommandInput,
  StartEngagementFromOpportunityTaskCommand,
  type StartEngagementFromOpportunityTaskCommandInput,
  StartOpportunityFromEngagementTaskCommand,
  type StartOpportunityFromEngagementTaskCommandInput,
} from '@aws-sdk/client-partnercentral-selling';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { parseTaskEvent, TASK_FAILED } from 'partner-central-task-poller/events';
import { type Given, giveUpMessage } from './give-up';
import { type History, type Plan, planRestart } from './plan';
import { type StartRequest, workOf } from './start-request';

const database = new DynamoDBClient({});
const partnerCentral = new PartnerCentralSellingClient({ region: 'us-east-1' }); // it is in no other
const sns = new SNSClient({});

type Step =
  | { readonly step: 'plan'; readonly event: unknown; readonly execution: string }
  | { readonly step: 'start'; readonly request: StartRequest }
  | { readonly step: 'giveUp'; readonly given: Given };

export async function handler(input: Step) {
  if (input.step === 'plan') return plan(input.event, input.execution);
  return input.step === 'start' ? start(input.request) : giveUp(input.given);
}

/** @throws NotATaskEvent, which no other attempt mends */
async function plan(event: unknown, execution: string): Promise<Plan> {
  const failed = parseTaskEvent(event);
  if (failed['detail-type'] !== TASK_FAILED) return { kind: 'ignore', why: 'the task did not fail' };
  const [TableName, work] = [process.env.RESTARTS_TABLE, workOf(failed.detail)];
  const { Item } = await database.send(
    new GetItemCommand({ TableName, Key: marshall({ work }), ConsistentRead: true }),
  );
  const known = Item && (unmarshall(Item) as History & { readonly version: number });
  const limits = {
    maxRestarts: Number(process.env.MAX_RESTARTS),
    involvementType: process.env.INVOLVEMENT_TYPE || undefined,
  };
  const { plan, remember } = planRestart(failed.detail, known, execution, Math.floor(Date.now() / 1000), limits);
  // Remembered before the task is started: after a crash in between, one attempt is lost, and none is uncounted.
  if (remember)
    await database.send(
      new PutItemCommand({
        TableName,
        Item: marshall({ work, ...remember, version: (known?.version ?? 0) + 1 }),
        // Another failure of the same work was planned meanwhile: the next attempt reads what it wrote.
        ConditionExpression: 'attribute_not_exists(version) OR version = :known',
        ExpressionAttributeValues: marshall({ ':known': known?.version ?? 0 }),
      }),
    );
  console.log(JSON.stringify({ message: 'Plan', work, eventId: failed.detail.eventId, ...plan }));
  return plan;
}

async function start({ family, input }: StartRequest) {
  const { TaskId: taskId, TaskStatus: taskStatus } = await send(family, input);
  // If it has failed already, the poller sees that and publishes it, like any other.
  console.log(JSON.stringify({ message: 'Started', family, clientToken: input.ClientToken, taskId, taskStatus }));
  return { taskId, taskStatus };
}

function send(family: StartRequest['family'], input: StartRequest['input']) {
  if (family === 'OpportunityFromEngagement')
    return partnerCentral.send(
      new StartOpportunityFromEngagementTaskCommand(input as StartOpportunityFromEngagementTaskCommandInput),
    );
  if (family === 'EngagementFromOpportunity')
    return partnerCentral.send(
      new StartEngagementFromOpportunityTaskCommand(input as StartEngagementFromOpportunityTaskCommandInput),
    );
  return partnerCentral.send(
    new StartEngagementByAcceptingInvitationTaskCommand(input as StartEngagementByAcceptingInvitationTaskCommandInput),
  );
}

async function giveUp(given: Given) {
  const { subject, text } = giveUpMessage(given);
  const command = new PublishCommand({ TopicArn: process.env.TOPIC_ARN, Subject: subject, Message: text });
  const { MessageId } = await sns.send(command);
  return { messageId: MessageId };
}
