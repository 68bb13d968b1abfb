import { PermanentFailure } from '../lambdas/poller/errors';
import { CommandFailure } from './context';

/** The poller's own advice is for a function that runs by a role; here it is a person who runs it. */
export const adviceForPeople = ({ message }: PermanentFailure) =>
  message.replaceAll("the function's role", 'your credentials');

/** @throws CommandFailure for what the engine gave up for good */
export const forPeople = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    if (!(error instanceof PermanentFailure)) throw error;
    throw new CommandFailure(`${adviceForPeople(error)}.`);
  });
