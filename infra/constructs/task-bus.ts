import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Archive, type CfnArchive, type CfnEventBus, EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Config } from '../config';
import { allowBusToUseKey, type Encrypted } from './encryption-key';
import { lastQueue, longestRetention } from './private-queue';
import { stackUniqueId } from './stack-unique-id';

interface TaskBusProps extends Encrypted {
  readonly config: Pick<Config, 'archiveDays' | 'eventSource'>;
  /** In place of one of our own. */
  readonly existing?: IEventBus | undefined;
}

/**
 * A bus of our own, unless there is one to use: who may publish on it is ours to say, and a replay reaches our readers only.
 * It has no policy, which means that only principals of this account may use it, and only those whom IAM allows to.
 */
export class TaskBus extends Construct {
  readonly bus: IEventBus;
  /** Events that the bus could not encrypt or decrypt under the stack's own key; without such a key there are none. */
  readonly keyFailures: Queue | undefined;

  constructor(scope: Construct, id: string, { config, existing, encryptionKey }: TaskBusProps) {
    super(scope, id);
    this.bus = existing ?? this.ownBus();
    if (config.archiveDays > 0) {
      // `archive()` of another's bus would make it in the other's stack.
      const archive = new Archive(existing ? this : this.bus, 'Archive', {
        sourceEventBus: this.bus,
        description: 'Events of the task poller, for a replay',
        eventPattern: { source: [config.eventSource] },
        retention: Duration.days(config.archiveDays),
      });
      // CDK drops a key that is given to `archive()`: https://github.com/aws/aws-cdk/issues/38298
      if (encryptionKey) (archive.node.defaultChild as CfnArchive).kmsKeyIdentifier = encryptionKey.keyArn;
    }
    if (encryptionKey && existing && config.archiveDays > 0) allowBusToUseKey(encryptionKey, existing.eventBusArn);
    this.keyFailures = encryptionKey && !existing ? this.encryptBus(encryptionKey) : undefined;
  }

  private ownBus(): IEventBus {
    const bus: EventBus = new EventBus(this, 'Bus', {
      // CloudFormation makes no name for a bus, and CDK makes it from the place of the stack in the app.
      eventBusName: Lazy.string({ produce: () => stackUniqueId(bus) }),
      description: 'Partner Central tasks that completed or failed',
    });
    return bus as IEventBus;
  }

  private encryptBus(encryptionKey: IKey): Queue {
    const bus = this.bus.node.defaultChild as CfnEventBus;
    bus.kmsKeyIdentifier = encryptionKey.keyArn;
    // Put together from the name: a reference to the bus would close a circle, as the bus refers to the key.
    const busArn = Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: bus.name });
    allowBusToUseKey(encryptionKey, busArn);

    // An event that was accepted is recorded as published: with the key disabled in that moment, the bus would drop it.
    // This queue is not under the key, for it would fail together with the bus.
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    const keyFailures = lastQueue(this, 'KeyFailures', 'the event bus', longestRetention);
    keyFailures.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [keyFailures.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': this.bus.eventBusArn } },
      }),
    );
    bus.deadLetterConfig = { arn: keyFailures.queueArn };
    return keyFailures;
  }
}
