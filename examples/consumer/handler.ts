/** Records how a task ended. What it throws, Lambda tries twice more and then puts into the queue of failures. */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { ConditionalCheckFailedException, DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Context } from 'aws-lambda';
import { parseTaskEvent, TASK_STALLED, type TaskEvent } from 'partner-central-task-poller/events';

const database = new DynamoDBClient({});
const config = new IdempotencyConfig({
  // A repeat has the same key and is left out; a replay has another and is handled once more. Without a replayId the key
  // is `[eventId, null]`.
  eventKeyJmesPath: '[detail.eventId, detail.replayId]',
  throwOnNoIdempotencyKey: true,
  // EventBridge tries for a day, and what lay in a queue of failures can be sent again for 14.
  expiresAfterSeconds: 14 * 24 * 60 * 60,
});
const recordOnce = makeIdempotent(record, {
  config,
  persistenceStore: new DynamoDBPersistenceLayer({
    tableName: process.env.HANDLED_TABLE as string,
    awsSdkV3Client: database,
  }),
  keyPrefix: 'outcomes', // in place of the function's name, which may change
});

/** @throws NotATaskEvent before anything is remembered, so that the event can be sent again once it can be read */
export async function handler(event: unknown, context: Context) {
  config.registerLambdaContext(context); // an attempt that dies blocks the next one no longer than it could have run
  return recordOnce(parseTaskEvent(event));
}

async function record(event: TaskEvent) {
  if (event['detail-type'] === TASK_STALLED) throw new Error('The rule should not send TaskStalled: it is no outcome.');
  const { catalog, taskType, taskId, taskStatus, detectedBefore, eventId, replayId } = event.detail;
  const { reasonCode, reasonCategory, opportunityId } = event.detail;
  const task = `${catalog}/${taskType}/${taskId}`;
  const outcome = { taskStatus, reasonCode, reasonCategory, opportunityId, eventId, replayId };
  const update = new UpdateItemCommand({
    TableName: process.env.OUTCOMES_TABLE,
    Key: marshall({ task }),
    UpdateExpression: 'SET outcome = :outcome, detectedBefore = :detectedBefore ADD timesTold :one',
    // Events are not ordered: what was seen earlier must not replace what was seen later.
    ConditionExpression: 'attribute_not_exists(task) OR detectedBefore <= :detectedBefore',
    ExpressionAttributeValues: marshall(
      { ':outcome': outcome, ':detectedBefore': detectedBefore, ':one': 1 },
      { removeUndefinedValues: true },
    ),
  });
  const recorded = await database.send(update).then(
    () => true,
    error => {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    },
  );
  console.log(JSON.stringify({ message: 'Outcome', task, taskStatus, eventId, replayId, recorded }));
  return { task, recorded };
}
