import { openMemoryStack } from '../in-memory/test-stack';
import { prepareLives } from './lives';

const { runAll, timeoutMs } = prepareLives(openMemoryStack, 5_000, 200, true);

test(
  'random tasks, polls and faults: nothing lost, nothing invented, nothing repeated except after a fault',
  runAll,
  timeoutMs,
);
