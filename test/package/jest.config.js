/** What is built for others: the package, and the template, by the CDK CLI and by the rules of CloudFormation and cdk-nag. Too slow for `npm test`. */
const usual = require('../../jest.config');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/package/**/*.test.ts', '<rootDir>/test/infra/rules.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
