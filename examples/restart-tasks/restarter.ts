import { join } from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { actionsOf, restartedFamilies } from './start-request';

export interface RestarterProps {
  readonly restarts: Table;
  readonly topic: Topic;
  readonly catalog: string;
  readonly maxRestarts: number;
  readonly involvementType: string | undefined;
}

/** The function, with its log and its role, which may start tasks of one catalog. */
export class Restarter extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, props: RestarterProps) {
    super(scope, id);
    const { restarts, topic, catalog, maxRestarts, involvementType } = props;
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
    restarts.grant(role, 'dynamodb:GetItem', 'dynamodb:PutItem');
    role.addToPolicy(new PolicyStatement({ actions: ['sns:Publish'], resources: [topic.topicArn] }));
    role.addToPolicy(
      new PolicyStatement({
        actions: actionsOf(restartedFamilies(involvementType)),
        resources: ['*'],
        conditions: { StringEquals: { 'partnercentral:Catalog': catalog } },
      }),
    );
    Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'What a task is started for is not known before, and what it creates has no ARN yet. The catalog limits the actions.',
    });
    this.function = new NodejsFunction(this, 'Function', {
      description: 'Starts failed Partner Central tasks again, and says when it gives up',
      entry: join(__dirname, 'handler.ts'),
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(30),
      role,
      logGroup,
      awsSdkConnectionReuse: false, // only the SDK before version 3 read it
      bundling: {
        format: OutputFormat.ESM,
        mainFields: ['module', 'main'],
        target: 'node24',
        minify: true,
        externalModules: [],
        logLevel: LogLevel.WARNING,
      },
      environment: {
        RESTARTS_TABLE: restarts.tableName,
        TOPIC_ARN: topic.topicArn,
        MAX_RESTARTS: String(maxRestarts),
        ...(involvementType && { INVOLVEMENT_TYPE: involvementType }),
      },
    });
  }
}
