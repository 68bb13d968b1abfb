const { availableParallelism } = require('node:os');

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
    '<rootDir>/test/infra/rules',
    '<rootDir>/test/fuzz/random-lives-http',
  ],
  transform: {
    '\\.[tj]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  // They are ES modules, which Jest does not load by itself.
  transformIgnorePatterns: ['/node_modules/(?!(agent-base|(https?-)?proxy-agent(-negotiate)?)/)'],
  moduleNameMapper: {
    '^partner-central-task-poller$': '<rootDir>/infra/index.ts',
    '^partner-central-task-poller/events$': '<rootDir>/events/index.ts',
    '^partner-central-task-poller/wait$': '<rootDir>/wait/index.ts',
  },
  globalSetup: '<rootDir>/test/synthesize-once.ts',
  globalTeardown: '<rootDir>/test/remove-synthesized.ts',
  testTimeout: 60_000,
  testSequencer: '<rootDir>/test/longest-first.js',
  // Some tests wait, so half as many workers again as there are cores keep the cores busy.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
};
