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
 * A function from one bundle of its own, with its log group and a role that may write there and nothing else yet.
 * The SDK is inside the bundle: it is the version that was tested, and loads in a third of the time of the runtime's own.
 */
export function bundledFunction(scope: Construct, id: string, props: BundledFunctionProps): LambdaFunction {
  const { handlerFile, config, environment, encryptionKey, ...rest } = props;
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: config.logRetentionDays,
    ...(encryptionKey && { encryptionKey }),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  // Not AWSLambdaBasicExecutionRole, which may create and write every log group of the account.
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  // Lambda decrypts the environment in the role's name. It makes itself a grant for that, which is lost with the role.
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
      // Tells the logs and metrics of several sources and stacks in one account apart.
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

/** In the package there is no source, but the bundle stands beside the code; here it is made when it is needed. */
function fromSource(scope: Construct, id: string, handlerFile: string, common: FunctionOptions & { runtime: Runtime }) {
  const { format, mainFields, target, minify, sourcemap, external, alias, logLevel } = bundleOptions;
  return new NodejsFunction(scope, id, {
    ...common,
    entry: join(__dirname, '..', '..', 'lambdas', handlerFile),
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
