import { Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import { type CfnRule, type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { type IRole, Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { EventSourceMapping, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { schemaVersions } from '../../events/event-schemas';
import { lookUps } from '../../lambdas/alerts/deals';
import { environment } from '../../lambdas/alerts/environment';
import { DEFAULT, NOWHERE } from '../../lambdas/alerts/routes';
import { TASK_FAILED } from '../../lambdas/event-names';
import { sourceId } from '../../lambdas/source-id';
import type { Config } from '../config';
import { bundledFunction } from './bundled-function';
import { withDeadLetters } from './dead-letter-target';
import { allowKeyUse, type Encrypted } from './encryption-key';
import type { Poller } from './poller';
import { maxRetention, privateQueue } from './private-queue';
import { privateTopic } from './private-topic';
import { stackUniqueId } from './stack-unique-id';
import { warnWithoutSubscribers } from './subscribers';

interface FailedTaskAlertsProps extends Encrypted {
  readonly config: Config;
  readonly bus: IEventBus;
  /** In the order of the sources. The alerts link to their logs. */
  readonly pollers: readonly Poller[];
}

/**
 * Room for parsing 6 MB on a seventh of a CPU, four seconds for all look-ups of deals, then three attempts of five seconds
 * for all messages in parallel.
 */
const formatterTimeout = Duration.seconds(30);
const batchWindow = Duration.seconds(60);
/**
 * Lambda's maximum for a standard queue with a batch window. In effect, the limit of a batch is its size of 6 MB:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const batchSize = 10_000;

/**
 * Alerts about failed tasks: rule, queue, formatter function and topics. The queue batches the failures of a minute into a
 * few messages, because SNS disables an e-mail subscription above about ten messages a second.
 */
export class FailedTaskAlerts extends Construct {
  readonly topic: Topic;
  /** Topic for chats; only with `chatAlerts`. */
  readonly chatTopic: Topic | undefined;
  /** Dead-letter queue of the rule and of the formatter: failed tasks without an alert. */
  readonly undelivered: Queue;
  /** From the queue to the formatter. Created last, because it depends on both and on the role. */
  readonly mapping: EventSourceMapping;

  constructor(scope: Construct, id: string, { config, bus, pollers, encryptionKey }: FailedTaskAlertsProps) {
    super(scope, id);
    this.topic = privateTopic(this, 'Topic', { displayName: 'Partner Central failed tasks', encryptionKey });
    for (const address of config.alertEmail ?? []) this.topic.addSubscription(new EmailSubscription(address));
    // Chats are subscribed by Amazon Q, outside of the app.
    if (!config.chatAlerts && Object.values(config.alertRoutes).includes(DEFAULT))
      warnWithoutSubscribers(
        this.topic,
        'nobodyGetsAlerts',
        'Nobody gets the alerts about failed tasks. Set alertEmail, or subscribe to the topic.',
      );
    // A separate topic: Amazon Q accepts only JSON, and mail subscribers must not get it.
    if (config.chatAlerts)
      this.chatTopic = privateTopic(this, 'ChatTopic', {
        displayName: 'Partner Central failed tasks, for chats',
        encryptionKey,
      });

    this.undelivered = privateQueue(this, 'Undelivered', { retentionPeriod: maxRetention, encryptionKey });
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
        // A replay sends no alerts unless the operator asks for them (replayAlerts).
        detail: {
          schemaVersion: [...schemaVersions], // which the formatter can read
          $or: [{ replayId: [{ exists: false }] }, { replayAlerts: [true] }],
        },
      },
      targets: [withDeadLetters(new SqsQueue(queue), this.undelivered)],
    });
    // No alerts for replays from the archive either. EventBridge marks them in the envelope; CDK's pattern type lacks that field.
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
        ...(config.describeDeals && { [environment.dealSources]: dealSources(config) }),
      },
    });
    formatter.addToRolePolicy(new PolicyStatement({ actions: ['sns:Publish'], resources: this.destinations(config) }));
    if (config.describeDeals) allowReadingDeals(formatter, config);
    allowKeyUse(formatter.role as IRole, { encryptionKey }, { reads: ['sqs'], sends: ['sns'] });
    return formatter;
  }

  private feed(formatter: LambdaFunction, queue: Queue): EventSourceMapping {
    queue.grantConsumeMessages(formatter);
    // No maximum concurrency. With one, Lambda polls an idle queue with five pollers; without, it reduces them to two. Either
    // way a burst is five batches, so it stays a handful of mails.
    // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    // Not CDK's SqsEventSource: its id depends on the path of the stack in the app. With a new id, CloudFormation would create
    // a second mapping, which Lambda refuses while the first one exists.
    return formatter.addEventSourceMapping(`SqsEventSource:${stackUniqueId(queue)}`, {
      eventSourceArn: queue.queueArn,
      batchSize,
      maxBatchingWindow: batchWindow,
      reportBatchItemFailures: true,
    });
  }

  /** The topics in the routes, and the chat topic. */
  private destinations({ alertRoutes }: Config): string[] {
    const routes = [...new Set(Object.values(alertRoutes))].filter(route => route !== NOWHERE);
    const mailTopics = routes.map(route => (route === DEFAULT ? this.topic.topicArn : route));
    return [...mailTopics, ...(this.chatTopic ? [this.chatTopic.topicArn] : [])];
  }
}

const dealSources = ({ sources }: Config) =>
  JSON.stringify(
    Object.fromEntries(
      sources.map(source => [sourceId(source), [source.assumeRoleArn, source.externalId].filter(Boolean).join(' ')]),
    ),
  );

/**
 * All deals of one kind in a catalog: which of them will be read is not known before a task fails. The ARN of an engagement or
 * an invitation has no account, the ARN of an opportunity has one.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_partner-central.html
 */
const dealArns = ({ catalog, taskFamily }: Config['sources'][number], partition: string) =>
  `arn:${partition}:partnercentral:*:*:catalog/${catalog}/${lookUps[taskFamily].resourceType}/*`;

/** For each source, the one operation that reads what its tasks start from. With `assumeRoleArn`, the role reads it. */
function allowReadingDeals(formatter: LambdaFunction, { sources }: Config) {
  const roleArns = [...new Set(sources.flatMap(({ assumeRoleArn }) => assumeRoleArn ?? []))];
  if (roleArns.length > 0)
    formatter.addToRolePolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: roleArns }));
  const own = sources.filter(({ assumeRoleArn }) => assumeRoleArn === undefined);
  if (own.length === 0) return;
  const role = formatter.role as Role;
  // A separate policy, so that the acknowledgement covers no other statement.
  const policy = new Policy(role, 'ReadDeals', {
    roles: [role],
    statements: own.map(
      source =>
        new PolicyStatement({
          actions: [`partnercentral:${lookUps[source.taskFamily].operation}`],
          resources: [dealArns(source, Aws.PARTITION)],
          conditions: { StringEquals: { 'partnercentral:Catalog': source.catalog } },
        }),
    ),
  });
  for (const source of own)
    Validations.of(policy).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${dealArns(source, '<AWS::Partition>')}]`,
      reason:
        'The deals of failed tasks are not known before they fail. It is limited to one kind of deal in one catalog.',
    });
}
