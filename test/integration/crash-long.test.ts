import { longScenarios, testKills } from './kills';

describe.each(longScenarios)('killed during %s', (_, scenario) => testKills(scenario));
