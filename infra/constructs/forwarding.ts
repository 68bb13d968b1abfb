import { Stack } from 'aws-cdk-lib';
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
    const role = new Role(this, 'Role', { assumedBy: rulesOn(bus, Stack.of(this)) });
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

/**
 * EventBridge, for rules on this bus in this account (confused deputy). Not for the one rule by its name: CloudFormation
 * makes that after the role, and cuts long ones.
 */
function rulesOn(bus: IEventBus, stack: Stack) {
  // The ARN of a rule on the default bus has no bus.
  const rules = bus.eventBusName === 'default' ? '*' : `${bus.eventBusName}/*`;
  return new ServicePrincipal('events.amazonaws.com', {
    conditions: {
      StringEquals: { 'aws:SourceAccount': stack.account },
      ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'events', resource: 'rule', resourceName: rules }) },
    },
  });
}
