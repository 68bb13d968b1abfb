import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

const ignore = () => undefined;

/**
 * A logger for the SDK's clients. Their own does nothing either, but has `info`, and for that the SDK makes a redacted
 * copy of every request and answer.
 */
export const quietLogger = {
  trace: ignore,
  debug: ignore,
  warn: ignore,
  error: ignore,
} as unknown as NonNullable<DynamoDBClientConfig['logger']>;
