/** The row of a task has the execution's task token and the task's outcome. Whichever is written second finds both. */
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { SendTaskFailureCommand, SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

const database = new DynamoDBClient({});
const stepFunctions = new SFNClient({});

/** Output of an execution, or cause of a failed one. */
export interface Outcome {
  readonly taskId: string;
  readonly taskStatus: string;
  readonly reasonCode?: string | undefined;
  readonly reasonCategory?: string | undefined;
  readonly opportunityId?: string | undefined;
  readonly resourceSnapshotJobId?: string | undefined;
}

interface Waiting {
  readonly taskToken?: string;
  readonly outcome?: Outcome;
}

/** @returns the row after the write. DynamoDB serializes writes to an item, so the second write returns both values. */
export async function remember(taskId: string, [name, value]: ['taskToken', string] | ['outcome', Outcome]) {
  const update = new UpdateItemCommand({
    TableName: process.env.WAITING_TABLE,
    Key: marshall({ taskId }),
    UpdateExpression: 'SET #name = :value, expiresAt = :expiresAt',
    ExpressionAttributeNames: { '#name': name },
    ExpressionAttributeValues: marshall(
      { ':value': value, ':expiresAt': Math.floor(Date.now() / 1_000) + Number(process.env.KEEP_SECONDS) },
      { removeUndefinedValues: true },
    ),
    ReturnValues: 'ALL_NEW',
  });
  const { Attributes = {} } = await database.send(update);
  return unmarshall(Attributes) as Waiting;
}

/** The token is no longer valid: the execution has continued, was stopped, or has timed out. */
const isClosed = ({ name }: Error) => name === 'TaskTimedOut' || name === 'TaskDoesNotExist';

/** Resumes the execution, or fails it if the task failed. Has no effect if the token was already used. */
export async function resume(taskToken: string, outcome: Outcome): Promise<void> {
  const text = JSON.stringify(outcome);
  const sent =
    outcome.taskStatus === 'FAILED'
      ? stepFunctions.send(new SendTaskFailureCommand({ taskToken, error: 'TaskHasFailed', cause: text }))
      : stepFunctions.send(new SendTaskSuccessCommand({ taskToken, output: text }));
  const result = await sent.then(
    () => 'resumed',
    error => {
      if (isClosed(error)) return 'no longer waiting';
      throw error;
    },
  );
  console.log(JSON.stringify({ message: 'Outcome', ...outcome, result }));
}
