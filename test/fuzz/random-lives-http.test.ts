import { openBed } from '../integration/bed';
import { describeLives } from './lives';

describeLives(openBed, 20, 5_000);
