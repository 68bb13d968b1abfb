import { CfnRule, type IRuleTarget } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { stackUniqueId } from './stack-unique-id';

/**
 * Adds a dead-letter queue to a target. Replaces CDK's `deadLetterQueue`, whose policy statement is named after the path of
 * the stack in the app: the policy would change when the stack moves.
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
