const { default: Runtime } = require('jest-runtime');

const cdk = /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/;

/**
 * Jest loads every module again for every test file. Loading CDK takes longer than most test files, and the engine of its
 * CloudFormation rules another 3 seconds. Node's own `require` keeps both for the life of the worker. So restore every spy
 * on a CDK module: it would outlive its file.
 */
module.exports = class extends Runtime {
  requireModuleOrMock(from, name) {
    return cdk.test(name) ? require(name) : super.requireModuleOrMock(from, name);
  }
};
