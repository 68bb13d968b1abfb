import { openMemoryBed } from '../in-memory/bed';
import { prepareLives } from './lives';

const { tryAll, timeoutMs } = prepareLives(openMemoryBed, 1_500, 200);

test(
  'whatever happens to tasks and polls: nothing lost, nothing invented, nothing twice but after a mishap',
  tryAll,
  timeoutMs,
);
