import { openMemoryBed } from '../in-memory/bed';
import { describeLives } from './lives';

describeLives(openMemoryBed, 2_000, 100);
