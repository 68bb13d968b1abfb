/** The engine's tests with the synthesized bundle over HTTP instead of in-memory ports. */
const usual = require('../jest.config');

process.env.TEST_STACK = 'http'; // inherited by the workers

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
  // The machine may be slow, because the deployment test runs at the same time.
  testTimeout: 180_000,
};
