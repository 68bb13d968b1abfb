import { CommandFailure } from '../../lib/context';

/** Thrown by a check for what is wrong: the message says what, and what to do. */
export class Wrong extends CommandFailure {}

/** What a check found, for the checks after it, and the same in words. */
export type Found<T> = readonly [T, string];

export type Sending = { readonly abortSignal: AbortSignal };

/** A resource that is not there any more. */
export const gone =
  (sentence: string) =>
  (error: Error): never => {
    throw error.name === 'ResourceNotFoundException' ? new Wrong(sentence) : error;
  };
