import { CfnOutput, Duration, SecretValue, Stack, Validations } from 'aws-cdk-lib';
import {
  ApiDestination,
  Authorization,
  Connection,
  EventBus,
  HttpMethod,
  type IApiDestination,
  Rule,
} from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget } from 'aws-cdk-lib/aws-events-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { TASK_COMPLETED, TASK_FAILED } from 'partner-central-task-poller/events';

interface WebhookProps {
  /** The poller's output `EventBusName`. */
  readonly taskBusName: string;
  readonly eventSource: string;
  readonly catalog: string;
  /** Address that takes the events. */
  readonly endpoint: string;
  /** Header that carries the secret. */
  readonly header: string;
  /** Name of the secret in Secrets Manager. Its text is the whole value of the header. */
  readonly secretName: string;
}

/** Posts each event to a webhook or a CRM. EventBridge makes the requests: there is no function. */
export class WebhookStack extends Stack {
  constructor(scope: Construct, id: string, props: WebhookProps) {
    super(scope, id, { description: 'Example: Partner Central task events for a webhook' });
    const connection = new Connection(this, 'Connection', {
      description: 'Secret of the webhook',
      // A reference that CloudFormation resolves: the secret is in neither the template nor the app.
      authorization: Authorization.apiKey(props.header, SecretValue.secretsManager(props.secretName)),
    });
    const destination = new ApiDestination(this, 'Destination', {
      description: 'Webhook for Partner Central task events',
      connection,
      endpoint: props.endpoint,
      httpMethod: HttpMethod.POST,
      rateLimitPerSecond: 10, // a replay of a thousand events must not overrun the webhook
    });

    const undelivered = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14), // the longest there is: somebody has to notice first
    });
    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of the rule.',
    });
    new Rule(this, 'FinishedTasks', {
      description: 'Tasks that ended, for the webhook',
      eventBus: EventBus.fromEventBusName(this, 'TaskBus', props.taskBusName),
      eventPattern: {
        source: [props.eventSource],
        detailType: [TASK_COMPLETED, TASK_FAILED],
        detail: { schemaVersion: ['1'], catalog: [props.catalog] },
      },
      // The event as it is: an input transformer escapes no quotes, and messages have some.
      targets: [new ApiDestinationTarget(destination as IApiDestination, { deadLetterQueue: undelivered })],
    });
    new CfnOutput(this, 'UndeliveredQueueUrl', {
      value: undelivered.queueUrl,
      description: 'Queue with events that the webhook did not take, and why',
    });
  }
}
