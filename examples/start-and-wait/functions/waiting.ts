/** What waits for a task: its row has the task token of the execution, and its outcome. Whichever comes second sees both. */
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { SendTaskFailureCommand, SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

const database = new DynamoDBClient({});
const stepFunctions = new SFNClient({});

/** The output of an execution, and the cause of one that fails. */
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

/** @returns the row as it is then: DynamoDB makes one write after the other, so the second sees what the first wrote */
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

/** Step Functions knows the token no more: the execution has gone on, was stopped, or has waited for too long. */
const isClosed = ({ name }: Error) => name === 'TaskTimedOut' || name === 'TaskDoesNotExist';

/** Lets the execution go on, or fails it if the task failed. Again for the same token, it changes nothing. */
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
