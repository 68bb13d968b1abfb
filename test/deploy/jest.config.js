const config = require('../../jest.config.js');

/** What is deployed is slow to begin and then one long story: a file of its own, in a process of its own. */
/** @type {import('jest').Config} */
module.exports = {
  ...config,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/deploy/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: undefined,
  globalTeardown: undefined,
  testTimeout: 480_000,
  verbose: true,
};
