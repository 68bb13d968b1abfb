import { Duration } from 'aws-cdk-lib';
import { type CfnRule, type EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { environment } from '../../lambdas/alerts/environment';
import { mostTasksInAMail } from '../../lambdas/alerts/format';
import { TASK_FAILED } from '../../lambdas/event-names';
import type { Config } from '../config';
import { bundledFunction } from './bundled-function';
import { allowKeyUse, type Encrypted } from './encryption-key';
import { longestRetention, privateQueue } from './private-queue';
import { privateTopic } from './private-topic';

interface FailedTaskAlertsProps extends Encrypted {
  readonly config: Config;
  readonly bus: EventBus;
}

const formatterTimeout = Duration.seconds(10);
const batchWindow = Duration.seconds(60);

/**
 * Failed tasks as text for people: rule, queue, formatter, topic. The queue gathers what fails within a minute into one
 * message, because SNS deactivates an e-mail subscription that gets more than about ten a second.
 */
export class FailedTaskAlerts extends Construct {
  readonly topic: Topic;
  /** Events that never became a mail, whether the rule or the formatter failed. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { config, bus, encryptionKey }: FailedTaskAlertsProps) {
    super(scope, id);
    this.topic = privateTopic(this, 'Topic', { displayName: 'Partner Central failed tasks', encryptionKey });
    if (config.alertEmail) this.topic.addSubscription(new EmailSubscription(config.alertEmail));

    this.undelivered = privateQueue(this, 'Undelivered', { retentionPeriod: longestRetention, encryptionKey });
    const queue = privateQueue(this, 'Queue', {
      retentionPeriod: Duration.days(4),
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout, plus the window
      visibilityTimeout: Duration.seconds(6 * formatterTimeout.toSeconds() + batchWindow.toSeconds()),
      deadLetterQueue: { queue: this.undelivered, maxReceiveCount: 5 },
      encryptionKey,
    });
    this.rule(config, bus, queue);
    this.formatter(config, queue, { encryptionKey });
  }

  private rule(config: Config, bus: EventBus, queue: Queue) {
    const rule = new Rule(this, 'FailedTasks', {
      description: 'Failed tasks, for the formatter of the task alerts',
      eventBus: bus,
      eventPattern: {
        source: [config.eventSource],
        detailType: [TASK_FAILED],
        detail: { replayId: [{ exists: false }] }, // nobody wants the mail of last month once more
      },
      targets: [new SqsQueue(queue, { deadLetterQueue: this.undelivered })],
    });
    // The same for a replay from the archive, which EventBridge marks in the envelope; CDK's type has no such field.
    (rule.node.defaultChild as CfnRule).addPropertyOverride('EventPattern.replay-name', [{ exists: false }]);
  }

  private formatter(config: Config, queue: Queue, { encryptionKey }: Encrypted): NodejsFunction {
    const formatter = bundledFunction(this, 'Formatter', {
      handlerFile: 'alerts/handler.ts',
      description: 'Writes the mail about failed tasks',
      config,
      encryptionKey,
      timeout: formatterTimeout,
      memorySize: 256,
      environment: { [environment.topicArn]: this.topic.topicArn },
    });
    formatter.addToRolePolicy(new PolicyStatement({ actions: ['sns:Publish'], resources: [this.topic.topicArn] }));
    allowKeyUse(formatter.role as IRole, { encryptionKey }, { reads: ['sqs'], sends: ['sns'] });
    formatter.addEventSource(
      new SqsEventSource(queue, {
        batchSize: mostTasksInAMail,
        maxBatchingWindow: batchWindow,
        reportBatchItemFailures: true,
        maxConcurrency: 2, // the fewest that Lambda allows: a burst becomes few mails, and slowly
      }),
    );
    return formatter;
  }
}
