import { openMemoryStack } from '../in-memory/test-stack';
import { prepareLives } from './lives';

const { tryAll, timeoutMs } = prepareLives(openMemoryStack, 5_000, 200, true);

test(
  'whatever happens to tasks and polls: nothing lost, nothing invented, nothing twice but after a mishap',
  tryAll,
  timeoutMs,
);
