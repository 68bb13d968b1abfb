import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type FunctionOptions,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { type LogLevel, NodejsFunction, type OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { SourceConfig } from '../sources';
import { bundleOptions } from './bundle-options';
import { allowKeyUse, type Encrypted } from './encryption-key';

export interface BundledFunctionProps extends FunctionOptions, Encrypted {
  /** Path of the file that exports `handler`, below `lambdas/`. */
  readonly handlerFile: string;
  readonly config: Pick<SourceConfig, 'serviceName' | 'logLevel' | 'logRetentionDays' | 'tracing'>;
}

/**
 * A function with its own bundle, log group and role. The role may only write to that log group; callers grant the rest.
 * The bundle contains the SDK: it is the tested version, and loads in a third of the time of the runtime's SDK.
 */
export function bundledFunction(scope: Construct, id: string, props: BundledFunctionProps): LambdaFunction {
  const { handlerFile, config, environment, encryptionKey, ...rest } = props;
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: config.logRetentionDays,
    ...(encryptionKey && { encryptionKey }),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  // Not AWSLambdaBasicExecutionRole: it allows creating and writing every log group of the account.
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  // Lambda decrypts the environment as this role. Lambda's own KMS grant for that is lost when the role is recreated.
  allowKeyUse(role, { encryptionKey }, { reads: ['lambda'] });
  if (config.tracing)
    Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Tracing is switched on, and X-Ray has no resource types for PutTraceSegments and PutTelemetryRecords: "*" is the only resource IAM accepts for them.',
    });
  const common = {
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    tracing: config.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    ...(encryptionKey && { environmentEncryption: encryptionKey }),
    environment: {
      // Identifies the source in logs and metrics: an account can have several sources and stacks.
      POWERTOOLS_SERVICE_NAME: config.serviceName,
      POWERTOOLS_LOG_LEVEL: config.logLevel,
      ...environment,
    },
    ...rest,
  };
  const prebuilt = join(__dirname, 'functions', dirname(handlerFile));
  return existsSync(prebuilt)
    ? new LambdaFunction(scope, id, { ...common, handler: 'index.handler', code: Code.fromAsset(prebuilt) })
    : fromSource(scope, id, handlerFile, common);
}

/** Bundles from source at synthesis. The package has no source; it contains prebuilt bundles. */
function fromSource(scope: Construct, id: string, handlerFile: string, common: FunctionOptions & { runtime: Runtime }) {
  const root = join(__dirname, '..', '..');
  const { format, mainFields, target, minify, sourcemap, external, alias, logLevel } = bundleOptions;
  return new NodejsFunction(scope, id, {
    ...common,
    entry: join(root, 'lambdas', handlerFile),
    // Only its folder and its name count, because nothing is installed. CDK's search for a lock file fails where there
    // are two or none.
    depsLockFilePath: join(root, 'package.json'),
    handler: 'handler',
    awsSdkConnectionReuse: false, // only the SDK before version 3 read it
    bundling: {
      format: format as OutputFormat.ESM,
      mainFields,
      target,
      minify,
      sourceMap: sourcemap,
      externalModules: external,
      logLevel: logLevel as LogLevel.WARNING,
      esbuildArgs: Object.fromEntries(Object.entries(alias).map(([name, path]) => [`--alias:${name}`, path])),
    },
  });
}
