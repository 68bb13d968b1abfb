import { Duration, Stack } from 'aws-cdk-lib';
import { type CfnRule, type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { environment } from '../../lambdas/alerts/environment';
import { DEFAULT, NOWHERE } from '../../lambdas/alerts/routes';
import { TASK_FAILED } from '../../lambdas/event-names';
import { sourceId } from '../../lambdas/poller/settings';
import type { Config } from '../config';
import { bundledFunction } from './bundled-function';
import { withDeadLetters } from './dead-letter-target';
import { allowKeyUse, type Encrypted } from './encryption-key';
import type { Poller } from './poller';
import { longestRetention, privateQueue } from './private-queue';
import { privateTopic } from './private-topic';
import { stackUniqueId } from './stack-unique-id';

interface FailedTaskAlertsProps extends Encrypted {
  readonly config: Config;
  readonly bus: IEventBus;
  /** In the order of the sources. Alerts link to their logs. */
  readonly pollers: readonly Poller[];
}

/** Three attempts of five seconds for each message, all at once, after reading 6 MB with a seventh of a CPU. */
const formatterTimeout = Duration.seconds(30);
const batchWindow = Duration.seconds(60);
/**
 * The most that Lambda takes from a standard queue with a window; what a batch holds is then limited by its 6 MB alone:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const batchSize = 10_000;

/**
 * Failed tasks as text for people: rule, queue, formatter, topics. The queue gathers what fails within a minute into a
 * few messages, because SNS deactivates an e-mail subscription that gets more than about ten a second, and people do
 * so sooner.
 */
export class FailedTaskAlerts extends Construct {
  readonly topic: Topic;
  /** The same for chats, when they are on. */
  readonly chatTopic: Topic | undefined;
  /** Events that never became a mail, whether the rule or the formatter failed. */
  readonly undelivered: Queue;
  /** From the queue to the formatter. It is made last, for it waits for both and for the role. */
  readonly mapping: EventSourceMapping;

  constructor(scope: Construct, id: string, { config, bus, pollers, encryptionKey }: FailedTaskAlertsProps) {
    super(scope, id);
    this.topic = privateTopic(this, 'Topic', { displayName: 'Partner Central failed tasks', encryptionKey });
    if (config.alertEmail) this.topic.addSubscription(new EmailSubscription(config.alertEmail));
    // Of its own, because a subscriber of the other would get JSON by mail, and Amazon Q can read nothing but that.
    if (config.chatAlerts)
      this.chatTopic = privateTopic(this, 'ChatTopic', {
        displayName: 'Partner Central failed tasks, for chats',
        encryptionKey,
      });

    this.undelivered = privateQueue(this, 'Undelivered', { retentionPeriod: longestRetention, encryptionKey });
    const queue = privateQueue(this, 'Queue', {
      retentionPeriod: Duration.days(4),
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout, plus the window
      visibilityTimeout: Duration.seconds(6 * formatterTimeout.toSeconds() + batchWindow.toSeconds()),
      deadLetterQueue: { queue: this.undelivered, maxReceiveCount: 5 },
      encryptionKey,
    });
    this.rule(config, bus, queue);
    const formatter = this.formatter(config, pollers, { encryptionKey });
    this.mapping = this.feed(formatter, queue);
  }

  private rule(config: Config, bus: IEventBus, queue: Queue) {
    const rule = new Rule(this, 'FailedTasks', {
      description: 'Failed tasks, for the formatter of the task alerts',
      eventBus: bus,
      eventPattern: {
        source: [config.eventSource],
        detailType: [TASK_FAILED],
        // Nobody wants the mail of last month once more, unless whoever replays says so.
        detail: { $or: [{ replayId: [{ exists: false }] }, { replayAlerts: [true] }] },
      },
      targets: [withDeadLetters(new SqsQueue(queue), this.undelivered)],
    });
    // The same for a replay from the archive, which EventBridge marks in the envelope; CDK's type has no such field.
    (rule.node.defaultChild as CfnRule).addPropertyOverride('EventPattern.replay-name', [{ exists: false }]);
  }

  private formatter(config: Config, pollers: readonly Poller[], { encryptionKey }: Encrypted): LambdaFunction {
    const logGroups = config.sources.map(
      (source, at) => `${sourceId(source)}=${pollers[at]?.function.logGroup.logGroupName}`,
    );
    const formatter = bundledFunction(this, 'Formatter', {
      handlerFile: 'alerts/handler.ts',
      description: 'Writes the mails about failed tasks',
      config: { ...config, serviceName: config.stackName },
      encryptionKey,
      timeout: formatterTimeout,
      memorySize: 256,
      environment: {
        [environment.topicArn]: this.topic.topicArn,
        ...(this.chatTopic && { [environment.chatTopicArn]: this.chatTopic.topicArn }),
        [environment.routes]: JSON.stringify(config.alertRoutes),
        [environment.pollerLogGroups]: logGroups.join(','),
        [environment.pollerLogRegion]: Stack.of(this).region,
      },
    });
    formatter.addToRolePolicy(new PolicyStatement({ actions: ['sns:Publish'], resources: this.destinations(config) }));
    allowKeyUse(formatter.role as IRole, { encryptionKey }, { reads: ['sqs'], sends: ['sns'] });
    return formatter;
  }

  private feed(formatter: LambdaFunction, queue: Queue): EventSourceMapping {
    queue.grantConsumeMessages(formatter);
    // Past CDK's SqsEventSource, for the id that it makes changes with the place of the stack in the app. Under another id
    // CloudFormation makes a second mapping, which Lambda refuses while the first one is there.
    return formatter.addEventSourceMapping(`SqsEventSource:${stackUniqueId(queue)}`, {
      eventSourceArn: queue.queueArn,
      batchSize,
      maxBatchingWindow: batchWindow,
      reportBatchItemFailures: true,
      maxConcurrency: 2, // the fewest that Lambda allows: a burst becomes few mails, and slowly
    });
  }

  /** The topics that the routes name, and no others. */
  private destinations({ alertRoutes }: Config): string[] {
    const routes = [...new Set(Object.values(alertRoutes))].filter(route => route !== NOWHERE);
    const mails = routes.map(route => (route === DEFAULT ? this.topic.topicArn : route));
    return [...mails, ...(this.chatTopic ? [this.chatTopic.topicArn] : [])];
  }
}
