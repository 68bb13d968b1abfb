import { Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Archive, type CfnArchive, type CfnEventBus, EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Config } from '../config';
import { allowBusToUseKey, type Encrypted } from './encryption-key';
import { nudgingTypes } from './nudges';
import { deadLetterQueue, maxRetention } from './private-queue';
import { stackUniqueId } from './stack-unique-id';

interface TaskBusProps extends Encrypted {
  readonly config: Pick<Config, 'archiveDays' | 'eventSource' | 'nudgesFrom' | 'sources'>;
  /** Use this bus instead of creating one. */
  readonly existing?: IEventBus | undefined;
}

/**
 * The event bus, and its archive. A separate bus by default: the stack controls who may publish, and a replay reaches only
 * consumers of task events. Only principals of this account with an IAM permission can use it. The accounts of `nudgesFrom`
 * can put events that nudge, and nothing that a consumer could take for an event of the poller.
 */
export class TaskBus extends Construct {
  readonly bus: IEventBus;
  /** Events that the bus could not encrypt or decrypt with the stack's key. Undefined without such a key. */
  readonly keyFailures: Queue | undefined;

  constructor(scope: Construct, id: string, { config, existing, encryptionKey }: TaskBusProps) {
    super(scope, id);
    this.bus = existing ?? this.ownBus(config);
    if (config.archiveDays > 0) {
      // An existing bus may be in another stack; `archive()` would create the archive there.
      const archive = new Archive(existing ? this : this.bus, 'Archive', {
        sourceEventBus: this.bus,
        description: 'Events of the task poller, for a replay',
        eventPattern: { source: [config.eventSource] },
        retention: Duration.days(config.archiveDays),
      });
      // CDK ignores a key in `archive()`: https://github.com/aws/aws-cdk/issues/38298
      if (encryptionKey) (archive.node.defaultChild as CfnArchive).kmsKeyIdentifier = encryptionKey.keyArn;
    }
    if (encryptionKey && existing && config.archiveDays > 0) allowBusToUseKey(encryptionKey, existing.eventBusArn);
    this.keyFailures = encryptionKey && !existing ? this.encryptBus(encryptionKey) : undefined;
  }

  private ownBus({ nudgesFrom = [], sources }: TaskBusProps['config']): IEventBus {
    const bus: EventBus = new EventBus(this, 'Bus', {
      // CloudFormation requires a name. CDK would derive it from the path of the stack in the app.
      eventBusName: Lazy.string({ produce: () => stackUniqueId(bus) }),
      description: 'Partner Central tasks that completed or failed',
    });
    for (const account of nudgesFrom)
      bus.addToResourcePolicy(
        new PolicyStatement({
          sid: `NudgesFrom${account}`,
          principals: [new AccountPrincipal(account)],
          actions: ['events:PutEvents'],
          resources: [bus.eventBusArn],
          conditions: { StringEquals: { 'events:detail-type': nudgingTypes(sources) } },
        }),
      );
    return bus as IEventBus;
  }

  private encryptBus(encryptionKey: IKey): Queue {
    const bus = this.bus.node.defaultChild as CfnEventBus;
    bus.kmsKeyIdentifier = encryptionKey.keyArn;
    // Built from the name: the bus refers to the key, so a reference to the bus would be circular.
    const busArn = Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: bus.name });
    allowBusToUseKey(encryptionKey, busArn);

    // The poller records an accepted event as published. If the key is disabled at that moment, the bus would drop the event.
    // This queue does not use the key, because it would fail together with the bus.
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
    const keyFailures = deadLetterQueue(this, 'KeyFailures', 'the event bus', maxRetention);
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
