/** The props of the construct, read as the configuration of a stack is. */
import { Stack } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { ConfigurationError } from '../lambdas/poller/settings';
import { type Config, readConfig } from './config';
import { stackKeys } from './config-entries';
import { stackUniqueId } from './constructs/stack-unique-id';
import type { TaskPollerSettings } from './task-poller-settings';

/** Keys of a stack that are not props, and what to use in their place. */
const instead: Readonly<Record<string, string>> = {
  stackName: 'the name is that of the stack that the construct is in',
  tags: 'use Tags.of(…).add(…)',
  permissionsBoundary: 'use PermissionsBoundary.of(…).apply(…)',
  existingTableName: 'use table',
  existingEventBusName: 'use eventBus',
  alarmTopicArns: 'use alarmTopics',
};

/** @throws ConfigurationError naming every prop that is bad or can't work together with another */
export function readProps(
  construct: Construct,
  settings: TaskPollerSettings,
  alarmTopics: readonly ITopic[] | undefined,
): Config {
  const where = `The props of ${construct.node.path}`;
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const strangers = given.filter(([key]) => stackKeys.includes(key));
  const problems = strangers.map(([key]) => `${key}: not a prop; ${instead[key]}`);
  try {
    const config = readConfig(
      {
        ...Object.fromEntries(given.filter(([key]) => !stackKeys.includes(key))),
        stackName: serviceName(construct),
        // What holds for the ARNs holds for the topics.
        ...(alarmTopics && { alarmTopicArns: alarmTopics.map(({ topicArn }) => topicArn) }),
      },
      where,
    );
    if (problems.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems.map(problem => problem.replaceAll('alarmTopicArns', 'alarmTopics')));
  }
  throw new ConfigurationError(where, problems);
}

/**
 * Names its logs, metrics and queries: the outermost stack's name, and the path in there. A hash is added unless the
 * construct stands directly in a stack, for two paths can be the same once they are joined.
 */
function serviceName(construct: Construct): string {
  let stack = Stack.of(construct);
  while (stack.nestedStackParent) stack = stack.nestedStackParent;
  const path = construct.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
  const parts = path.filter(part => part !== 'Default');
  const name = [stack.stackName, ...parts].join('-');
  if (parts.length <= 1 && /^[A-Za-z0-9-]{1,128}$/.test(name)) return name;
  const hash = stackUniqueId(construct).slice(-8);
  return `${name.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 119)}-${hash}`;
}
