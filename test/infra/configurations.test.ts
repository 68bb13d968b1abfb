/** The configurations that are checked by the rules of CloudFormation, cdk-nag and cfn-lint. */
import { isDeepStrictEqual } from 'node:util';
import { readConfig } from '../../infra/config';
import { configEntries } from '../../infra/config-entries';
import { configurations } from './configurations';

const parsed = (context: object) => readConfig({ catalog: 'Sandbox', ...context });

test('there are eighteen, each another', () => {
  expect(new Set(configurations.map(context => JSON.stringify(context))).size).toBe(18);
});

test.each(Object.keys(configEntries).filter(key => key !== 'furtherSources'))('%s is not its default in one', key => {
  const valueIn = (context: object) => (parsed(context) as unknown as Record<string, unknown>)[key];
  const byDefault = valueIn({});
  expect(configurations.filter(context => !isDeepStrictEqual(valueIn(context), byDefault))).not.toEqual([]);
});

test('furtherSources is not its default in one', () => {
  expect(Math.max(...configurations.map(context => parsed(context).sources.length))).toBe(6);
});
