import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Alarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { PartnerCentralTaskPoller } from 'partner-central-task-poller';

/** One poller with two sources: opportunities from engagements, and engagements from opportunities. */
export class TasksStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    // For the people on call. A topic that enforces TLS must allow CloudWatch alarms of this account to publish.
    const onCall = new Topic(this, 'OnCall', { enforceSSL: true });
    const conditions = { StringEquals: { 'aws:SourceAccount': this.account } };
    onCall.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));

    const tasks = new PartnerCentralTaskPoller(this, 'TaskPoller', {
      catalog: 'AWS',
      alertEmail: 'crm-team@example.com',
      alarmTopics: [onCall],
      logRetentionDays: RetentionDays.THREE_MONTHS,
      furtherSources: [{ taskFamily: 'EngagementFromOpportunity', pollEveryMinutes: 5 }],
    });

    // Tasks with missing permissions, for the administrators. Queue and rule share a dead-letter queue.
    const deadLetters = new Queue(this, 'DeadLetters', { enforceSSL: true, retentionPeriod: Duration.days(14) });
    const accessProblems = new Queue(this, 'AccessProblems', {
      enforceSSL: true,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
    });
    tasks.onTaskFailed('ToAccessProblems', {
      description: 'Tasks that failed because a permission is missing',
      reasonCategories: ['access', 'not-permitted'],
      target: new SqsQueue(accessProblems, { deadLetterQueue: deadLetters }),
    });

    // Stricter than the poller's own alarm, for the second source only.
    const hourly = tasks.metricTasksFailed({ source: 'AWS/EngagementFromOpportunity', period: Duration.hours(1) });
    new Alarm(this, 'EngagementsFail', {
      alarmDescription: 'Three engagements could not be made within an hour.',
      metric: hourly,
      threshold: 3,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(onCall));
  }
}
