import { readFuzzOptions } from '../../scripts/fuzz';

test.each<[string[], object | undefined]>([
  [[], { FUZZ_RUNS: '1000' }],
  [['--runs', '5', '--seed', '42'], { FUZZ_RUNS: '5', FUZZ_SEED: '42' }],
  [['--help'], undefined],
])('%j', (args, options) => {
  expect(readFuzzOptions(args, {})).toEqual(options);
});

test.each<[string[], string]>([
  [['--runs', '0'], '--runs: got "0", allowed: a whole number from 1 to 1000000.'],
  [['--runs'], '--runs: got no value, allowed: a whole number from 1 to 1000000.'],
  [['--seed', 'x'], '--seed: got "x", allowed: a whole number from 0 to 2147483647.'],
  [['50'], 'Got "50", allowed: --runs N, --seed N, --help.'],
])('fails when the command line is %j, with the allowed values', (args, message) => {
  expect(() => readFuzzOptions(args, {})).toThrow(message);
});
