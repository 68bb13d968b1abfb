const { default: Runtime } = require('jest-runtime');

const cdk = /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/;

/**
 * Jest loads every module anew for every test file. For CDK that takes longer than most of the files, and the engine of
 * its CloudFormation rules another 3 seconds: Node's own `require` keeps both for as long as the worker lives. A spy on
 * something of CDK therefore outlives its file unless it is restored.
 */
module.exports = class extends Runtime {
  requireModuleOrMock(from, name) {
    return cdk.test(name) ? require(name) : super.requireModuleOrMock(from, name);
  }
};
