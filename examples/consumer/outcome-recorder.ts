import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetters } from './queues';

interface OutcomeRecorderProps {
  readonly handled: Table;
  readonly outcomes: Table;
}

/** The function, with its log, its role, and a queue of failed events. */
export class OutcomeRecorder extends Construct {
  readonly function: NodejsFunction;
  readonly failed: Queue;

  constructor(scope: Construct, id: string, { handled, outcomes }: OutcomeRecorderProps) {
    super(scope, id);
    this.failed = deadLetters(this, 'Failed', 'the function');
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    handled.grant(role, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
    outcomes.grant(role, 'dynamodb:UpdateItem');
    this.function = new NodejsFunction(this, 'Function', {
      description: 'Records how Partner Central tasks ended',
      entry: join(__dirname, 'handler.ts'),
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(10),
      role,
      logGroup,
      awsSdkConnectionReuse: false, // read only by SDK versions before 3
      bundling: {
        format: OutputFormat.ESM,
        mainFields: ['module', 'main'],
        target: 'node24',
        minify: true,
        externalModules: [],
        logLevel: LogLevel.WARNING,
      },
      environment: { HANDLED_TABLE: handled.tableName, OUTCOMES_TABLE: outcomes.tableName },
      // EventBridge is done when Lambda has accepted the event. Lambda retries failures after one and two minutes, which is
      // longer than an attempt that still holds the idempotency record can run.
      retryAttempts: 2,
      onFailure: new SqsDestination(this.failed),
    });
  }
}
