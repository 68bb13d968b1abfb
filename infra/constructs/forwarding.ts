import { EventBus, type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { EventBus as EventBusTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Config } from '../config';
import { withDeadLetters } from './dead-letter-target';
import type { Encrypted } from './encryption-key';
import { deadLetterQueue, maxRetention } from './private-queue';

interface ForwardingProps extends Encrypted {
  readonly config: Pick<Config, 'eventSource'>;
  readonly bus: IEventBus;
  readonly to: readonly string[];
}

/**
 * Forwards each event to buses in other accounts or regions. The policy of a bus in another account must allow it:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
 */
export class Forwarding extends Construct {
  /** Events that another bus did not accept within a day. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { config, bus, to, encryptionKey }: ForwardingProps) {
    super(scope, id);
    this.undelivered = deadLetterQueue(this, 'Undelivered', 'the rule that forwards', maxRetention, { encryptionKey });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('events.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['events:PutEvents'], resources: [...to] }));
    new Rule(this, 'Rule', {
      description: 'Events of the task poller, for other buses',
      eventBus: bus,
      eventPattern: { source: [config.eventSource] },
      targets: to.map((arn, at) => {
        const bus = EventBus.fromEventBusArn(this, `Bus${at}`, arn);
        return withDeadLetters(new EventBusTarget(bus, { role: role.withoutPolicyUpdates() }), this.undelivered);
      }),
    });
  }
}
