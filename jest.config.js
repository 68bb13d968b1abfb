/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  runtime: '<rootDir>/test/load-cdk-once.js',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // npm run test:deploy, test:package and test:full
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/deploy/',
    '<rootDir>/test/package/',
    '<rootDir>/test/fuzz/random-lives-http',
  ],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^partner-central-task-poller$': '<rootDir>/infra/index.ts',
    '^partner-central-task-poller/events$': '<rootDir>/events/index.ts',
  },
  globalSetup: '<rootDir>/test/synthesize-once.ts',
  globalTeardown: '<rootDir>/test/remove-synthesized.ts',
  testTimeout: 60_000,
  // Jest leaves a core free; on two cores that would be half of them.
  maxWorkers: '100%',
};
