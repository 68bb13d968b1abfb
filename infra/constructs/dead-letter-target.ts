import { CfnRule, type IRuleTarget } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { stackUniqueId } from './stack-unique-id';

/**
 * A target whose rule sends to a queue what it can't deliver. CDK's own `deadLetterQueue` names the statement in the queue's
 * policy after the place of the stack in the app, so the policy would change when the stack moves.
 */
export const withDeadLetters = (target: IRuleTarget, deadLetters: Queue): IRuleTarget => ({
  bind(rule, id) {
    deadLetters.addToResourcePolicy(
      new PolicyStatement({
        sid: `AllowEventRule${stackUniqueId(rule)}`,
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [deadLetters.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': CfnRule.arnForRule(rule) } },
      }),
    );
    return { ...target.bind(rule, id), deadLetterConfig: { arn: deadLetters.queueArn } };
  },
});
