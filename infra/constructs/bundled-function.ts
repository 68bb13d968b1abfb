import { join } from 'node:path';
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, type NodejsFunctionProps, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { SourceConfig } from '../sources';
import { allowKeyUse, type Encrypted } from './encryption-key';

export interface BundledFunctionProps extends NodejsFunctionProps, Encrypted {
  /** Path of the file that exports `handler`, below `lambdas/`. */
  readonly handlerFile: string;
  readonly config: Pick<SourceConfig, 'serviceName' | 'logLevel' | 'logRetentionDays' | 'tracing'>;
}

/**
 * A function from one bundle of its own, with its log group and a role that may write there and nothing else yet.
 * The SDK is inside the bundle: it is the version that was tested, and loads in a third of the time of the runtime's own.
 */
export function bundledFunction(scope: Construct, id: string, props: BundledFunctionProps) {
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
  return new NodejsFunction(scope, id, {
    entry: join(__dirname, '..', '..', 'lambdas', handlerFile),
    handler: 'handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    tracing: config.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    ...(encryptionKey && { environmentEncryption: encryptionKey }),
    awsSdkConnectionReuse: false, // only the SDK before version 3 read it
    bundling: {
      format: OutputFormat.ESM,
      mainFields: ['module', 'main'],
      target: 'node24',
      minify: true,
      sourceMap: false,
      externalModules: [],
      logLevel: LogLevel.WARNING,
    },
    environment: {
      // Tells the logs and metrics of several sources and stacks in one account apart.
      POWERTOOLS_SERVICE_NAME: config.serviceName,
      POWERTOOLS_LOG_LEVEL: config.logLevel,
      ...environment,
    },
    ...rest,
  });
}
