import { openTestStack } from '../integration/test-stack';
import { prepareLives } from './lives';

const { tryAll, timeoutMs } = prepareLives(openTestStack, 10, 5_000);

test(
  'whatever happens to tasks and polls: nothing lost, nothing invented, nothing twice but after a mishap',
  tryAll,
  timeoutMs,
);
