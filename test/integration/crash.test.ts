import { shortScenarios, testKills } from './kills';

describe.each(shortScenarios)('killed during %s', (_, scenario) => testKills(scenario));
