/** The tests of the engine with the synthesized bundle over HTTP, where `npm test` has its ports in memory. */
const usual = require('../jest.config');

process.env.TEST_STACK = 'http'; // the workers inherit it

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  rootDir: '..',
  testMatch: [
    '<rootDir>/test/integration/**/*.test.ts',
    '<rootDir>/test/poller/phases/*.test.ts',
    '<rootDir>/test/poller/{histories,run-rows,service-clock}.test.ts',
    '<rootDir>/test/in-memory/contract.test.ts',
    '<rootDir>/test/fuzz/random-lives-http.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/'],
  // A machine that runs the deployment beside them may be slow.
  testTimeout: 180_000,
};
