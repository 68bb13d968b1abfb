import { Stack, Token } from 'aws-cdk-lib';
import {
  EventBus,
  type EventPattern,
  type IEventBus,
  type IRuleTarget,
  Rule,
  RuleTargetInput,
} from 'aws-cdk-lib/aws-events';
import { CfnPermission, type IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { TASK_STARTED } from '../../lambdas/event-names';
import { PARTNER_CENTRAL_REGION } from '../../lambdas/poller/settings';
import { familyOf, startOperation } from '../../lambdas/poller/task-families';
import { accountOf, type SourceConfig } from '../sources';
import { withDeadLetters } from './dead-letter-target';

interface NudgesProps {
  readonly config: SourceConfig;
  /** Gets `TaskStarted` events. */
  readonly bus: IEventBus;
  readonly poller: IFunction;
  /** Nudges that could not be delivered. */
  readonly deadLetters: Queue;
}

const CALL_VIA_CLOUDTRAIL = 'AWS API Call via CloudTrail';

/** Detail types of the events that nudge. */
export const nudgingTypes = (sources: readonly Pick<SourceConfig, 'taskFamily'>[]): string[] => [
  ...new Set([
    TASK_STARTED,
    ...sources.flatMap(({ taskFamily }) => familyOf(taskFamily).nativeEvents),
    CALL_VIA_CLOUDTRAIL,
  ]),
];

/**
 * Rules that make one source poll at once when somebody knows that a task was started. Partner Central's own events are on
 * the default bus in us-east-1 of the account that is linked to it. A stack elsewhere expects them on its own bus, where a
 * rule of that account forwards them to.
 */
export class Nudges extends Construct {
  constructor(scope: Construct, id: string, { config, bus, poller, deadLetters }: NudgesProps) {
    super(scope, id);
    const { catalog, taskFamily, name } = config;
    const account = accountOf(config);
    // Not CDK's target: the id of its permission depends on the path of the stack in the app.
    const target: IRuleTarget = {
      bind: () => ({
        arn: poller.functionArn,
        input: RuleTargetInput.fromObject({ mode: 'nudge' }),
        // After a minute the next scheduled poll has done its work. It is also EventBridge's minimum.
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
        targetResource: poller,
      }),
    };
    const rule = (ruleId: string, description: string, eventBus: IEventBus, eventPattern: EventPattern) => {
      const targets = [withDeadLetters(target, deadLetters)];
      const { ruleArn } = new Rule(this, ruleId, {
        description,
        eventBus,
        eventPattern,
        enabled: config.enabled,
        targets,
      });
      new CfnPermission(this, `${ruleId}Permission`, {
        action: 'lambda:InvokeFunction',
        functionName: poller.functionArn,
        principal: 'events.amazonaws.com',
        sourceArn: ruleArn,
      });
    };

    // An event without sourceName nudges all sources of its catalog and family. That is harmless: it costs each of them a
    // poll, and none of them a task.
    rule('TaskStarted', `A poll at once for ${TASK_STARTED} events`, bus, {
      detailType: [TASK_STARTED],
      detail: {
        catalog: [catalog],
        taskType: [taskFamily],
        ...(name && { sourceName: [name, { exists: false }] }),
      },
    });

    const { region } = Stack.of(this);
    if (!config.nativeNudges) return;
    // In a template for any region, these are rules that never match outside of that region.
    const isElsewhere = !Token.isUnresolved(region) && region !== PARTNER_CENTRAL_REGION;
    const isForwarded = isElsewhere || config.assumeRoleArn !== undefined;
    const from = isForwarded ? bus : EventBus.fromEventBusName(this, 'DefaultBus', 'default');
    // A forwarded event keeps the account that it comes from, so that those of one account nudge its own source only.
    const ofAccount = name && account && !Token.isUnresolved(account) ? { account: [account] } : {};
    // Not "Opportunity Updated": a CRM that synchronises makes thousands of them.
    rule('PartnerCentral', "A poll at once for Partner Central's own events", from, {
      ...ofAccount,
      source: ['aws.partnercentral-selling'],
      detailType: [...familyOf(taskFamily).nativeEvents],
      detail: { catalog: [catalog] },
    });
    // https://docs.aws.amazon.com/partner-central/latest/APIReference/logging-with-cloudtrail.html. It needs a trail.
    rule('CloudTrail', 'A poll at once when a task is started, for accounts with a trail', from, {
      ...ofAccount,
      detailType: [CALL_VIA_CLOUDTRAIL],
      detail: {
        eventSource: ['partnercentral-selling.amazonaws.com'],
        eventName: [startOperation(taskFamily)],
        errorCode: [{ exists: false }],
      },
    });
  }
}
