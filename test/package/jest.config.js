/** Tests of build results: the package, and the template with the CDK CLI, CloudFormation's rules and cdk-nag. Too slow for `npm test`. */
const usual = require('../../jest.config');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/package/**/*.test.ts', '<rootDir>/test/infra/rules.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
