/** Records how a task ended. After an error, Lambda retries twice and then puts the event into the queue of failures. */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { ConditionalCheckFailedException, DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Context } from 'aws-lambda';
import { parseTaskEvent, TASK_STALLED, type TaskEvent } from 'partner-central-task-poller/events';

const database = new DynamoDBClient({});
const config = new IdempotencyConfig({
  // A repeated event has the same key and is skipped. A replay has another key and is processed once. Without a replayId the
  // key is `[eventId, null]`.
  eventKeyJmesPath: '[detail.eventId, detail.replayId]',
  throwOnNoIdempotencyKey: true,
  // EventBridge retries for a day, and events in a queue of failures can be sent again for 14.
  expiresAfterSeconds: 14 * 24 * 60 * 60,
});
const recordOnce = makeIdempotent(record, {
  config,
  persistenceStore: new DynamoDBPersistenceLayer({
    tableName: process.env.HANDLED_TABLE as string,
    awsSdkV3Client: database,
  }),
  keyPrefix: 'outcomes', // instead of the function's name, which may change
});

/** @throws NotATaskEvent before anything is stored, so that the event can be sent again after a fix */
export async function handler(event: unknown, context: Context) {
  config.registerLambdaContext(context); // a dead attempt blocks retries only for the function's timeout
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
    // Events are not ordered: an earlier outcome must not replace a later one.
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
