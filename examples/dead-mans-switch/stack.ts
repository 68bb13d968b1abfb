import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';

interface DeadMansSwitchProps {
  /** Values of the heartbeat's dimension `service`. */
  readonly pollers: readonly string[];
  /** Address that has to hear of us. */
  readonly switchUrl: string;
  /** How old the last complete poll of a poller may be. */
  readonly windowMinutes: number;
}

const every = Duration.minutes(5);

/** Tells a dead-man's switch every five minutes that the pollers work. The switch alarms when it is not told. */
export class DeadMansSwitchStack extends Stack {
  constructor(scope: Construct, id: string, { pollers, switchUrl, windowMinutes }: DeadMansSwitchProps) {
    super(scope, id, { description: "Example: a dead-man's switch for the Partner Central task poller" });
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
    role.addToPolicy(new PolicyStatement({ actions: ['cloudwatch:GetMetricData'], resources: ['*'] }));
    Validations.of(role.node.findChild('DefaultPolicy')).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'CloudWatch has no resource types for GetMetricData: "*" is the only resource that IAM accepts for it.',
    });
    const messenger = new NodejsFunction(this, 'Function', {
      description: "Tells a dead-man's switch that the pollers of Partner Central tasks work",
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
        POLLERS: pollers.join(','),
        SWITCH_URL: switchUrl,
        WINDOW_MINUTES: String(windowMinutes),
      },
      // A late message could hide that the pollers are silent by now.
      retryAttempts: 1,
      maxEventAge: every,
    });
    const schedulerRole = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    });
    new Schedule(this, 'Schedule', {
      description: "Asks for a message to the dead-man's switch",
      schedule: ScheduleExpression.rate(every),
      target: new LambdaInvoke(messenger, { role: schedulerRole, retryAttempts: 1, maxEventAge: every }),
    });
    Validations.of(schedulerRole.node.findChild('DefaultPolicy')).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${this.getLogicalId(messenger.node.defaultChild as never)}.Arn>:*]`,
      reason: 'CDK allows the versions of the one function too.',
    });
  }
}
