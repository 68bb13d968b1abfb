import { openTestStack } from '../integration/test-stack';
import { prepareLives } from './lives';

const { runAll, timeoutMs } = prepareLives(openTestStack, 10, 5_000);

test(
  'random tasks, polls and faults: nothing lost, nothing invented, nothing repeated except after a fault',
  runAll,
  timeoutMs,
);
